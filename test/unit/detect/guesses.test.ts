import t from 'tap';
import { OUTCOME_ANSWERED, OUTCOME_NO_ANSWER, VERDICT_ALLOWED } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const DAY_MS = 86_400_000;
const CLIENT = 0xc0000242;
/** One connection of a login that failed: what the counters say of it. */
const login = (change: Change): Change => ({
  outcome: OUTCOME_ANSWERED,
  packetsOut: 14,
  packetsIn: 12,
  bytesOut: 2_300,
  bytesIn: 3_100,
  durationMs: 2_500,
  ...change,
});
/** So many connections of one client of the pump. */
function connect(scene: Scene, count: number, atMs: number, everyMs: number, change: Change = {}): void {
  for (let n = 0; n < count; n += 1)
    scene.end(login({ port: 22, fromDevice: false, to: CLIENT, ...change }), atMs + n * everyMs);
  scene.tick(atMs + count * everyMs + 3_600_000);
}
const openings = (scene: Scene): number =>
  new Set(scene.by('bruteForce').map(({ key, firstMs }) => `${key} ${firstMs}`)).size;

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
          login({
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
      scene.end(login({ port: 104 }), START - 300_000);
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
  for (let n = 0; n < 12; n += 1) guessing.end(login({ port: 22, to: 0xc0000250 }), START + n * 4_000);
  t.match(guessing.by('bruteForce')[0]?.title, /^pump-1 seems to guess passwords of 192\.0\.2\.80/);
  const spraying = createScene();
  for (let n = 0; n < 12; n += 1) spraying.end(login({ port: 3389, to: 0xc0000250 + n }), START + n * 4_000);
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
    for (let n = 0; n < 1_000; n += 1) scene.end(login(change(n)), START + n * everyMs);
    t.same(scene.by('bruteForce'), [], name);
  }
  t.end();
});

t.test('a job of every night is told once; far more of it, and another size, are told again', (t) => {
  const scene = createScene();
  for (let day = 0; day < 10; day += 1) connect(scene, 15 + day, START + day * DAY_MS, 16_000);
  t.equal(openings(scene), 1, 'ten nights');
  connect(scene, 15, START + 10 * DAY_MS, 16_000, { bytesOut: 1_300, bytesIn: 1_500 });
  t.equal(openings(scene), 2, 'other connections than those of the job');
  connect(scene, 100, START + 11 * DAY_MS, 3_000);
  t.equal(openings(scene), 3, 'four times as many');
  connect(scene, 15, START + 40 * DAY_MS, 16_000);
  t.equal(openings(scene), 4, 'after a month it is new again');
  t.end();
});

t.test('sessions that moved more than a login moves, and files by FTP, are no guesses', (t) => {
  const files = createScene();
  connect(files, 30, START, 12_000, { bytesOut: 9_000, bytesIn: 7_000 });
  t.same(files.by('bruteForce'), [], 'SFTP');
  for (const isActive of [false, true]) {
    const scene = createScene();
    for (let n = 0; n < 40; n += 1) {
      const data = isActive
        ? { fromDevice: false, srcPort: 20, port: 50_000 + n }
        : { srcPort: 40_000 + n, port: 50_000 + n };
      scene.end(login({ bytesOut: 60_000, ...data }), START + n * 10_000);
      scene.end(login({ port: 21, bytesOut: 800, bytesIn: 1_100 }), START + n * 10_000 + 500);
    }
    t.same(scene.by('bruteForce'), [], isActive ? 'active' : 'passive');
  }
  t.end();
});

t.test(
  'logons of many users through one server, whose first request has no password, are no guesses',
  (t) => {
    const asks = (bytesIn: number): Change => login({ port: 88, protocol: 17, bytesOut: 280, bytesIn });
    const scene = createScene();
    for (let n = 0; n < 60; n += 1) {
      scene.end(asks(260), START + n * 5_000);
      scene.end(asks(1_600), START + n * 5_000 + 50);
    }
    t.same(scene.by('bruteForce'), []);
    for (let n = 0; n < 12; n += 1) scene.end(asks(260), START + 400_000 + n * 1_000);
    t.match(
      scene.by('bruteForce')[0],
      { evidence: { service: 'Kerberos (port 88)' } },
      'those that fail are',
    );
    t.end();
  },
);

