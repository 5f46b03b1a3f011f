import t from 'tap';
import { VERDICT_ALLOWED } from '../../../agent/detect/event.js';
import { createScene, PUMP, PUMP_ADDRESS, START, type Address, type Change, type Scene } from './scene.js';

const REQUEST = 1;
const REPLY = 2;
const GATEWAY = 0x0a4d0001;
const GATEWAY_MAC = 0x001c42000018;
const ATTACKER_MAC = 0x020000000666;
const HOUR_MS = 3_600_000;

const LIES: readonly { kind: string; tell: (scene: Scene) => void; title: RegExp }[] = [
  {
    kind: 'contested',
    title: /00:1c:42:00:00:18 and 02:00:00:00:06:66 both claim 10\.77\.0\.1/,
    tell: (scene) => {
      for (let n = 0; n < 6; n += 1) {
        scene.arp(REQUEST, GATEWAY_MAC, GATEWAY, PUMP_ADDRESS, START + n * 10_000);
        scene.arp(REQUEST, ATTACKER_MAC, GATEWAY, PUMP_ADDRESS, START + n * 10_000 + 1_000);
      }
    },
  },
  {
    kind: 'unsolicited',
    title: /02:00:00:00:06:66 keeps telling 10\.77\.0\.10 that it is 10\.77\.0\.1; nobody asks/,
    tell: (scene) => {
      for (let n = 0; n < 12; n += 1)
        scene.arp(REPLY, ATTACKER_MAC, GATEWAY, PUMP_ADDRESS, START + n * 10_000);
    },
  },
  {
    kind: 'impersonates',
    title: /02:00:00:00:06:66 took over 3 addresses/,
    tell: (scene) => {
      for (let n = 0; n < 6; n += 1)
        scene.arp(REPLY, 0x001c42000100 + n, 0x0a4d0020 + n, PUMP_ADDRESS, START + n);
      for (let n = 0; n < 6; n += 1)
        scene.arp(REPLY, ATTACKER_MAC, 0x0a4d0020 + n, PUMP_ADDRESS, START + 5_000 + n * 1_000);
    },
  },
];

t.test('each lie told in ARP is one finding of severity high', (t) => {
  for (const { kind, tell, title } of LIES) {
    const scene = createScene();
    tell(scene);
    t.match(scene.by('arpSpoof'), [{ severity: 'high', title, evidence: { kind } }], kind);
  }
  t.end();
});

const HONEST_ARP: readonly { name: string; tell: (scene: Scene) => void }[] = [
  {
    name: 'questions and answers for days',
    tell: (scene) => {
      for (let n = 0; n < 5_000; n += 1) {
        scene.arp(REQUEST, 0x001c42000010, PUMP_ADDRESS, GATEWAY, START + n * 30_000);
        scene.arp(REPLY, GATEWAY_MAC, GATEWAY, PUMP_ADDRESS, START + n * 30_000 + 1);
      }
    },
  },
  {
    name: 'probes and announcements of an address (RFC 5227)',
    tell: (scene) => {
      for (let n = 0; n < 3; n += 1) scene.arp(REQUEST, ATTACKER_MAC, 0, GATEWAY, START + n * 1_000);
      for (let n = 0; n < 20; n += 1) scene.arp(REPLY, GATEWAY_MAC, GATEWAY, GATEWAY, START + n * 2_000);
    },
  },
  {
    name: 'a virtual router that moves between two machines (VRRP)',
    tell: (scene) => {
      for (let n = 0; n < 50; n += 1)
        scene.arp(REPLY, n % 2 ? 0x00005e000105 : GATEWAY_MAC, GATEWAY, PUMP_ADDRESS, START + n * 31_000);
    },
  },
  {
    name: 'an address that moved to a new machine, with all its announcements',
    tell: (scene) => {
      scene.arp(REPLY, GATEWAY_MAC, GATEWAY, GATEWAY, START);
      for (let n = 0; n < 50; n += 1)
        scene.arp(REQUEST, ATTACKER_MAC, GATEWAY, GATEWAY, START + 1_000 + n * 1_000);
    },
  },
  {
    name: 'a failover pair whose eight addresses move at once, announced',
    tell: (scene) => {
      for (let n = 0; n < 8; n += 1) scene.arp(REPLY, GATEWAY_MAC, GATEWAY + n, GATEWAY + n, START + n);
      for (let n = 0; n < 40; n += 1)
        scene.arp(REPLY, ATTACKER_MAC, GATEWAY + (n % 8), GATEWAY + (n % 8), START + 1_000 + n);
    },
  },
];

