import t from 'tap';
import {
  OUTCOME_ANSWERED,
  OUTCOME_NO_ANSWER,
  OUTCOME_REJECTED,
  reasonIndex,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
} from '../../../agent/detect/event.js';
import { createScene, PUMP_ADDRESS, START, type Change } from './scene.js';

const REFUSED = { verdict: VERDICT_REFUSED, reason: reasonIndex('policy') };
const ATTACKER = 0x0a4d0063;
const STATION = 0x0a4e0005;

/** One probe of port n by nmap's way, and what its end says where it has one. */
const NMAP: readonly { kind: string; probe: (n: number) => Change; end?: (n: number) => Change }[] = [
  { kind: 'SYN', probe: (n) => ({ port: n, tcpFlags: 2, srcPort: 40_123 }) },
  {
    kind: 'connect',
    probe: (n) => ({ port: n, tcpFlags: 2, srcPort: 40_000 + ((n * 7919) % 20_000) }),
  },
  {
    kind: 'connect',
    probe: (n) => ({ port: n, tcpFlags: 2, srcPort: 40_123 }),
    end: (n) => ({
      port: n,
      outcome: OUTCOME_ANSWERED,
      packetsIn: 3,
      packetsOut: 2,
      bytesIn: 180,
      bytesOut: 112,
    }),
  },
  {
    kind: 'SYN',
    probe: (n) => ({ port: n, tcpFlags: 2, srcPort: 40_000 + ((n * 7919) % 20_000) }),
    end: (n) => ({
      port: n,
      outcome: OUTCOME_REJECTED,
      packetsIn: 2,
      packetsOut: 1,
      bytesIn: 84,
      bytesOut: 44,
    }),
  },
  { kind: 'FIN', probe: (n) => ({ port: n, tcpFlags: 1 }) },
  { kind: 'NULL', probe: (n) => ({ port: n, tcpFlags: 0 }) },
  { kind: 'Xmas', probe: (n) => ({ port: n, tcpFlags: 1 | 8 | 32 }) },
  { kind: 'ACK or window', probe: (n) => ({ port: n, tcpFlags: 16 }) },
  { kind: 'Maimon', probe: (n) => ({ port: n, tcpFlags: 1 | 16 }) },
  { kind: 'SYN/ACK', probe: (n) => ({ port: n, tcpFlags: 2 | 16, srcPort: 2_052 }) },
  { kind: 'UDP', probe: (n) => ({ port: n, protocol: 17, tcpFlags: 0 }) },
  { kind: 'SCTP INIT', probe: (n) => ({ port: n, protocol: 132, tcpFlags: 0 }) },
  { kind: 'IP protocol', probe: (n) => ({ port: -1, srcPort: -1, protocol: 60 + n, tcpFlags: 0 }) },
];

t.test('every scan of nmap is one finding within twenty probes, and goes by its name', (t) => {
  for (const { kind, probe, end } of NMAP) {
    const scene = createScene();
    for (let n = 1; n <= 20; n += 1) {
      scene.first({ ...probe(n), to: ATTACKER, fromDevice: false }, START + n * 20);
      if (end) scene.end({ ...end(n), to: ATTACKER, fromDevice: false }, START + n * 20 + 5);
    }
    scene.tick(START + 400);
    const [open] = scene.detection.open().filter(({ detector }) => detector === 'portScan');
    t.match(open, { evidence: { kind, from: 'network' }, peer: '10.77.0.99', severity: 'medium' }, kind);
    t.equal(scene.by('portScan').length, 1, `${kind} is told once`);
  }
  t.end();
});

t.test(
  'slow scans are found: a probe every 15 s (-T1) and every 5 min (-T0), refused or just not answered',
  (t) => {
    const paces = [
      { name: '-T1', everyMs: 15_000 },
      { name: '-T0', everyMs: 300_000 },
    ];
    for (const { name, everyMs } of paces) {
      const refused = createScene();
      const passed = createScene();
      for (let n = 1; n <= 60; n += 1) {
        refused.first({ port: n * 13, ...REFUSED }, START + n * everyMs);
        refused.tick(START + n * everyMs);
        passed.first({ port: n * 13 }, START + n * everyMs);
        passed.end(
          { port: n * 13, outcome: OUTCOME_REJECTED, packetsOut: 1, packetsIn: 1 },
          START + n * everyMs,
        );
        passed.tick(START + n * everyMs);
      }
      t.ok(refused.by('portScan').length > 0, `${name}, refused`);
      t.ok(passed.by('portScan').length > 0, `${name}, passed`);
      t.ok(passed.by('failedConnections').length > 0, `${name}, by the share of failures`);
    }
    t.end();
  },
);

