import './support/in-own-namespace.js';
import t from 'tap';
import { testContainedFlows } from './support/contained-flows.js';

await testContainedFlows(t, 'bridge');
