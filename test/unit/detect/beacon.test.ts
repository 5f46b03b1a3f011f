import t from 'tap';
import {
  OUTCOME_ANSWERED,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  VERDICT_WOULD_REFUSE,
} from '../../../agent/detect/event.js';
import { createScene, randomOf, START, type Change } from './scene.js';

const OUTSIDE = 0xcb00710a;
const INSIDE = 0x0a4d0001;

/** Calls with the given gaps in seconds; returns how many beacon findings were told, and the last. */
function calls(gaps: readonly number[], change: Change = {}) {
  const scene = createScene({ beacon: {} });
  let nowMs = START;
  scene.first({ to: OUTSIDE, port: 443, ...change }, nowMs);
  for (const gap of gaps) {
    nowMs += Math.round(gap * 1000);
    scene.first({ to: OUTSIDE, port: 443, ...change }, nowMs);
  }
  return scene.by('beacon');
}

t.test('calls at fixed and jittered times are beacons, from a second to hours apart', (t) => {
  const random = randomOf(7);
  for (const [period, jitter] of [
    [1, 0],
    [60, 0],
    [60, 0.1],
    [300, 0.3],
    [14_400, 0.2],
  ] as const) {
    const gaps = Array.from({ length: 40 }, () => period * (1 + jitter * (random() * 2 - 1)));
    const [finding] = calls(gaps);
    t.match(finding, { severity: 'medium', peer: '203.0.113.10' }, `${period} s, jitter ${jitter}`);
    t.ok(Math.abs(Number(finding?.evidence['periodSeconds']) / period - 1) < 0.2);
  }
  const [lossy] = calls(Array.from({ length: 40 }, (_, n) => (n % 12 === 11 ? 120 : 60)));
  t.match(lossy, { evidence: { periodSeconds: 60 } }, 'a missed call now and then does not hide it');
  t.match(
    calls(new Array<number>(30).fill(60), { to: INSIDE, verdict: VERDICT_WOULD_REFUSE })[0],
    { severity: 'low' },
    'to a server inside that no entry foresees',
  );
  for (const port of [53, 123, 137])
    t.match(calls(new Array<number>(30).fill(60), { port })[0], { severity: 'medium' }, `TCP to ${port}`);
  t.match(
    calls(new Array<number>(30).fill(60), { protocol: 1, port: 0x0800, srcPort: -1 })[0],
    { severity: 'low' },
    'by ping',
  );
  t.same(
    calls(new Array<number>(30).fill(60), { to: INSIDE }),
    [],
    'to a server inside, before there are entries',
  );
  t.end();
});

t.test(
  'calls to servers drawn by lot are regular together; a sweep and clouds by themselves are not',
  (t) => {
    const random = randomOf(11);
    const scene = createScene();
    for (let n = 0; n < 60; n += 1)
      scene.first(
        { to: OUTSIDE + Math.floor(random() * 8), port: 443 },
        START + n * 60_000 + Math.round(random() * 9_000),
      );
    t.match(scene.by('beacon'), [{ severity: 'medium', title: /several addresses in turn/ }]);
    const sweep = createScene();
    for (let n = 0; n < 100; n += 1) sweep.first({ to: OUTSIDE + n, port: 445 }, START + n * 2_000);
    t.same(sweep.by('beacon'), []);
    const two = createScene();
    for (let n = 0; n < 60; n += 1)
      for (const cloud of [0, 1])
        two.first({ to: OUTSIDE + cloud, port: 443 }, START + n * 60_000 + cloud * 30_000);
    t.match(
      two.by('beacon').map(({ key }) => key.includes('rotating')),
      [false],
      'each by itself, one beat',
    );
    t.end();
  },
);

t.test('a connection that lives until the next is kept open, and no call', (t) => {
  const kept = (periodMs: number, livesMs: number, together = 1) => {
    const scene = createScene();
    const call = { to: OUTSIDE, port: 8883, outcome: OUTCOME_ANSWERED };
    let nowMs = START;
    for (let n = 0; n < 30; n += 1) {
      for (let one = 0; one < together; one += 1) scene.first(call, nowMs + one);
      // The end is told when the connection's last seconds are over too.
      for (let one = 0; one < together; one += 1)
        scene.end({ ...call, durationMs: livesMs }, nowMs + livesMs + 20_000);
      nowMs += periodMs;
    }
    return scene.by('beacon').at(-1);
  };
  const HOUR = 3_600_000;
  t.match(kept(HOUR, HOUR - 25_000), { severity: 'low', title: /keeps a connection to/ });
  t.match(kept(HOUR, HOUR / 2), { severity: 'medium', title: / calls /, evidence: { openPercent: 50 } });
  t.match(kept(HOUR, HOUR / 2, 2), { severity: 'medium' }, 'two at a time count once');
  t.match(kept(60_000, 35_000), { severity: 'medium' }, 'a long poll each minute');
  t.end();
});

t.test('a cloud whose address changes is one finding; another period or service is another', (t) => {
  const scene = createScene();
  const call = (to: number, port: number, periodMs: number, count: number, atMs: number): void => {
    for (let n = 0; n < count; n += 1) scene.first({ to, port }, atMs + n * periodMs);
    scene.tick(atMs + count * periodMs);
  };
  const DAY_MS = 86_400_000;
  for (let day = 0; day < 5; day += 1)
    call(OUTSIDE + day, 443, 60_000 + day * 1_000, 600, START + day * DAY_MS);
  const keys = (): number => new Set(scene.by('beacon').map(({ key }) => key)).size;
  t.equal(keys(), 1);
  t.same(
    scene.told.filter(({ detector, state }) => detector === 'beacon' && state === 'closed'),
    [],
    'nor is it over by night',
  );
  t.match(scene.by('beacon').at(-1), { peer: '203.0.113.14', evidence: { addresses: 5 } });
  call(OUTSIDE + 9, 443, 600_000, 40, START + 6 * DAY_MS);
  t.equal(keys(), 2, 'each ten minutes');
  call(OUTSIDE, 8443, 60_000, 40, START + 7 * DAY_MS);
  t.equal(keys(), 3, 'another service');
  t.end();
});

t.test('what is no beacon: chance, people, few calls, periodic services, approved entries', (t) => {
  const random = randomOf(3);
  const chance = Array.from({ length: 400 }, () => -Math.log(1 - random()) * 60);
  t.same(calls(chance), [], 'a Poisson process');
  const people = Array.from({ length: 200 }, (_, n) =>
    n % 10 === 9 ? 900 + random() * 3000 : 1 + random() * 20,
  );
  t.same(calls(people), [], 'bursts of clicks');
  t.same(calls(new Array<number>(15).fill(60)), [], 'too few to say');
  t.same(calls(new Array<number>(60).fill(64), { port: 123, protocol: 17 }), [], 'NTP');
  t.same(calls(new Array<number>(60).fill(60), { verdict: VERDICT_ALLOWED }), [], 'HL7 to its server');
  t.same(
    calls(new Array<number>(60).fill(60), { protocol: 1, port: 0x0800, srcPort: -1, to: INSIDE }),
    [],
    'whether its gateway is there',
  );
  t.same(calls(new Array<number>(60).fill(0.1)), [], 'one visit of many connections');
  t.not(calls(new Array<number>(60).fill(60), { verdict: VERDICT_REFUSED }).length, 0, 'refused ones count');
  t.end();
});