/** The same scene in IPv6: what is sent to or about an IPv4 address, about the one that ends in it. */
function inIpv6(scene: Scene): Scene {
  const six = (address: Address): Address =>
    typeof address !== 'number' || address === 0 ? [0, 0, 0, 0] : [0xfd000000, 0, 0, address];
  return {
    ...scene,
    arp: (operation, mac, sender, target, nowMs, change) => {
      scene.arp(operation, mac, six(sender), six(target), nowMs, change);
    },
  };
}

t.test('the same lies in neighbour discovery', (t) => {
  for (const { kind, tell } of LIES) {
    const scene = createScene();
    tell(inIpv6(scene));
    t.match(scene.by('arpSpoof'), [{ severity: 'high', evidence: { kind } }], kind);
    if (kind !== 'unsolicited') t.match(scene.by('arpSpoof')[0]?.title, /in neighbour discovery$/);
  }
  for (const { name, tell } of HONEST_ARP) {
    const scene = createScene();
    tell(inIpv6(scene));
    t.same(scene.by('arpSpoof'), [], name);
  }
  t.end();
});

t.test('honest ARP is no lie', (t) => {
  for (const { name, tell } of HONEST_ARP) {
    const scene = createScene();
    tell(scene);
    t.same(scene.by('arpSpoof'), [], name);
  }
  t.end();
});

/** A BOOTP message (RFC 951): operation and client hardware address are what is read. */
function bootp(operation: number, client: number): Change {
  const bytes = new Uint8Array(240);
  bytes[0] = operation;
  for (let n = 0; n < 6; n += 1) bytes[28 + n] = Math.floor(client / 256 ** (5 - n)) % 256;
  return { protocol: 17, tcpFlags: 0, bytes, payloadOffset: 0, payloadLength: bytes.length };
}

const offer = (server: number, change: Change = {}): Change => ({
  ...bootp(2, 0x001c42000010),
  deviceId: 1,
  fromDevice: false,
  to: server,
  srcPort: 67,
  port: 68,
  ...change,
});

t.test('a DHCP server or a router that was not there while it learnt is told, with those that were', (t) => {
  const scene = createScene();
  for (let hour = 0; hour < 50; hour += 1) {
    scene.first(offer(0x0a4d0002), START + hour * HOUR_MS);
    scene.first(offer(0x0a4d0003), START + hour * HOUR_MS + 5);
  }
  t.same(scene.by('rogueServer'), [], 'a failover pair is known');
  scene.first(offer(0x0a4d0066), START + 50 * HOUR_MS);
  t.match(scene.by('rogueServer'), [
    { severity: 'medium', peer: '10.77.0.102', evidence: { knownServers: ['10.77.0.2', '10.77.0.3'] } },
  ]);
  const router: Change = {
    protocol: 58,
    port: 134 * 256,
    srcPort: -1,
    tcpFlags: 0,
    deviceId: 1,
    fromDevice: false,
  };
  scene.first({ ...router, to: [0xfe800000, 0, 0, 0x66] }, START + 51 * HOUR_MS);
  t.match(scene.by('rogueServer').slice(1), [{ title: /fe80::66 is new and acts as an IPv6 router/ }]);
  t.end();
});

