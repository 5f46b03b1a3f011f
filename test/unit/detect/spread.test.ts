import t from 'tap';
import { reasonIndex, VERDICT_REFUSED } from '../../../agent/detect/event.js';
import { createScene, START, WATCHED_LONG, type Change, type Scene } from './scene.js';

const REFUSED = { verdict: VERDICT_REFUSED, reason: reasonIndex('policy') };
const DAY_MS = 86_400_000;

t.test(
  'a flood inside one connection: pings, and questions that nobody answers; a stream or a log is none',
  (t) => {
    const udp = (port: number, out: number, back: number, durationMs: number): Change => ({
      protocol: 17,
      port,
      tcpFlags: 0,
      packetsOut: out,
      packetsIn: back,
      durationMs,
    });
    const echo = (out: number, back: number, durationMs: number): Change => ({
      ...udp(0x0800, out, back, durationMs),
      protocol: 1,
      srcPort: -1,
    });
    const flooding: readonly Change[] = [
      echo(8_000, 8_000, 4_000),
      echo(8_000, 0, 4_000),
      udp(53, 8_000, 100, 4_000),
      udp(1_900, 3_000, 0, 30_000),
      { ...udp(443, 100, 8_000, 4_000), fromDevice: false, to: 0x8efa0101 },
      { ...echo(20, 20_000, 10_000), fromDevice: false },
    ];
    for (const change of flooding) {
      const scene = createScene();
      scene.end(change, START);
      t.match(scene.by('connectionBurst'), [
        {
          severity: change.fromDevice === false ? 'high' : 'medium',
          evidence: { kind: 'flood in one connection', thresholdPerSecond: 100 },
        },
      ]);
      t.same(scene.by('dnsTunnel'), []);
    }
    const honest = createScene();
    for (const change of [
      echo(86_400, 86_400, 86_400_000),
      echo(20, 20, 100),
      udp(53, 8_000, 7_900, 4_000),
      udp(5_004, 500_000, 0, 600_000),
      udp(514, 50_000, 0, 60_000),
      udp(320, 7_680, 0, 60_000),
      { ...udp(443, 160_000, 14_000, 60_000), to: 0x8efa0101 },
    ])
      honest.end(change, START);
    t.same(honest.by('connectionBurst'), []);
    t.end();
  },
);

const FLOODS: readonly { name: string; change: (n: number) => Change; everyMs: number; severity: string }[] =
  [
    { name: 'a device that floods one server', change: () => ({ port: 80 }), everyMs: 5, severity: 'medium' },
    {
      name: 'a device flooded from many sources',
      change: (n) => ({ fromDevice: false, to: Math.imul(n, 2_654_435_761) >>> 1, port: 104 }),
      everyMs: 5,
      severity: 'high',
    },
    {
      name: 'a flood with forged sources from the device side',
      change: (n) => ({
        deviceId: 1,
        at: Math.imul(n, 2_654_435_761) >>> 1,
        to: Math.imul(n, 40_503) >>> 1,
        port: n & 0xffff,
      }),
      everyMs: 1,
      severity: 'high',
    },
  ];

t.test('floods are told within a second, once', (t) => {
  for (const { name, change, everyMs, severity } of FLOODS) {
    const scene = createScene();
    for (let n = 1; n <= 180; n += 1) scene.first(change(n), START + n * everyMs);
    t.match(scene.by('connectionBurst'), [{ severity }], name);
  }
  t.end();
});

function minutes(scene: Scene, from: number, to: number, perMinute: (minute: number) => number): void {
  for (let minute = from; minute < to; minute += 1) {
    const count = perMinute(minute);
    for (let n = 0; n < count; n += 1)
      scene.first(
        { to: 0x0a4d0001 + (n % 3), port: 104 },
        START + minute * 60_000 + n * Math.floor(59_000 / count),
      );
    scene.tick(START + minute * 60_000 + 59_500);
  }
}

