/** Rows whose mechanism is another one in router mode. */
import './support/in-own-namespace.js';
import t from 'tap';
import { PROCESS_FAULTS } from '../../agent/lab/matrix/process-faults.js';
import { TABLE_FAULTS } from '../../agent/lab/matrix/table-faults.js';
import { testFaults } from './support/matrix-tests.js';

await testFaults(
  t,
  [...TABLE_FAULTS, ...PROCESS_FAULTS].filter(({ id }) =>
    ['tables-deleted', 'ruleset-flushed', 'enforcer-hung'].includes(id),
  ),
  { mode: 'router' },
);
