import t from 'tap';
import { coverageOf } from '../../../agent/learn/coverage.js';
import { hoursOfWeek, lastRun, WatchLog } from '../../../agent/learn/watched.js';
import { DAY_MS, habitOf, MONDAY_MS, pump } from './support.js';

const HOUR_MS = 3_600_000;
const counted = (fromMs: number, toMs: number, offset = 0): number =>
  hoursOfWeek([{ fromMs, toMs }], offset).filter(Boolean).length;

t.test('hours of the week: half an hour of one counts it, a week has them all', (t) => {
  t.equal(counted(MONDAY_MS, MONDAY_MS + 29 * 60_000), 0);
  t.equal(counted(MONDAY_MS, MONDAY_MS + 30 * 60_000), 1);
  t.equal(counted(MONDAY_MS, MONDAY_MS + DAY_MS), 24);
  t.equal(counted(MONDAY_MS + 1, MONDAY_MS + 7 * DAY_MS), 168);
  t.equal(counted(MONDAY_MS, MONDAY_MS + 400 * DAY_MS), 168);
  t.end();
});

t.test('hours are those of the ward: the first of a Monday is the first of the map', (t) => {
  const hour = { fromMs: MONDAY_MS, toMs: MONDAY_MS + HOUR_MS };
  t.equal(hoursOfWeek([hour], 0).indexOf(true), 0);
  t.equal(hoursOfWeek([hour], 120).indexOf(true), 2, 'two hours east of Greenwich');
  t.equal(hoursOfWeek([hour], -300).indexOf(true), 163, 'Sunday evening, five hours west');
  t.end();
});

t.test('stretches join over a restart, and a clock that was set back begins another', (t) => {
  const log = new WatchLog(180_000);
  for (const atMs of [0, 60_000, 200_000, 900_000, 100_000]) log.see(atMs);
  t.same(log.stretches(), [
    { fromMs: 0, toMs: 200_000 },
    { fromMs: 900_000, toMs: 900_000 },
    { fromMs: 100_000, toMs: 100_000 },
  ]);
  t.same(
    lastRun(
      [
        { fromMs: 0, toMs: 10 },
        { fromMs: 15, toMs: 20 },
      ],
      5,
    ),
    { fromMs: 0, toMs: 20 },
  );
  t.equal(lastRun([], 5), null);
  t.end();
});

const TABLE: readonly (readonly [days: number, newestDay: number, verdict: string, monthly: boolean])[] = [
  [0.5, 0, 'too early', false],
  [5, 0, 'still learning', false],
  [8, 7, 'still learning', false],
  [8, 0, 'a week seen', false],
  [31, 0, 'a week seen', false],
  [33, 0, 'a month seen', true],
];

t.test('the verdict follows what was watched, and what is still new', (t) => {
  for (const [days, newestDay, verdict, monthlySeen] of TABLE) {
    const nowMs = MONDAY_MS + days * DAY_MS;
    const habits = [
      habitOf('out 6/104 10.77.0.1'),
      habitOf('out 6/80 10.77.0.1', { firstMs: MONDAY_MS + newestDay * DAY_MS, count: 1 }),
    ];
    const found = coverageOf(pump, habits, [{ fromMs: MONDAY_MS - DAY_MS, toMs: nowMs }], nowMs, 0);
    t.match(found, { verdict, monthlySeen, connections: 2, seenOnce: 1 }, `${days} days`);
    t.equal(found.watchedMs, days * DAY_MS, 'what was watched before it was there does not count');
  }
  t.end();
});

t.test('a day that was not watched is not a day without anything new', (t) => {
  const nowMs = MONDAY_MS + 5 * DAY_MS;
  const stretches = [
    { fromMs: MONDAY_MS, toMs: MONDAY_MS + DAY_MS - 1 },
    { fromMs: nowMs - 1, toMs: nowMs },
  ];
  const { newPerDay, verdict } = coverageOf(pump, [habitOf('out 6/104 10.77.0.1')], stretches, nowMs, 0);
  t.same(newPerDay.slice(-6), [1, null, null, null, 0, 0]);
  t.equal(verdict, 'still learning');
  t.end();
});
