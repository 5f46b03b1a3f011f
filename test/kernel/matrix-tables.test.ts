import './support/in-own-namespace.js';
import t from 'tap';
import { TABLE_FAULTS } from '../../agent/lab/matrix/table-faults.js';
import { testFaults } from './support/matrix-tests.js';

await testFaults(t, TABLE_FAULTS);
