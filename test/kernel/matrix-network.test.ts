import './support/in-own-namespace.js';
import t from 'tap';
import { NETWORK_FAULTS } from '../../agent/lab/matrix/network-faults.js';
import { testFaults } from './support/matrix-tests.js';

await testFaults(t, NETWORK_FAULTS);
