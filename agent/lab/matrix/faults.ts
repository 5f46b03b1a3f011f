/** Every row of the failure matrix, in the order of the table. */
import type { Fault } from './fault.js';
import { PROCESS_FAULTS } from './process-faults.js';
import { TABLE_FAULTS } from './table-faults.js';

export const FAULTS: readonly Fault[] = [...PROCESS_FAULTS, ...TABLE_FAULTS];
