import t from 'tap';
import {
  EVENT_PAYLOAD,
  OUTCOME_ANSWERED,
  OUTCOME_NO_ANSWER,
  OUTCOME_REJECTED,
  VERDICT_WOULD_REFUSE,
} from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const DAY_MS = 86_400_000;
/** What is remembered for a day is forgotten by then. */
const DAY_AND_MINUTE_MS = DAY_MS + 60_000;
const STATION = 0x0a4e0005;
const UDP = { protocol: 17, tcpFlags: 0 };

/** What a datagram carries. */
const carries = (...data: number[]): Change => ({
  bytes: Uint8Array.from([0, 0, ...data]),
  payloadOffset: 2,
  payloadLength: data.length,
});

function transfer(scene: Scene, change: Change, nowMs: number, hasPayload: boolean): void {
  scene.first(change, nowMs);
  if (hasPayload)
    scene.first({ ...change, kind: EVENT_PAYLOAD, tcpFlags: 24, ...carries(1, 2, 3) }, nowMs + 50);
  else
    scene.end(
      {
        ...change,
        outcome: OUTCOME_ANSWERED,
        packetsOut: 70,
        packetsIn: 40,
        bytesOut: 90_000,
        bytesIn: 2_000,
      },
      nowMs + 400,
    );
}

t.test('ports that carry data are no scan: FTP, passive and active, live and in a log', (t) => {
  for (const hasPayload of [true, false]) {
    const passive = createScene();
    const shadow = createScene();
    const active = createScene();
    for (let n = 0; n < 200; n += 1) {
      const nowMs = START + n * 2_000;
      transfer(passive, { port: 50_000 + n }, nowMs, hasPayload);
      transfer(shadow, { port: 2_000 + n, verdict: VERDICT_WOULD_REFUSE }, nowMs, hasPayload);
      transfer(active, { fromDevice: false, srcPort: 20, port: 50_000 + n }, nowMs, hasPayload);
    }
    for (const scene of [passive, shadow, active]) t.same(scene.by('portScan'), []);
  }
  t.end();
});

t.test('a connect scan that reads banners of a few open ports is one', (t) => {
  const scene = createScene();
  for (let n = 0; n < 20; n += 1) {
    if (n % 5 === 0) transfer(scene, { port: 20 + n }, START + n * 100, true);
    else scene.first({ port: 20 + n }, START + n * 100);
  }
  t.match(scene.by('portScan').slice(0, 1), [{ severity: 'high', evidence: { distinctPorts: 15 } }]);
  t.end();
});

t.test('a device that boots by TFTP is answered at the port that asked; other ports are scanned', (t) => {
  const boot = (scene: Scene, aside: number): void => {
    for (let n = 0; n < 40; n += 1) {
      const nowMs = START + n * 500;
      scene.first({ ...UDP, port: 69, srcPort: 2_070 + n }, nowMs);
      const answer = { ...UDP, fromDevice: false, srcPort: 50_000 + n, port: 2_070 + n + aside };
      scene.first(answer, nowMs + 2);
      scene.end({ ...answer, outcome: OUTCOME_NO_ANSWER, packetsIn: 1 }, nowMs + 60_000);
    }
  };
  const honest = createScene();
  boot(honest, 0);
  t.same(honest.told, []);
  const scanning = createScene();
  boot(scanning, 5_000);
  t.match(scanning.by('portScan').slice(0, 1), [{ severity: 'medium' }]);
  t.end();
});

t.test('a traceroute is told as one and low, from a device alone; it hides no scan beside it', (t) => {
  const trace = (scene: Scene, change: Change): void => {
    for (let n = 0; n < 48; n += 1) {
      const probe = { ...UDP, port: 33_434 + n, srcPort: 41_000, ...change };
      scene.first(probe, START + n * 300);
      scene.end({ ...probe, outcome: OUTCOME_REJECTED, packetsOut: 1 }, START + n * 300 + 30_000);
    }
  };
  const out = createScene();
  trace(out, {});
  t.match(
    out.by('portScan').map(({ severity, title }) => ({ severity, title })),
    [{ severity: 'low', title: /^pump-1 traces the way to 10\.77\.0\.1 / }],
  );
  t.same(out.by('failedConnections'), []);
  for (let n = 0; n < 20; n += 1) out.first({ ...UDP, port: 100 + n }, START + 15_000 + n);
  t.match(out.by('portScan').at(-1), { severity: 'high', evidence: { distinctPorts: 15 } });
  const inbound = createScene();
  trace(inbound, { fromDevice: false, to: STATION });
  t.same(inbound.told, []);
  t.end();
});

