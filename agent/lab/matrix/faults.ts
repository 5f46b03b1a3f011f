/** Every row of the failure matrix, in the order of the table. */
import type { Fault } from './fault.js';
import { PROCESS_FAULTS } from './process-faults.js';

export const FAULTS: readonly Fault[] = [...PROCESS_FAULTS];
