import t from 'tap';
import { OUTCOME_ANSWERED, VERDICT_ALLOWED } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const MONITOR = 0x0a4d0063;

t.test('a host that is only looked at: two doors opened and shut without a word are enough', (t) => {
  const look = (port: number): Change => ({
    port,
    outcome: OUTCOME_ANSWERED,
    packetsOut: 3,
    packetsIn: 1,
    bytesOut: 152,
    bytesIn: 52,
  });
  const talk = { outcome: OUTCOME_ANSWERED, packetsOut: 9, packetsIn: 9, bytesOut: 2_000, bytesIn: 9_000 };
  const nmap = createScene();
  for (const port of [80, 443, 80]) nmap.first({ port }, START);
  for (const port of [80, 443, 80]) nmap.end(look(port), START + 10_000);
  nmap.end({ port: 443, ...talk }, START + 11_000);
  nmap.tick(START + 60_000);
  t.same(nmap.by('portScan'), [], 'it may be a health check, and go on');
  nmap.tick(START + 71_000);
  t.match(nmap.by('portScan'), [{ severity: 'high', evidence: { openedAndShutWithoutData: 3 } }]);
  const check = createScene();
  for (let n = 0; n < 300; n += 1)
    for (const port of [104, 443]) {
      check.first({ port, fromDevice: false }, START + n * 5_000);
      check.end(
        {
          ...look(port),
          fromDevice: false,
          packetsOut: 1,
          packetsIn: 3,
          bytesOut: 52,
          bytesIn: 152,
        },
        START + n * 5_000 + 100,
      );
      check.tick(START + n * 5_000 + 200);
    }
  check.tick(START + 3_600_000);
  t.same(check.by('portScan'), [], "a load balancer's health checks on two ports");
  const browser = createScene();
  for (const port of [443, 80, 80, 80, 80]) browser.first({ port }, START);
  for (const port of [80, 80, 80, 80]) browser.end(look(port), START + 5_000);
  browser.tick(START + 70_000);
  t.same(browser.by('portScan'), [], 'connections in stock, to one port');
  browser.end({ port: 443, ...talk }, START + 6_000);
  for (const port of [443, 80, 443]) browser.end(look(port), START + 7_000);
  browser.tick(START + 80_000);
  t.same(browser.by('portScan'), [], 'a host that it talks to');
  const allowed = createScene();
  for (const port of [80, 443, 80]) allowed.first({ port, verdict: VERDICT_ALLOWED }, START);
  for (const port of [80, 443, 80]) allowed.end({ ...look(port), verdict: VERDICT_ALLOWED }, START + 10_000);
  allowed.tick(START + 80_000);
  t.same(allowed.by('portScan'), [], 'health checks that an entry allows');
  t.end();
});

t.test('a monitor that opens and shuts ports every few minutes is told once, a look at others again', (t) => {
  const MINUTE_MS = 60_000;
  const HOUR_MS = 60 * MINUTE_MS;
  const check = (scene: Scene, ports: readonly number[], nowMs: number): void => {
    for (const [n, port] of ports.entries()) {
      const knock = { to: MONITOR, fromDevice: false, port };
      scene.first(knock, nowMs + n * 1_000);
      scene.end(
        { ...knock, outcome: OUTCOME_ANSWERED, packetsIn: 3, packetsOut: 1, bytesIn: 152, bytesOut: 52 },
        nowMs + n * 1_000 + 100,
      );
    }
  };
  const every = (scene: Scene, everyMs: number, fromMs: number, untilMs: number): void => {
    for (let nowMs = fromMs; nowMs < untilMs; nowMs += everyMs) {
      check(scene, [22, 80, 104], nowMs);
      for (let tickMs = nowMs; tickMs < nowMs + everyMs; tickMs += MINUTE_MS) scene.tick(tickMs + 5_000);
    }
  };
  const closed = (scene: Scene): number =>
    scene.told.filter(({ detector, state }) => detector === 'portScan' && state === 'closed').length;
  const severities = (scene: Scene): string[] => [
    ...new Set(scene.by('portScan').map(({ severity }) => severity)),
  ];
  const old = createScene();
  every(old, 5 * MINUTE_MS, START, START + 48 * HOUR_MS);
  t.same(severities(old), ['low'], 'there before the box');
  t.equal(closed(old), 1, 'once');
  check(old, [22, 443, 104], START + 48 * HOUR_MS + 2 * MINUTE_MS);
  old.tick(START + 48 * HOUR_MS + 4 * MINUTE_MS);
  t.same(severities(old), ['low', 'medium'], 'then it looks at another port');

  const later = createScene();
  later.end({}, START);
  every(later, 5 * MINUTE_MS, START + 30 * HOUR_MS, START + 54 * HOUR_MS);
  t.same(severities(later), ['medium'], 'put up later');
  t.equal(closed(later), 1, 'once');
  later.tick(START + 270 * HOUR_MS);
  const told = later.by('portScan').length;
  check(later, [22, 80, 104], START + 270 * HOUR_MS);
  later.tick(START + 271 * HOUR_MS);
  t.equal(later.by('portScan').length, told + 1, 'nine days later it is told again');

  const restarted = createScene();
  const backMs = START + 55 * HOUR_MS;
  restarted.detection.restoreMemories(later.detection.memories(), backMs);
  restarted.end({}, backMs);
  check(restarted, [22, 80, 104], backMs + MINUTE_MS);
  restarted.tick(backMs + 3 * MINUTE_MS);
  t.same(severities(restarted), [], 'known after a restart');
  check(restarted, [22, 80, 443], backMs + 5 * MINUTE_MS);
  restarted.tick(backMs + 7 * MINUTE_MS);
  t.same(
    severities(restarted),
    ['medium'],
    'and another look is not, of a device that is new to this run alone',
  );
  t.same(later.detection.memories(), [], 'taken once');

  const once = createScene();
  check(once, [22, 80, 104], START);
  once.tick(START + 63_000);
  t.same(severities(once), ['low'], 'it may come again');
  once.tick(START + 20 * MINUTE_MS);
  once.tick(START + 20 * MINUTE_MS + 5_000);
  t.same(severities(once), ['low', 'medium'], 'it did not');
  t.end();
});
