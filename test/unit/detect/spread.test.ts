import t from 'tap';
import {
  OUTCOME_ANSWERED,
  OUTCOME_NO_ANSWER,
  reasonIndex,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
} from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const REFUSED = { verdict: VERDICT_REFUSED, reason: reasonIndex('policy') };
const DAY_MS = 86_400_000;
/** Nothing is told for being new alone. */
const WATCHED_LONG = {
  unfamiliarPeer: { learnSeconds: 31_536_000 },
  unfamiliarService: { learnSeconds: 31_536_000 },
  unfamiliarNetwork: { learnSeconds: 31_536_000 },
};

/** One connection of a login that failed: what the counters say of it. */
const guess = (change: Change): Change => ({
  outcome: OUTCOME_ANSWERED,
  packetsOut: 14,
  packetsIn: 12,
  bytesOut: 2_300,
  bytesIn: 3_100,
  durationMs: 2_500,
  ...change,
});

const GUESSED: readonly {
  name: string;
  port: number;
  connections: number;
  protocol?: number;
  bytes?: number;
}[] = [
  { name: 'SSH', port: 22, connections: 10 },
  { name: 'Telnet', port: 23, connections: 10 },
  { name: 'RDP', port: 3389, connections: 10 },
  { name: 'VNC', port: 5900, connections: 10 },
  { name: 'VNC', port: 5902, connections: 10 },
  { name: 'FTP', port: 21, connections: 20 },
  { name: 'Kerberos', port: 88, connections: 10, protocol: 17, bytes: 240 },
  { name: 'SMB', port: 445, connections: 40 },
  { name: 'POP3', port: 110, connections: 60 },
  { name: 'PostgreSQL', port: 5432, connections: 200 },
  { name: 'HTTP', port: 8080, connections: 600 },
];

t.test(
  'guessed passwords are told at the number of connections that the service deserves, not before',
  (t) => {
    for (const { name, port, connections, protocol = 6, bytes = 2_300 } of GUESSED) {
      const scene = createScene();
      const one = (n: number): void => {
        scene.end(
          guess({
            fromDevice: false,
            to: 0xc0000242,
            port,
            protocol,
            bytesOut: bytes + (n % 5) * 30,
            bytesIn: bytes,
          }),
          START + n * 500,
        );
      };
      scene.end(guess({ port: 104 }), START - 300_000);
      for (let n = 1; n < connections; n += 1) one(n);
      t.same(scene.by('bruteForce'), [], `${name}: not yet`);
      one(connections);
      t.match(
        scene.by('bruteForce'),
        [
          {
            severity: 'high',
            peer: '192.0.2.66',
            evidence: { kind: 'guessing at one host', service: `${name} (port ${port})` },
          },
        ],
        name,
      );
    }
    t.end();
  },
);

t.test('a device that guesses elsewhere, and one that tries a password at many hosts', (t) => {
  const guessing = createScene();
  for (let n = 0; n < 12; n += 1) guessing.end(guess({ port: 22, to: 0xc0000250 }), START + n * 4_000);
  t.match(guessing.by('bruteForce')[0]?.title, /^pump-1 seems to guess passwords of 192\.0\.2\.80/);
  const spraying = createScene();
  for (let n = 0; n < 12; n += 1) spraying.end(guess({ port: 3389, to: 0xc0000250 + n }), START + n * 4_000);
  t.match(spraying.by('bruteForce').slice(0, 1), [
    { title: /pump-1 tries logins at 10 hosts by RDP/, evidence: { kind: 'spraying many hosts' } },
  ]);
  t.end();
});

/** Flows to SNMP: `asked` packets out and `answered` back, one each `everyMs`. */
function asksSnmp(
  scene: Scene,
  flows: number,
  everyMs: number,
  asked: number,
  answered: number,
  change: Change = {},
): void {
  for (let n = 0; n < flows; n += 1)
    scene.end(
      {
        protocol: 17,
        port: 161,
        tcpFlags: 0,
        packetsOut: asked,
        packetsIn: answered,
        outcome: answered > 0 ? OUTCOME_ANSWERED : OUTCOME_NO_ANSWER,
        durationMs: 2_000,
        ...change,
      },
      START + n * everyMs,
    );
}

