import './support/in-own-namespace.js';
import t from 'tap';
import { PROCESS_FAULTS } from '../../agent/lab/matrix/process-faults.js';
import { testFaults } from './support/matrix-tests.js';

await testFaults(t, PROCESS_FAULTS);
