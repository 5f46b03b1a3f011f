import t from 'tap';
import { lookAtClocks, settledWallMs, type ClockState } from '../../../agent/policy/settled-clock.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const START = Date.parse('2026-11-24T08:00:00Z');
const YEAR = 365 * 24 * HOUR;

/** Looks once a minute; `wall` says what the wall clock shows. Gives back the time that may end exceptions, at each look. */
function look(minutes: number, wall: (minute: number) => number): (number | null)[] {
  let state: ClockState | null = null;
  return Array.from({ length: minutes }, (_, minute) => {
    const clocks = { wallMs: wall(minute), steadyMs: minute * MINUTE };
    state = lookAtClocks(state, clocks).state;
    return settledWallMs(state, clocks, HOUR);
  });
}

t.test('a clock is believed after an hour without a jump', (t) => {
  const seen = look(63, (minute) => START + minute * MINUTE);
  t.strictSame(seen.slice(58), [null, null, START + 60 * MINUTE, START + 61 * MINUTE, START + 62 * MINUTE]);
  t.end();
});

t.test(
  'a box that starts in 1970 and is set after five minutes believes its clock an hour after that',
  (t) => {
    const seen = look(70, (minute) => (minute < 5 ? minute * MINUTE : START + minute * MINUTE));
    t.strictSame(
      seen.findIndex((ms) => ms !== null),
      65,
    );
    t.equal(seen[65], START + 65 * MINUTE);
    t.end();
  },
);

t.test('a clock that is a year ahead for half an hour ends nothing', (t) => {
  const seen = look(300, (minute) => START + minute * MINUTE + (minute >= 100 && minute < 130 ? YEAR : 0));
  t.ok(seen.every((ms) => ms === null || ms < START + YEAR));
  t.equal(seen[99], START + 99 * MINUTE);
  t.ok(seen.slice(100, 190).every((ms) => ms === null));
  t.equal(seen[190], START + 190 * MINUTE);
  t.end();
});

t.test('what time servers correct is no jump', (t) => {
  const seen = look(200, (minute) => START + minute * (MINUTE + 30));
  t.ok(seen.slice(60).every((ms) => ms !== null));
  t.end();
});

t.test('a jump since the last look is not believed either', (t) => {
  const { state } = lookAtClocks(null, { wallMs: START, steadyMs: 0 });
  t.equal(settledWallMs(state, { wallMs: START + 2 * HOUR, steadyMs: 2 * HOUR }, HOUR), START + 2 * HOUR);
  t.equal(settledWallMs(state, { wallMs: START + YEAR, steadyMs: 2 * HOUR }, HOUR), null);
  t.equal(settledWallMs(null, { wallMs: START, steadyMs: 0 }, HOUR), null);
  t.end();
});
