import t from 'tap';
import { EVENT_PAYLOAD, OUTCOME_ANSWERED, VERDICT_ALLOWED } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MANAGER = 0x0a010063;
/** A short session of SSH: what the counters say of it, and how much data more or less. */
const session = (more = 0): Change => ({
  outcome: OUTCOME_ANSWERED,
  port: 22,
  fromDevice: false,
  to: MANAGER,
  packetsOut: 14,
  packetsIn: 12,
  bytesOut: 2_300 + more,
  bytesIn: 3_100,
  durationMs: 1_500,
});
function logIn(scene: Scene, count: number, atMs: number, everyMs: number, change: Change = {}): void {
  for (let n = 0; n < count; n += 1) {
    scene.end({ ...session((n % 3) * 8), ...change }, atMs + n * everyMs);
    if (n % 30 === 0) scene.tick(atMs + n * everyMs);
  }
}
/** A device that is known since START. */
function watched(): Scene {
  const scene = createScene();
  scene.end({ outcome: OUTCOME_ANSWERED, port: 104 }, START);
  return scene;
}
const openings = (scene: Scene): string[] => [
  ...new Set(scene.by('bruteForce').map(({ severity, firstMs, key }) => `${severity} ${firstMs} ${key}`)),
];
const severities = (scene: Scene): string[] => openings(scene).map((text) => text.split(' ')[0] ?? '');

t.test('jobs that log in from the first day on are told once, for low; four times as fast for high', (t) => {
  const monitored = watched();
  logIn(monitored, 10 * 1_440, START + MINUTE_MS, MINUTE_MS);
  t.same(severities(monitored), ['low'], 'a check each minute');
  t.match(monitored.by('bruteForce')[0], {
    peer: '10.1.0.99',
    device: 'pump-1',
    title: /^10\.1\.0\.99 logs in to pump-1 often/,
  });
  logIn(monitored, 60, START + 10 * DAY_MS + 2 * MINUTE_MS, 10_000);
  t.same(severities(monitored), ['low', 'high'], 'each ten seconds');
  const ordered = watched();
  for (let day = 0; day < 10; day += 1) logIn(ordered, 15, START + 7_200_000 + day * DAY_MS, 20_000);
  t.same(severities(ordered), ['low'], 'fifteen sessions each night');
  const outside = watched();
  logIn(outside, 30, START + MINUTE_MS, MINUTE_MS, { to: 0xc6336407 });
  t.same(severities(outside), ['high'], 'nobody of the site');
  const fast = watched();
  logIn(fast, 12, START + MINUTE_MS, 5_000);
  t.same(severities(fast), ['high'], 'as fast as who guesses');
  t.end();
});

t.test('who begins later and logs in all day is told once, for medium', (t) => {
  for (const [everyMinutes, change] of [
    [2, {}],
    [10, {}],
    [23, {}],
    [10, { fromDevice: true, to: 0x0a4d0066 }],
    [10, { port: 3389, to: 0xc6336407 }],
  ] as const) {
    const scene = watched();
    logIn(scene, 59, START + 2 * DAY_MS, everyMinutes * MINUTE_MS, change);
    t.same(openings(scene), [], `59, one in ${everyMinutes} min`);
    logIn(scene, 600, START + 2 * DAY_MS + 59 * everyMinutes * MINUTE_MS, everyMinutes * MINUTE_MS, change);
    t.same(severities(scene), ['medium'], `one in ${everyMinutes} min`);
    t.match(scene.by('bruteForce')[0], { evidence: { kind: 'guessing slowly at one host' } });
  }
  t.end();
});

t.test('logins of every day are no slow guesses', (t) => {
  const first = watched();
  logIn(first, 1_000, START + 3_600_000, 10 * MINUTE_MS);
  t.same(openings(first), [], 'a back-up each ten minutes since the first day');
  const people = watched();
  for (let n = 0; n < 300; n += 1)
    people.end(session((n * 977) % 3_000), START + 2 * DAY_MS + n * 5 * MINUTE_MS);
  t.same(openings(people), [], 'sessions of every size');
  const allowed = watched();
  logIn(allowed, 500, START + 2 * DAY_MS, 5 * MINUTE_MS, { verdict: VERDICT_ALLOWED });
  t.same(openings(allowed), [], 'by an entry that allows it');
  const seldom = watched();
  logIn(seldom, 500, START + 2 * DAY_MS, 30 * MINUTE_MS);
  t.same(openings(seldom), [], 'two an hour');
  const programs = watched();
  logIn(programs, 1_000, START + 2 * DAY_MS, 3 * MINUTE_MS, { port: 445 });
  t.same(openings(programs), [], 'an account that expired');
  t.end();
});