t.test('a chosen source port hides no scan: empty datagrams, DNS questions, a SYN', (t) => {
  const probes: readonly { name: string; probe: (n: number) => Change; isScan: boolean }[] = [
    { name: 'empty, from 53', probe: () => ({ ...UDP, srcPort: 53, ...carries() }), isScan: true },
    { name: 'empty, from 123', probe: () => ({ ...UDP, srcPort: 123, ...carries() }), isScan: true },
    {
      name: 'BACnet, from 53',
      probe: () => ({ ...UDP, srcPort: 53, ...carries(0x81, 10, 0, 17) }),
      isScan: true,
    },
    {
      name: 'late answers',
      probe: () => ({ ...UDP, srcPort: 53, ...carries(1, 2, 0x81, 0x80) }),
      isScan: false,
    },
    { name: 'of a log', probe: () => ({ ...UDP, srcPort: 53 }), isScan: false },
  ];
  for (const { name, probe, isScan } of probes) {
    const scene = createScene();
    const sweep = createScene();
    for (let n = 0; n < 40; n += 1) {
      scene.first({ fromDevice: false, port: 2_000 + n * 7, ...probe(n) }, START + n * 50);
      sweep.first(
        { fromDevice: false, deviceId: 2 + n, at: 0x0a4d0100 + n, port: 47_808, to: STATION, ...probe(n) },
        START + n * 50,
      );
    }
    t.equal(scene.by('portScan').length > 0, isScan, name);
    t.equal(sweep.by('hostSweep').length > 0, isScan, `${name}, of hosts`);
  }
  for (const [name, change, isScan] of [
    ['SYN from 53, every 15 s', { srcPort: 53, tcpFlags: 2 }, true],
    ['SYN from a port of an old client', { srcPort: 2_011, tcpFlags: 2 }, true],
    ['the rest of connections, from 11112', { srcPort: 11_112, tcpFlags: 16 }, false],
    ['not known any more, from 53', { srcPort: 53, tcpFlags: -1 }, false],
    ['empty datagrams from 53', { ...UDP, srcPort: 53, packetsIn: 1, bytesIn: 28 }, true],
    ['answers from 53', { ...UDP, srcPort: 53, packetsIn: 1, bytesIn: 150 }, false],
  ] as const) {
    const scene = createScene();
    for (let n = 0; n < 60; n += 1)
      scene.end(
        { fromDevice: false, port: 2_000 + n * 13, outcome: OUTCOME_REJECTED, packetsOut: 1, ...change },
        START + n * 15_000,
      );
    t.equal(scene.by('portScan').length > 0, isScan, name);
    t.equal(scene.by('failedConnections').length > 0, isScan, name);
  }
  t.end();
});

t.test('slow scans go by the name of what was sent', (t) => {
  for (const [kind, change] of [
    ['ACK or window', { tcpFlags: 16 }],
    ['Maimon', { tcpFlags: 1 | 16 }],
    ['SYN', { tcpFlags: 2 }],
    ['SYN', { tcpFlags: -1 }],
    ['SCTP INIT', { protocol: 132, tcpFlags: 0 }],
  ] as const) {
    const scene = createScene();
    for (let n = 1; n <= 60; n += 1)
      scene.end(
        { port: n * 13, outcome: OUTCOME_REJECTED, packetsOut: 1, packetsIn: 1, ...change },
        START + n * 15_000,
      );
    t.match(scene.by('portScan')[0], { evidence: { kind } });
    t.ok(scene.by('failedConnections').length > 0, kind);
  }
  t.end();
});