t.test('more routers than a link has are one flood, even while it learns; a pair of them is none', (t) => {
  const router = (n: number): Change => ({
    deviceId: 1,
    fromDevice: false,
    protocol: 58,
    srcPort: -1,
    port: 134 * 256,
    tcpFlags: 0,
    to: [0xfe800000, 0, 0, 1 + n],
    at: [0xff020000, 0, 0, 1],
  });
  const scene = createScene();
  for (let n = 0; n < 1_000; n += 1) scene.first(router(n % 2), START + n * 1_000);
  t.same(scene.by('rogueServer'), []);
  for (let n = 0; n < 4_000; n += 1) scene.first(router(n), START + 2_000_000 + n);
  t.match(scene.by('rogueServer'), [
    { severity: 'high', evidence: { kind: 'router advertisement flood', threshold: 8 } },
  ]);
  t.end();
});

t.test('behind the box nobody gives out addresses or routes', (t) => {
  const servers: readonly Change[] = [
    { ...bootp(2, 1), srcPort: 67, port: 68 },
    { protocol: 17, tcpFlags: 0, srcPort: 547, port: 546 },
    { protocol: 58, tcpFlags: 0, srcPort: -1, port: 134 * 256 },
  ];
  for (const change of servers) {
    const scene = createScene();
    scene.first(change, START);
    t.match(scene.by('rogueServer'), [{ severity: 'high', device: 'pump-1' }]);
    const allowed = createScene();
    allowed.first({ ...change, verdict: VERDICT_ALLOWED }, START);
    t.same(allowed.by('rogueServer'), [], 'unless an entry allows it');
  }
  t.end();
});

const ask = (client: number, change: Change = {}): Change => ({
  ...bootp(1, client),
  deviceId: 1,
  srcPort: 68,
  port: 67,
  at: 0,
  to: 0xffffffff,
  ...change,
});

t.test('many clients that nobody knows, or one with many addresses, take all leases', (t) => {
  const many = createScene();
  for (let n = 0; n < 200; n += 1) many.first(ask(0x020000000000 + n * 7919), START + n * 20);
  t.match(many.by('rogueServer'), [{ evidence: { kind: 'DHCP starvation', clientHardwareAddresses: 100 } }]);
  const one = createScene();
  for (let n = 0; n < 40; n += 1)
    one.first(ask(0x90b11c994929, { at: 0x0a4d0020 + n, to: 0x0a4d0002 }), START + n * 20);
  t.match(one.by('rogueServer'), [
    { evidence: { clientHardwareAddress: '90:b1:1c:99:49:29', addresses: 10 } },
  ]);
  t.end();
});

t.test(
  'a device that asks for leases of ever other clients, and clients that nobody knows but by their MACs',
  (t) => {
    const own = { macHigh: 0x0003b1, macLow: 0x140063, deviceId: PUMP };
    const many = createScene();
    for (let n = 0; n < 60; n += 1) many.first(ask(0x020000000000 + n * 7919, own), START + n * 2_000);
    t.match(many.by('rogueServer'), [
      {
        deviceMac: '00:03:b1:14:00:63',
        title: /asks for DHCP leases of 20 clients/,
        evidence: { senderMac: '00:03:b1:14:00:63' },
      },
    ]);
    const few = createScene();
    for (let n = 0; n < 600; n += 1) few.first(ask(0x020000000000 + (n % 12), own), START + n * 5_000);
    for (let n = 0; n < 600; n += 1) few.first(ask(0x0003b1140063, own), START + n * 100);
    t.same(few.by('rogueServer'), [], 'a wireless bridge with twelve clients, and one that asks in vain');
    t.end();
  },
);

t.test('a ward that comes back after a power cut, and renewals for weeks, are none', (t) => {
  const scene = createScene();
  for (let n = 0; n < 500; n += 1)
    scene.first(ask(0x001c42000000 + n, { deviceId: PUMP + n }), START + n * 50);
  for (let n = 0; n < 2_000; n += 1)
    scene.first(ask(0x001c42000099, { at: 0x0a4d0020, to: 0x0a4d0002 }), START + n * 1_800_000);
  t.same(scene.by('rogueServer'), []);
  t.end();
});