t.test('what is usual or was told comes back after a restart', (t) => {
  const before = watched();
  logIn(before, 200, START + MINUTE_MS, MINUTE_MS);
  logIn(before, 100, START + 2 * DAY_MS, 10 * MINUTE_MS, { to: 0x0a010064 });
  t.same(severities(before), ['low', 'medium']);
  const memories = before.detection.memories().filter(({ detector }) => detector === 'bruteForce');
  t.equal(memories.length, 3);
  t.same(
    before.detection.memories().filter(({ detector }) => detector === 'bruteForce'),
    [],
    'taken once',
  );
  const after = createScene();
  const nowMs = START + 3 * DAY_MS;
  after.detection.restoreMemories(JSON.parse(JSON.stringify(memories)) as typeof memories, nowMs);
  logIn(after, 200, nowMs + MINUTE_MS, MINUTE_MS);
  logIn(after, 200, nowMs + MINUTE_MS, 10 * MINUTE_MS, { to: 0x0a010064 });
  t.same(openings(after), []);
  logIn(after, 20, nowMs + 2 * DAY_MS, MINUTE_MS, { to: 0x0a010065 });
  t.same(severities(after), ['high'], 'its first day is over');
  t.end();
});

t.test(
  'a guesser that comes before the memories of a device, or with a flood of addresses, is no job of its first day',
  (t) => {
    const before = watched();
    logIn(before, 200, START + MINUTE_MS, MINUTE_MS);
    const memories = before.detection.memories();
    for (const given of [memories, memories.toReversed()]) {
      const after = createScene();
      const nowMs = START + 5 * DAY_MS;
      logIn(after, 1, nowMs, 0, { to: 0x0a010064 });
      logIn(after, 1, nowMs, 0);
      after.detection.restoreMemories(given, nowMs + 2_000);
      logIn(after, 20, nowMs + MINUTE_MS, MINUTE_MS);
      t.same(severities(after), [], 'the job is one still');
      logIn(after, 20, nowMs + DAY_MS, 40_000, { to: 0x0a010064 });
      t.same(severities(after), ['high']);
    }
    const flooded = watched();
    const nowMs = START + 30 * DAY_MS;
    for (let n = 0; n < 5_000; n += 1)
      flooded.end({ deviceId: 1, at: 0x0a500000 + n, outcome: OUTCOME_ANSWERED }, nowMs + n);
    logIn(flooded, 20, nowMs + MINUTE_MS, 40_000);
    t.same(severities(flooded), ['high']);
    t.end();
  },
);

t.test('an instrument that sends its results to a port of Telnet does not log in', (t) => {
  const send = (first: number, answered: number): Scene => {
    const scene = watched();
    for (let n = 0; n < 500; n += 1) {
      const atMs = START + 2 * DAY_MS + n * 30_000;
      const from = { port: 23, srcPort: 40_000 + n, to: MANAGER };
      for (const [isReply, byte] of [
        [false, first],
        [true, answered],
      ] as const) {
        const bytes = Uint8Array.of(byte);
        const said = { kind: EVENT_PAYLOAD, isReply, bytes, payloadOffset: 0, payloadLength: 1 };
        scene.first({ ...from, ...said }, atMs);
      }
      scene.end({ ...session(), fromDevice: true, ...from }, atMs + 2_000);
    }
    return scene;
  };
  t.same(openings(send(0x05, 0x06)), [], 'ASTM');
  t.same(openings(send(0x0b, 0x0b)), [], 'HL7');
  t.same(severities(send(0xff, 0xff)), ['high'], 'Telnet');
  t.same(severities(send(0x05, 0xff)), ['high'], 'a guesser that begins as an instrument does');
  t.end();
});