t.test('a poll that was there before the box is usual; one that begins later is told', (t) => {
  const poll = (scene: Scene, atMs: number): void => {
    for (let n = 0; n < 1_000; n += 1) scene.end(login({ port: 1433 }), atMs + n * 2_000);
  };
  const before = createScene();
  poll(before, START);
  t.same(before.by('bruteForce'), []);
  for (let n = 0; n < 2_500; n += 1) before.end(login({ port: 1433 }), START + 2_000_000 + n * 200);
  t.equal(openings(before), 1, 'ten times its usual');
  const after = createScene();
  after.end(login({ port: 104 }), START - 600_000);
  poll(after, START);
  t.equal(openings(after), 1);
  const guessed = createScene();
  for (let n = 0; n < 700; n += 1) guessed.end(login({ port: 80 }), START + n * 100);
  t.equal(openings(guessed), 1, 'guesses as fast as they are answered, from the first minute on');
  t.end();
});

/** A connection of small packets that carries so much data. */
const exchange = (port: number, dataOut: number, dataIn: number): Change =>
  login({ port, packetsOut: 6, packetsIn: 6, bytesOut: 240 + dataOut, bytesIn: 240 + dataIn });

t.test('a connection for each query is no guess, as results differ; refused logins at databases are', (t) => {
  for (const port of [80, 443, 1433, 3306, 5432]) {
    const queries = createScene();
    queries.end(login({ port: 104 }), START - 3_600_000);
    for (let n = 0; n < 4_000; n += 1)
      queries.end(exchange(port, 300 + ((n * 37) % 90), 400 + ((n * 61) % 400)), START + n * 500);
    t.same(queries.by('bruteForce'), [], `queries at ${port}`);
  }
  for (const port of [1433, 3306, 5432]) {
    const guesses = createScene();
    guesses.end(login({ port: 104 }), START - 3_600_000);
    for (let n = 0; n < 80; n += 1) guesses.end(exchange(port, 120 + (n % 7), 160), START + n * 2_000);
    t.match(guesses.by('bruteForce'), [{ severity: 'high', evidence: { thresholdConnections: 60 } }]);
    const sessions = createScene();
    sessions.end(login({ port: 104 }), START - 3_600_000);
    for (let n = 0; n < 199; n += 1) sessions.end(exchange(port, 220, 600), START + n * 2_000);
    t.same(sessions.by('bruteForce'), [], `sessions at ${port} that were let in, all alike`);
    const poll = createScene();
    for (let n = 0; n < 2_000; n += 1) poll.end(exchange(port, 120, 160), START + n * 2_000);
    t.same(poll.by('bruteForce'), [], `a check of ${port} that was there before the box`);
  }
  t.end();
});

t.test(
  'one login at each of many hosts: told once, and none where the opener was there the day before',
  (t) => {
    const scene = createScene();
    for (let day = 0; day < 5; day += 1) {
      for (let n = 0; n < 30; n += 1)
        scene.end(
          login({ port: 22, fromDevice: false, to: CLIENT, deviceId: 2 + n, at: 0x0a4d000a + n }),
          START + day * DAY_MS + n * 10_000,
        );
      scene.tick(START + day * DAY_MS + 7_200_000);
    }
    t.equal(openings(scene), 1);
    t.match(scene.by('bruteForce')[0], { peer: '192.0.2.66', evidence: { kind: 'spraying many hosts' } });
    t.end();
  },
);

t.test(
  'many hosts that try a login at one device are one finding about it; those who work on it are none',
  (t) => {
    const botnet = createScene();
    const one = (n: number): void => {
      botnet.end(login({ port: 22, fromDevice: false, to: 0xc6336401 + n }), START + n * 5_000);
    };
    for (let n = 0; n < 9; n += 1) one(n);
    t.same(botnet.by('bruteForce'), []);
    for (let n = 9; n < 40; n += 1) one(n);
    t.match(botnet.by('bruteForce').slice(0, 1), [
      {
        device: 'pump-1',
        severity: 'high',
        peer: null,
        evidence: { kind: 'guessing from many hosts', distinctHosts: 10 },
      },
    ]);
    t.equal(openings(botnet), 1);
    const people = createScene();
    for (let day = 0; day < 3; day += 1)
      for (let n = 0; n < 20; n += 1) {
        const from = { fromDevice: false, to: 0x0a500001 + n, port: 3389 };
        const atMs = START + day * DAY_MS + n * 5_000;
        if (day === 0) people.end(login({ ...from, bytesOut: 9_000_000, durationMs: 3_000_000 }), atMs);
        else people.end(login(from), atMs);
      }
    t.same(people.by('bruteForce'), []);
    t.end();
  },
);
