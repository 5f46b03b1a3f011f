import './support/in-own-namespace.js';
import t from 'tap';
import { testContainedFlows } from './support/contained-flows.js';

// Long for machines that are emulated in software (make test-debian-kernel).
t.setTimeout(280_000);
await testContainedFlows(t, 'bridge');
