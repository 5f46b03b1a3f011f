import t from 'tap';
import { formatDuration, formatRelative, formatTime, parseDuration } from '../../../agent/cli/durations.js';

t.test('a duration is a number and its unit', (t) => {
  const cases: readonly (readonly [string, number | null])[] = [
    ['90s', 90],
    ['15m', 900],
    ['2h', 7_200],
    ['7d', 604_800],
    ['365d', 31_536_000],
    ['366d', null],
    ['0s', null],
    ['', null],
    ['2', null],
    ['h', null],
    ['-2h', null],
    ['1.5h', null],
    ['2 h', null],
    ['2H', null],
    ['2h30m', null],
    ['99999999999d', null],
    ['1constructor', null],
  ];
  for (const [text, seconds] of cases) t.equal(parseDuration(text), seconds, text);
  t.end();
});

t.test('a duration is said in its largest units', (t) => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [-5, '0 s'],
    [59.9, '59 s'],
    [95, '1 min 35 s'],
    [300, '5 min'],
    [3_599, '59 min'],
    [7_500, '2 h 5 min'],
    [7_200, '2 h'],
    [270_000, '3 d 3 h'],
    [40 * 86_400 + 3_600, '40 d'],
  ];
  for (const [seconds, text] of cases) t.equal(formatDuration(seconds), text, String(seconds));
  t.end();
});

t.test('a time is told from now', (t) => {
  const nowMs = 1_000_000_000_000;
  const cases: readonly (readonly [number, string])[] = [
    [0, 'now'],
    [-400, 'now'],
    [-45_000, '45 s ago'],
    [-200_000, '3 min ago'],
    [-7_500_000, '2 h 5 min ago'],
    [95_000, 'in 1 min 35 s'],
  ];
  for (const [offsetMs, text] of cases) t.equal(formatRelative(nowMs + offsetMs, nowMs), text, text);
  t.end();
});

t.test('a time is local, to the second, with its offset', (t) => {
  const text = formatTime(1_763_942_999_999);
  t.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
  t.equal(Date.parse(text), 1_763_942_999_000);
  t.end();
});