t.test(
  'SNMP communities that are guessed, from one socket or from many; not a station whose device is off',
  (t) => {
    for (const [flows, everyMs, asked, answered] of [
      [1, 0, 152, 1],
      [16, 500, 15, 0],
      [40, 200, 1, 0],
    ] as const) {
      const scene = createScene();
      asksSnmp(scene, flows, everyMs, asked, answered);
      t.match(scene.by('bruteForce'), [
        { severity: 'high', peer: '10.77.0.1', evidence: { service: 'SNMP (port 161)', answers: answered } },
      ]);
    }
    const inbound = createScene();
    asksSnmp(inbound, 1, 0, 1, 60, { fromDevice: false, packetsOut: 0, packetsIn: 60 });
    t.match(inbound.by('bruteForce'), [{ device: 'pump-1', title: /^10\.77\.0\.1 seems to guess SNMP/ }]);
    const honest = createScene();
    asksSnmp(honest, 500, 60_000, 6, 0);
    asksSnmp(honest, 1, 0, 1_200, 1_200);
    asksSnmp(honest, 1, 0, 50, 0, { verdict: VERDICT_ALLOWED, to: 0x0a4d0002 });
    asksSnmp(honest, 1, 0, 2_000, 0, { durationMs: 86_400_000, to: 0x0a4d0003 });
    t.same(honest.by('bruteForce'), []);
    t.end();
  },
);

t.test('a station whose device was answered before and is switched off guesses nothing', (t) => {
  const off = createScene();
  const minute = (scene: Scene, n: number, asked: number, answered: number): void => {
    for (let sensor = 0; sensor < 20; sensor += 1)
      scene.end(
        {
          protocol: 17,
          port: 161,
          tcpFlags: 0,
          packetsOut: asked,
          packetsIn: sensor < answered ? asked : 0,
          outcome: sensor < answered ? OUTCOME_ANSWERED : OUTCOME_NO_ANSWER,
        },
        START + n * 60_000 + sensor * 1_000,
      );
  };
  for (let n = 0; n < 10; n += 1) minute(off, n, 1, 20);
  minute(off, 10, 2, 4);
  for (let n = 11; n < 200; n += 1) minute(off, n, 2, 0);
  t.same(off.by('bruteForce'), []);
  for (let n = 200; n < 210; n += 1) minute(off, n, 1, 20);
  minute(off, 210, 10, 1);
  minute(off, 211, 10, 1);
  t.match(off.by('bruteForce'), [{ severity: 'high' }], 'a device that is on answers a few of many guesses');
  const guessed = createScene();
  minute(guessed, 0, 1, 20);
  minute(guessed, 1, 10, 0);
  t.match(guessed.by('bruteForce'), [{ severity: 'high' }], 'a minute of answers is no habit');
  t.end();
});

const HONEST_LOGINS: readonly { name: string; everyMs: number; change: (n: number) => Change }[] = [
  {
    name: 'a monitor that looks at the SSH banner',
    everyMs: 30_000,
    change: () => ({ port: 22, bytesOut: 260, bytesIn: 300 }),
  },
  {
    name: 'people who work over RDP',
    everyMs: 20_000,
    change: () => ({ port: 3389, durationMs: 900_000, bytesIn: 8_000_000 }),
  },
  {
    name: 'files by FTP of every size',
    everyMs: 25_000,
    change: (n) => ({ port: 21, bytesIn: 1_500 * (1 + ((n * 7) % 11)) }),
  },
  { name: 'a program with a connection for each query', everyMs: 4_000, change: () => ({ port: 1433 }) },
  { name: 'a web page that is polled', everyMs: 2_000, change: () => ({ port: 443 }) },
  {
    name: 'mail that is fetched each minute',
    everyMs: 60_000,
    change: () => ({ port: 110, verdict: VERDICT_ALLOWED }),
  },
];

t.test('honest clients of login services guess nothing', (t) => {
  for (const { name, everyMs, change } of HONEST_LOGINS) {
    const scene = createScene();
    for (let n = 0; n < 1_000; n += 1) scene.end(guess(change(n)), START + n * everyMs);
    t.same(scene.by('bruteForce'), [], name);
  }
  t.end();
});

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
    const scene = createScene({
      unfamiliarPeer: { learnSeconds: 31_536_000 },
      unfamiliarService: { learnSeconds: 31_536_000 },
      unfamiliarNetwork: { learnSeconds: 31_536_000 },
    });
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