t.test('what ends ten minutes after the scan belongs to it, and is no second finding', (t) => {
  for (const [name, probe] of [
    ['protocols', (n: number) => ({ port: 0, srcPort: -1, protocol: 140 + n, tcpFlags: 0 })],
    ['SCTP', (n: number) => ({ port: 100 + n, protocol: 132, tcpFlags: 0 })],
  ] as const) {
    const scene = createScene();
    for (let n = 0; n < 100; n += 1) scene.first(probe(n), START + n * 100);
    for (let atMs = 0; atMs < 600_000; atMs += 5_000) scene.tick(START + atMs);
    for (let n = 0; n < 100; n += 1) scene.end(probe(n), START + 601_000 + n * 100);
    scene.tick(START + 700_000);
    scene.tick(START + 1_600_000);
    t.same([...new Set(scene.told.map(({ detector }) => detector))], ['portScan'], name);
    t.match(
      scene.told.filter(({ state }) => state === 'closed'),
      [{ evidence: { distinctPorts: 100, windowSeconds: 60 } }],
      `${name}: what was told first says more`,
    );
  }
  t.end();
});

t.test('fingerprinting of an operating system needs few ports: flags that no system sends', (t) => {
  const scene = createScene();
  for (const [n, tcpFlags] of [0, 1 | 2 | 8 | 32, 1 | 8 | 32, 16].entries())
    scene.first({ to: ATTACKER, fromDevice: false, port: 80, tcpFlags }, START + n);
  t.match(
    scene.by('portScan').map(({ evidence }) => evidence['kind']),
    ['OS fingerprinting'],
  );
  t.end();
});

t.test(
  'clients of one server, passive FTP, and what comes after connection tracking forgot are no scans',
  (t) => {
    const scene = createScene();
    for (let n = 0; n < 2_000; n += 1) {
      const nowMs = START + n * 30_000;
      // A DICOM server answers its clients' ports after a restart of the box.
      scene.first({ srcPort: 11_112, port: 33_000 + n, tcpFlags: 16 }, nowMs);
      // A client fetches one file each, from another passive port.
      scene.first({ srcPort: 35_000 + n, port: 49_152 + ((n * 131) % 16_000), tcpFlags: 2 }, nowMs + 10);
      scene.tick(nowMs + 20);
    }
    t.same(scene.told, []);
    t.end();
  },
);

t.test('where the half of connections that servers send is seen alone, their SYN/ACK is no scan', (t) => {
  for (const fromDevice of [true, false]) {
    const scene = createScene();
    for (let n = 0; n < 2_000; n += 1) {
      const answer = { fromDevice, to: STATION + (n % 40), tcpFlags: 2 | 16 };
      // A registered port, to small systems; passive FTP; RPC to an old Windows; NFS to reserved ports.
      for (const [srcPort, port] of [
        [11_112, 1_024 + n],
        [40_000 + n, 33_000 + n],
        [50_000 + n, 1_025 + n],
        [2_049, 665 + (n % 359)],
      ] as const) {
        scene.first({ ...answer, srcPort, port }, START + n * 500);
        scene.end({ ...answer, srcPort, port }, START + n * 500 + 60_000);
      }
    }
    t.same(scene.told, []);
  }
  t.end();
});

const SWEEPS: readonly { name: string; probe: (n: number) => Change }[] = [
  { name: 'TCP', probe: (n) => ({ to: 0x0a4d0100 + n, port: 445 }) },
  { name: 'TCP SYN/ACK', probe: (n) => ({ to: 0x0a4d0100 + n, port: 80, tcpFlags: 2 | 16 }) },
  { name: 'UDP', probe: (n) => ({ to: 0x0a4d0100 + n, port: 161, protocol: 17, tcpFlags: 0 }) },
  { name: 'ping', probe: (n) => ({ to: 0x0a4d0100 + n, port: 0x0800, protocol: 1, srcPort: -1 }) },
  {
    name: 'IPv6 ping',
    probe: (n) => ({ to: [0x20010db8, 0, 0, n], port: 0x8000, protocol: 58, srcPort: -1 }),
  },
];

