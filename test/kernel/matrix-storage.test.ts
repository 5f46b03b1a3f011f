import './support/in-own-namespace.js';
import t from 'tap';
import { STORAGE_FAULTS } from '../../agent/lab/matrix/storage-faults.js';
import { testFaults } from './support/matrix-tests.js';

await testFaults(t, STORAGE_FAULTS, { broker: true });