/** A device that speaks each five minutes in office hours, Monday to Friday. START is a Friday, 08:00 UTC. */
function office(scene: Scene, fromDay: number, toDay: number, deviceId: number): void {
  for (let day = fromDay; day < toDay; day += 1) {
    if (day % 7 === 1 || day % 7 === 2) continue;
    for (let minute = 0; minute < 600; minute += 5)
      scene.first({ deviceId, at: 0x0a4d0100 + deviceId }, START + day * 24 * HOUR_MS + minute * 60_000);
  }
}

function ticks(scene: Scene, fromMs: number, toMs: number): void {
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 60_000) scene.tick(nowMs);
}

t.test('a device that falls silent is told against its own longest pause, and closed when it speaks', (t) => {
  const scene = createScene({ unfamiliarPeer: { learnSeconds: 31_536_000 } });
  const speak = (nowMs: number): void => {
    scene.first({}, nowMs);
  };
  for (let minute = 0; minute < 9 * 1_440; minute += 1) {
    if (minute % 5 === 0) speak(START + minute * 60_000);
    scene.tick(START + minute * 60_000 + 1);
  }
  t.same(scene.told, []);
  const silentMs = START + 9 * 24 * HOUR_MS;
  ticks(scene, silentMs, silentMs + 50 * 60_000);
  t.same(scene.told, [], 'an hour is the least');
  ticks(scene, silentMs + 50 * 60_000, silentMs + 10 * HOUR_MS);
  t.match(scene.told, [{ detector: 'deviceSilent', severity: 'medium', device: 'pump-1' }], 'once');
  speak(silentMs + 11 * HOUR_MS);
  scene.tick(silentMs + 11 * HOUR_MS + 1);
  t.match(scene.told.at(-1), { detector: 'deviceSilent', state: 'closed' });
  t.end();
});

t.test(
  'nights, weekends, one old outage and a box that was off say nothing; a missing working week does',
  (t) => {
    const scene = createScene({ unfamiliarPeer: { learnSeconds: 31_536_000 } });
    let nowMs = START;
    for (let day = 0; day < 28; day += 1) {
      // One long outage in the second week must not make a week of silence usual.
      if (day < 10 || day > 12) office(scene, day, day + 1, PUMP);
      ticks(scene, nowMs, START + (day + 1) * 24 * HOUR_MS);
      nowMs = START + (day + 1) * 24 * HOUR_MS;
    }
    t.same(scene.told, [], 'four weeks');
    // The box itself is off for twelve days: nobody was silent.
    nowMs += 12 * 24 * HOUR_MS;
    ticks(scene, nowMs, nowMs + 20 * HOUR_MS);
    t.same(scene.told, [], 'the box was blind');
    ticks(scene, nowMs + 20 * HOUR_MS, nowMs + 14 * 24 * HOUR_MS);
    t.match(scene.by('deviceSilent'), [{ severity: 'low' }]);
    t.end();
  },
);

t.test('a whole ward that goes dark is not a page for each device', (t) => {
  const scene = createScene({ unfamiliarPeer: { learnSeconds: 31_536_000 } });
  for (let hour = 0; hour < 200; hour += 1) {
    for (let n = 0; n < 60; n += 1)
      scene.first({ deviceId: PUMP + n, at: 0x0a4d0100 + n }, START + hour * HOUR_MS);
    for (let minute = 0; minute < 60; minute += 5) scene.tick(START + hour * HOUR_MS + minute * 60_000);
  }
  t.same(scene.told, []);
  ticks(scene, START + 200 * HOUR_MS, START + 230 * HOUR_MS);
  const told = scene.by('deviceSilent');
  t.ok(told.length <= 20, `${told.length} told`);
  t.match(scene.detection.open().at(-1), { evidence: { silentDevices: 60 } });
  scene.first({ deviceId: PUMP + 59, at: 0x0a4d0100 + 59 }, START + 230 * HOUR_MS);
  t.end();
});