t.test('sweeps of hosts by TCP, UDP, ping, ARP and neighbour solicitation are each one finding', (t) => {
  for (const { name, probe } of SWEEPS) {
    const scene = createScene();
    for (let n = 1; n <= 30; n += 1) scene.first(probe(n), START + n * 100);
    t.equal(scene.by('hostSweep').length, 1, name);
  }
  const arp = createScene();
  for (let n = 1; n <= 30; n += 1) arp.arp(1, 0x020000000001, 0x0a4d000a, 0x0a4d0100 + n, START + n * 100);
  t.match(arp.by('hostSweep'), [{ evidence: { services: ['arp'] } }]);
  const neighbours = createScene();
  const link = [0xfe800000, 0, 0] as const;
  for (let n = 1; n <= 30; n += 1)
    neighbours.arp(1, 0x020000000001, [...link, 1], [...link, 0x100 + n], START + n * 100);
  t.match(neighbours.by('hostSweep'), [
    { evidence: { services: ['neighbour discovery'], network: 'fe80::/64', distinctHosts: 10 } },
  ]);
  const known = createScene();
  for (let n = 1; n <= 300; n += 1)
    known.arp(1, 0x020000000001, [...link, 1], [...link, 0x100 + (n % 30)], START + n * 1_000, {
      isToOne: true,
    });
  t.same(known.by('hostSweep'), [], 'asking known neighbours whether they are still there');
  t.end();
});

t.test('a ping of everybody on the link at once is a sweep, one of a host is none', (t) => {
  const ping = (to: Change['to'], change: Change = {}): Change => ({
    to: to ?? 0,
    protocol: typeof to === 'number' ? 1 : 58,
    port: typeof to === 'number' ? 0x0800 : 0x8000,
    srcPort: -1,
    at: typeof to === 'number' ? PUMP_ADDRESS : [0xfe800000, 0, 0, 5],
    ...change,
  });
  const scene = createScene();
  scene.first(ping([0xfe800000, 0, 0, 1]), START);
  scene.first(ping(0x0a4d0001), START);
  scene.first(ping([0xff020000, 0, 0, 1], { fromDevice: false }), START);
  t.same(scene.by('hostSweep'), []);
  for (let n = 0; n < 3; n += 1) scene.first(ping([0xff020000, 0, 0, 1]), START + n);
  scene.first(ping(0xffffffff), START + 10);
  t.match(scene.by('hostSweep'), [
    { severity: 'medium', peer: 'ff02::1' },
    { severity: 'medium', peer: '255.255.255.255' },
  ]);
  const subnet = createScene();
  for (let n = 0; n < 3; n += 1) subnet.first(ping(0x0a4d00ff, { isToAll: true }), START + n);
  subnet.tick(START + 10_000);
  t.match(subnet.by('hostSweep'), [{ severity: 'medium', peer: '10.77.0.255' }, { count: 3 }]);
  const sweep = createScene();
  for (let n = 0; n < 256; n += 1)
    sweep.first(ping(0x0a4d0000 + n, { isToAll: n % 255 === 0 }), START + n * 10);
  t.match(sweep.by('hostSweep'), [{ severity: 'high' }], 'its first and last address');
  t.end();
});

t.test('a poller of 500 hosts is told once and then is usual; one that is allowed is never told', (t) => {
  const scene = createScene({ unfamiliarPeer: { learnSeconds: 31_536_000 } });
  const allowed = createScene({ unfamiliarPeer: { learnSeconds: 31_536_000 } });
  const poll = (round: number, verdict: object, { first, end, tick }: typeof scene): void => {
    for (let n = 1; n <= 500; n += 1) {
      const change = { to: 0x0a4d0000 + n, port: 161, protocol: 17, tcpFlags: 0, ...verdict };
      first(change, START + round * 300_000 + n * 2);
      end(
        { ...change, outcome: OUTCOME_ANSWERED, bytesOut: 100, bytesIn: 200 },
        START + round * 300_000 + 60_000,
      );
    }
    tick(START + round * 300_000 + 61_000);
  };
  poll(0, {}, scene);
  t.same(new Set(scene.told.map(({ detector }) => detector)), new Set(['hostSweep']));
  for (let round = 3; round < 10; round += 1) {
    poll(round, {}, scene);
    poll(round, { verdict: VERDICT_ALLOWED }, allowed);
  }
  t.same(scene.detection.open(), [], 'over, and nothing new');
  t.same(allowed.told, []);
  t.end();
});