t.test(
  'a burst is told against what is usual for the device: 700 a minute are one for a pump and none for an archive',
  (t) => {
    const pump = createScene();
    minutes(pump, 0, 60, () => 4);
    minutes(pump, 60, 62, () => 700);
    const [finding] = pump.by('connectionBurst');
    t.match(finding?.evidence, { thresholdPerMinute: 600 });
    t.ok(Number(finding?.evidence['usualPerMinute']) < 5);
    const archive = createScene();
    minutes(archive, 0, 120, (minute) => 300 + ((minute * 37) % 200));
    minutes(archive, 120, 122, () => 1_200);
    t.same(archive.by('connectionBurst'), []);
    minutes(archive, 122, 123, () => 6_000);
    t.ok(archive.by('connectionBurst').length > 0, 'ten times its usual is told');
    t.end();
  },
);

t.test(
  'an administrative service to a neighbour: a refused attempt at once, a passed one after learning, the usual never',
  (t) => {
    const scene = createScene(WATCHED_LONG);
    scene.first({ to: 0x0a4d0014, port: 445, ...REFUSED }, START);
    t.match(scene.by('lateralContact'), [
      { severity: 'medium', peer: '10.77.0.20', evidence: { wasRefused: true } },
    ]);
    scene.first({ to: 0x0a4d0015, port: 3389 }, START + 1_000);
    scene.first({ to: 0xc0000201, port: 22, ...REFUSED }, START + 2_000);
    t.match(
      scene.told.slice(1),
      [{ severity: 'info', title: /10\.77\.0\.21 by RDP .* while its habits are learnt/ }],
      'new to us, so for information; and a host elsewhere is no neighbour',
    );
    for (let hour = 1; hour < 200; hour += 1) {
      scene.first({ to: 0x0a4d0015, port: 3389 }, START + hour * 3_600_000);
      scene.tick(START + hour * 3_600_000);
    }
    t.equal(
      scene.by('lateralContact').filter(({ severity }) => severity !== 'info').length,
      1,
      'what it did while it was new stays usual',
    );
    scene.first({ deviceId: 3, at: 0x0a500001, to: 0x0a4d0016, port: 8080 }, START + 8 * DAY_MS);
    scene.first({ to: 0x0a500001, port: 22 }, START + 9 * DAY_MS);
    t.match(scene.by('lateralContact').slice(-1), [
      {
        severity: 'high',
        peer: '10.80.0.1',
        evidence: { kind: 'another guarded device', services: ['SSH (tcp/22)'] },
      },
    ]);
    t.end();
  },
);

t.test('remote control of every make is administrative, printing and file transfer are not', (t) => {
  for (const [port, isTold] of [
    [5901, true],
    [5555, true],
    [4899, true],
    [6129, true],
    [9100, false],
    [21, false],
  ] as const) {
    const scene = createScene(WATCHED_LONG);
    scene.first({}, START);
    scene.first({ to: 0x0a4d0014, port }, START + 8 * DAY_MS);
    t.equal(scene.by('lateralContact').length, isTold ? 1 : 0, `tcp/${port}`);
  }
  t.end();
});

t.test('a box that is put in before a weekend learns what is done on Monday', (t) => {
  const scene = createScene(WATCHED_LONG);
  scene.first({ port: 123, protocol: 17, tcpFlags: 0 }, START);
  scene.first({ to: 0x0a4d0014, port: 445 }, START + 2 * DAY_MS);
  t.match(scene.by('lateralContact'), [{ severity: 'info' }]);
  t.end();
});

t.test('lateral contacts of one device are one finding that lists them', (t) => {
  const scene = createScene();
  for (let n = 0; n < 6; n += 1)
    scene.first({ to: 0x0a4d0014 + n, port: n % 2 ? 445 : 135, ...REFUSED }, START + n * 90_000);
  scene.tick(START + 600_000);
  t.equal(scene.detection.open().filter(({ detector }) => detector === 'lateralContact').length, 1);
  t.match(scene.by('lateralContact').at(-1)?.title, /reaches for 6 neighbours by 2 administrative services/);
  t.end();
});
