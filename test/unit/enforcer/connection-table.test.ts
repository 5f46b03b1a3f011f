import t from 'tap';
import { droppedForFullTable } from '../../../agent/enforcer/connection-table.js';

const TITLES =
  'entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart';
const line = (insertFailed: number, drop: number): string =>
  `000003a9  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 ${insertFailed.toString(16).padStart(8, '0')} ${drop.toString(16).padStart(8, '0')} 00000000 00000000  00000000 00000000 00000000 00000000`;

t.equal(
  droppedForFullTable([TITLES, line(14, 14), line(10, 10)].join('\n')),
  0,
  'lost races are no full table',
);
t.equal(droppedForFullTable([TITLES, line(14, 20), line(0, 256)].join('\n')), 262, 'of every processor');
t.equal(droppedForFullTable([TITLES, line(9, 1)].join('\n')), 0, 'never less than none');
t.equal(droppedForFullTable(''), 0);
t.equal(droppedForFullTable('entries found\n00000001 00000002'), 0);