t.test(
  'sequential hypothesis test: sixteen new contacts that fail, in whatever time and order of hosts and ports',
  (t) => {
    const scene = createScene();
    for (let n = 1; n <= 15; n += 1)
      scene.end(
        { to: 0xc0000200 + (n % 9), port: 80 + n, outcome: OUTCOME_NO_ANSWER },
        START + n * 3_600_000,
      );
    t.same(scene.by('failedConnections'), []);
    scene.end({ to: 0xc0000333, port: 443, outcome: OUTCOME_REJECTED }, START + 60_000_000);
    const [finding] = scene.by('failedConnections');
    t.match(finding, { severity: 'medium', evidence: { failedFirstContacts: 16, firstContacts: 16 } });
    t.end();
  },
);

t.test('one host that asks many devices which do not answer is told by its own address', (t) => {
  const scene = createScene();
  for (let n = 0; n < 20; n += 1)
    scene.end(
      { fromDevice: false, deviceId: 2 + n, at: 0x0a4d0100 + n, to: ATTACKER, port: 502 },
      START + n * 900_000,
    );
  t.match(scene.by('failedConnections')[0], { peer: '10.77.0.99', device: null });
  t.end();
});

t.test(
  'mostly successful clients, a server that is down, and failures of what is allowed are no scan',
  (t) => {
    const scene = createScene();
    for (let n = 0; n < 1_000; n += 1) {
      const nowMs = START + n * 60_000;
      // One of four web hosts is gone; every address is another.
      scene.end(
        { to: 0xc0000000 + n, port: 443, outcome: n % 4 === 0 ? OUTCOME_NO_ANSWER : OUTCOME_ANSWERED },
        nowMs,
      );
      // The archive is down for hours and is tried every minute.
      scene.end({ to: 0x0a4d0009, port: 104, outcome: OUTCOME_NO_ANSWER }, nowMs + 1);
      scene.end(
        { to: 0x0a4e0000 + n, port: 104, outcome: OUTCOME_NO_ANSWER, verdict: VERDICT_ALLOWED },
        nowMs + 2,
      );
    }
    t.same(scene.by('failedConnections'), []);
    t.end();
  },
);

t.test(
  'two different odd questions make a fingerprint, and so does a DNS answer nobody asked for after one',
  (t) => {
    const echo = { protocol: 1, port: 0x0800 + 123, srcPort: -1, tcpFlags: 0 };
    const answer = { protocol: 17, port: 65_535, srcPort: 53, tcpFlags: 0 };
    const mask = { protocol: 1, port: 0x1100, srcPort: -1, tcpFlags: 0 };
    const both = createScene();
    both.first(echo, START);
    both.first(mask, START + 50);
    t.match(both.by('portScan'), [{ severity: 'high' }]);
    const xprobe = createScene();
    xprobe.first(echo, START);
    xprobe.first(answer, START + 50);
    t.match(xprobe.by('portScan'), [{ severity: 'high' }]);
    const late = createScene();
    for (let n = 0; n < 20; n += 1) late.first({ ...answer, port: 40_000 + n }, START + n);
    late.first(echo, START + 50);
    late.first(echo, START + 60);
    t.same(late.by('portScan'), [], 'late answers alone, or one odd question repeated');
    t.end();
  },
);

t.test('a device that many hosts outside try can be reached from the internet', (t) => {
  const scene = createScene();
  for (let n = 0; n < 30; n += 1)
    scene.end({ to: 0x2d000001 + n * 65_536, port: 23 + n, fromDevice: false }, START + n * 60_000);
  t.match(scene.by('failedConnections'), [
    { severity: 'medium', device: 'pump-1', peer: null, title: /can be reached from outside: 20 hosts/ },
  ]);
  const inside = createScene();
  for (let n = 0; n < 30; n += 1)
    inside.end({ to: 0x0a4e0001 + n, port: 23, fromDevice: false }, START + n * 60_000);
  t.same(inside.by('failedConnections'), []);
  t.end();
});