t.test('what was answered within a week, and what nobody answers, is no failed first contact', (t) => {
  const monitoring = createScene();
  for (let day = 0; day < 14; day += 1) {
    monitoring.tick(START + day * DAY_AND_MINUTE_MS);
    for (let n = 0; n < 60; n += 1) {
      const ping = { protocol: 1, port: 0x0800, srcPort: -1, fromDevice: false, to: STATION };
      const isOff = day % 7 >= 5 && n < 40;
      monitoring.end(
        {
          ...ping,
          deviceId: 2 + n,
          at: 0x0a4d0100 + n,
          outcome: isOff ? OUTCOME_NO_ANSWER : OUTCOME_ANSWERED,
        },
        START + day * DAY_AND_MINUTE_MS + n * 1_000,
      );
    }
  }
  t.same(monitoring.by('failedConnections'), [], 'devices that are off at the weekend');
  const oneWay = createScene();
  for (let day = 0; day < 30; day += 1)
    for (let n = 0; n < 20; n += 1) {
      const nowMs = START + day * DAY_MS + n * 60_000;
      for (const port of [514, 162, 9, 138])
        oneWay.end({ ...UDP, to: STATION + n, port, packetsOut: 1 }, nowMs);
      oneWay.end({ ...UDP, to: STATION + n, port: 24_105, packetsOut: 7_000 }, nowMs);
      oneWay.end({ ...UDP, to: 0x0a4d00ff, port: 5_000 + n, packetsOut: 1 }, nowMs);
    }
  t.same(oneWay.by('failedConnections'), [], 'logs, traps, waveforms, broadcasts');
  const few = createScene();
  for (let day = 0; day < 30; day += 1)
    for (let n = 0; n < 4; n += 1) {
      const nowMs = START + day * DAY_AND_MINUTE_MS + n * 3_600_000;
      few.tick(nowMs);
      few.end({ to: STATION + n, port: 443 }, nowMs);
    }
  t.same(few.by('failedConnections'), [], 'four servers that are gone for a month');
  t.end();
});

t.test(
  'ARP: who asks for hosts that are there sweeps nothing, fast or slow; who asks for nobody does',
  (t) => {
    const REQUEST = 1;
    const REPLY = 2;
    const SERVER = 0x0a4d0008;
    const asks = (scene: Scene, n: number, nowMs: number, isThere: boolean): void => {
      const client = 0x0a4d0032 + n;
      scene.arp(REQUEST, 0x020000000008, SERVER, client, nowMs, { deviceId: 2 });
      if (isThere) scene.arp(REPLY, 0x020000000100 + n, client, SERVER, nowMs + 1, { deviceId: 1 });
    };
    const boot = createScene();
    for (let n = 0; n < 100; n += 1) asks(boot, n, START + n * 50, true);
    // Some are switched off by now.
    for (let n = 0; n < 100; n += 1) asks(boot, n, START + DAY_MS + n * 50, n % 2 === 0);
    // Never heard in answer, but of itself.
    for (let n = 100; n < 160; n += 1)
      boot.arp(REQUEST, 0x020000000100 + n, 0x0a4d0032 + n, 0x0a4d0001, START + DAY_MS + n * 500);
    for (let n = 100; n < 160; n += 1) asks(boot, n, START + 2 * DAY_MS + n * 50, false);
    t.same(boot.by('hostSweep'), []);
    for (const [everyMs, hosts] of [
      [100, 10],
      [8_000, 40],
      [30_000, 40],
    ] as const) {
      const scene = createScene();
      for (let n = 0; n < 150; n += 1) asks(scene, n, START + n * everyMs, n % 10 === 0);
      t.match(
        scene.by('hostSweep').slice(0, 1),
        [{ severity: 'high', evidence: { distinctHosts: hosts, network: '10.77.0.0/24' } }],
        `a question every ${everyMs} ms`,
      );
    }
    const noAddress = createScene();
    for (let n = 0; n < 30; n += 1) {
      noAddress.arp(REQUEST, 0x020000000100 + n, 0, 0x0a4d0032 + n, START + n * 100, { deviceId: 1 });
    }
    t.same(noAddress.by('hostSweep'), [], 'devices that boot ask whether they may take their address');
    t.end();
  },
);

t.test('waking many hosts is no sweep', (t) => {
  const scene = createScene();
  for (let n = 0; n < 40; n += 1) {
    const wake = { ...UDP, fromDevice: false, deviceId: 2 + n, at: 0x0a4d0100 + n, to: STATION, port: 9 };
    scene.first(wake, START + n * 200);
    scene.end({ ...wake, outcome: OUTCOME_NO_ANSWER, packetsIn: 1 }, START + n * 200 + 30_000);
  }
  t.same(scene.told, []);
  t.end();
});
