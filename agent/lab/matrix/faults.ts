/** Every row of the failure matrix, in the order of the table. */
import type { Fault } from './fault.js';
import { NETWORK_FAULTS } from './network-faults.js';
import { PROCESS_FAULTS } from './process-faults.js';
import { STORAGE_FAULTS } from './storage-faults.js';
import { TABLE_FAULTS } from './table-faults.js';

export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...STORAGE_FAULTS,
  ...TABLE_FAULTS,
  ...NETWORK_FAULTS,
];
