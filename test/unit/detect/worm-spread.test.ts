import t from 'tap';
import { OUTCOME_ANSWERED, OUTCOME_NO_ANSWER } from '../../../agent/detect/event.js';
import { createScene, START, WATCHED_LONG, type Change, type Scene } from './scene.js';

const DAY_MS = 86_400_000;

t.test(
  'a device that was contacted on a service and then contacts many on it is a worm, critical, with the infector',
  (t) => {
    const scene = createScene();
    scene.first({ fromDevice: false, to: 0xc0000207, port: 445 }, START);
    for (let n = 0; n < 8; n += 1)
      scene.first({ to: 0x0a000001 + n * 65_536, port: 445 }, START + 60_000 + n * 20_000);
    const [finding] = scene.by('wormSpread');
    t.match(finding, {
      severity: 'critical',
      peer: '192.0.2.7',
      evidence: { kind: 'server turned client', service: 'tcp/445' },
    });
    t.equal(finding?.evidence['newHosts'], 6, 'told at the sixth');
    t.end();
  },
);

t.test('many new hosts anywhere on one service are a worm without a contact before, high', (t) => {
  const scene = createScene();
  for (let n = 0; n < 40; n += 1) scene.first({ to: 0x0a000001 + n * 65_536, port: 23 }, START + n * 10_000);
  t.match(scene.by('wormSpread').slice(0, 1), [{ severity: 'high', evidence: { newHosts: 25 } }]);
  t.end();
});

t.test('an archive that pushes to those who query it, and name look-ups, spread nothing', (t) => {
  const scene = createScene({ unfamiliarPeer: { learnSeconds: 31_536_000 } });
  for (let round = 0; round < 20; round += 1)
    for (let n = 0; n < 40; n += 1) {
      const nowMs = START + round * 120_000 + n * 3_000;
      scene.first({ fromDevice: false, to: 0x0a4e0001 + n * 256, port: 11_112 }, nowMs);
      scene.first({ to: 0x0a4e0001 + n * 256, port: 11_112 }, nowMs + 500);
      scene.first({ to: 0x0a4d0002 + (n % 2), port: 53, protocol: 17, tcpFlags: 0 }, nowMs + 600);
    }
  t.same(scene.told, []);
  t.end();
});

/** Contacted by somebody, then eight new hosts on the same service within three minutes. */
function turns(scene: Scene, port: number, nowMs: number, change: Change = {}): void {
  scene.first({ fromDevice: false, to: 0x0a4e0101, port, ...change }, nowMs);
  for (let n = 0; n < 8; n += 1)
    scene.first({ to: 0x0a600001 + n * 65_536, port, ...change }, nowMs + 60_000 + n * 20_000);
}

t.test('a device that was infected by another device is a worm, critical, with that device', (t) => {
  const scene = createScene();
  const other = { deviceId: 3, at: 0x0a4d000b };
  scene.first({ port: 123, protocol: 17, tcpFlags: 0 }, START);
  scene.first({ ...other, to: 0x0a4d000a, port: 22 }, START + 1_000);
  for (let n = 0; n < 8; n += 1) scene.first({ to: 0x0a000001 + n * 65_536, port: 22 }, START + n * 90_000);
  t.match(scene.by('wormSpread').slice(0, 1), [
    { severity: 'critical', device: 'pump-1', peer: '10.77.0.11' },
  ]);
  t.end();
});

t.test(
  'what only hands on turns nobody: an archive in its first week, updates among neighbours, mail',
  (t) => {
    const week = { ...WATCHED_LONG, lateralContact: { learnSeconds: 31_536_000 } };
    for (const [port, day, isTold] of [
      [104, 0, false],
      [7680, 0, false],
      [7680, 9, false],
      [25, 9, false],
      [104, 9, true],
      [445, 0, true],
    ] as const) {
      const scene = createScene(week);
      scene.first({ port: 123, protocol: 17, tcpFlags: 0 }, START);
      turns(scene, port, START + day * DAY_MS);
      t.equal(scene.by('wormSpread').length > 0, isTold, `tcp/${port} on day ${day}`);
    }
    t.end();
  },
);

t.test('a service that a device uses towards others daily does not turn it; its memory says so', (t) => {
  const before = createScene(WATCHED_LONG);
  for (let day = 0; day < 9; day += 1) before.first({ port: 22, to: 0x0a4d0001 }, START + day * DAY_MS);
  for (const isRestarted of [false, true]) {
    const scene = isRestarted ? createScene(WATCHED_LONG) : before;
    if (isRestarted) scene.detection.restoreMemories(before.detection.memories(), START + 9 * DAY_MS);
    turns(scene, 22, START + 9 * DAY_MS);
    t.same(scene.by('wormSpread'), []);
  }
  const never = createScene(WATCHED_LONG);
  never.first({}, START);
  turns(never, 22, START + 9 * DAY_MS);
  t.match(never.by('wormSpread'), [{ severity: 'critical' }]);
  t.end();
});

t.test('web pages and names outside are a browser, unless many fail; the same inside is spreading', (t) => {
  for (const [port, protocol] of [
    [443, 6],
    [80, 6],
    [53, 17],
  ] as const) {
    const scene = createScene(WATCHED_LONG);
    const service = { port, protocol, tcpFlags: protocol === 6 ? 2 : 0 };
    const visit = (n: number, outcome: number): void => {
      scene.first({ ...service, to: 0x17000001 + n * 65_536 }, START + n * 2_000);
      scene.end({ ...service, to: 0x17000001 + n * 65_536, outcome }, START + n * 2_000 + 1_000);
    };
    for (let n = 0; n < 200; n += 1) visit(n, n % 10 === 0 ? OUTCOME_NO_ANSWER : OUTCOME_ANSWERED);
    t.match(scene.by('wormSpread'), [{ severity: 'low', title: /goes out on/ }], `${port}, one of ten fails`);
    scene.tick(START + 1_900_000);
    const inside = createScene(WATCHED_LONG);
    for (let n = 0; n < 40; n += 1)
      inside.first({ ...service, to: 0x0a000001 + n * 65_536 }, START + n * 2_000);
    t.match(inside.by('wormSpread').slice(0, 1), [{ severity: 'high' }]);
    for (let n = 1_000; n < 1_040; n += 1) visit(n, n % 3 === 0 ? OUTCOME_NO_ANSWER : OUTCOME_ANSWERED);
    scene.tick(START + 2_100_000);
    t.match(scene.by('wormSpread').at(-1), { severity: 'high' }, `${port}, one of three`);
    const daily = createScene(WATCHED_LONG);
    for (let day = 0; day < 6; day += 1) {
      for (let n = 0; n < 40; n += 1)
        daily.first(
          { ...service, to: 0x17000001 + (day * 40 + n) * 65_536 },
          START + day * DAY_MS + n * 2_000,
        );
      daily.tick(START + day * DAY_MS + 7_200_000);
    }
    t.equal(daily.by('wormSpread').length, 3, 'what it does daily is not told any more');
  }
  t.end();
});
