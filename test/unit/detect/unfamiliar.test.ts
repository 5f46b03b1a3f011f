import t from 'tap';
import { VERDICT_ALLOWED, VERDICT_REFUSED, EVENT_PAYLOAD } from '../../../agent/detect/event.js';
import { createScene, START } from './scene.js';

const DAY_MS = 86_400_000;
const LEARNT = {
  unfamiliarPeer: { learnSeconds: 86_400 },
  unfamiliarService: { learnSeconds: 86_400 },
  unfamiliarNetwork: { learnSeconds: 86_400 },
};
const OUTSIDE = 0xcb00710a;
const V6_INSIDE = [0xfd770000, 0, 0, 7] as const;
const V6_OUTSIDE = [0x20010db8, 0, 0, 7] as const;

t.test('a service that a device never used, or was never asked for, is told once for each direction', (t) => {
  const scene = createScene(LEARNT);
  scene.first({ port: 104 }, START);
  scene.first({ port: 50_000, protocol: 17 }, START + 1);
  scene.first({ port: 22 }, START + 1_000);
  t.same(scene.by('unfamiliarService'), [], 'while it is learnt');
  scene.first({ port: 104, to: 0x0a4d0005 }, START + 2 * DAY_MS);
  scene.first({ port: 40_001, protocol: 17 }, START + 2 * DAY_MS);
  scene.first({ port: 23, verdict: VERDICT_REFUSED, reason: 1 }, START + 2 * DAY_MS);
  t.same(scene.by('unfamiliarService'), [], 'a known one at another host, a dynamic one, a refused one');
  scene.first({ port: 445, to: V6_INSIDE }, START + 2 * DAY_MS);
  scene.first({ port: 445, fromDevice: false }, START + 2 * DAY_MS);
  t.match(scene.by('unfamiliarService'), [
    { severity: 'low', peer: 'fd77::7', evidence: { services: ['tcp/445'], knownServices: 3 } },
    { severity: 'low', title: /is asked for tcp\/445/, evidence: { from: 'network' } },
  ]);
  for (const port of [1000, 1001, 1002, 1003]) scene.first({ port }, START + 2 * DAY_MS + port);
  scene.tick(START + 2 * DAY_MS + 60_000);
  t.match(scene.by('unfamiliarService').at(-1), {
    severity: 'medium',
    title: /uses 5 services/,
    evidence: { services: ['tcp/445', 'tcp/1000', 'tcp/1001', 'tcp/1002', 'tcp/1003'] },
  });
  t.end();
});

t.test('services that entries cover do not speak for the others of the same finding', (t) => {
  const scene = createScene(LEARNT);
  scene.first({ port: 104 }, START);
  const later = START + 2 * DAY_MS;
  scene.first({ port: 445 }, later);
  scene.first({ port: 443, verdict: VERDICT_ALLOWED }, later + 1_000);
  scene.tick(later + 60_000);
  t.match(scene.by('unfamiliarService').at(-1), { severity: 'low', evidence: { coveredByEntry: false } });
  scene.tick(later + DAY_MS);
  for (const port of [1000, 1001, 1002, 1003, 1004])
    scene.first({ port, verdict: VERDICT_ALLOWED }, later + DAY_MS + port);
  scene.tick(later + DAY_MS + 60_000);
  t.match(
    scene.by('unfamiliarService').at(-1),
    { severity: 'info', evidence: { coveredByEntry: true } },
    'many that are all foreseen',
  );
  t.end();
});

t.test('ports that two ends agree on anew each time are one service of that peer', (t) => {
  const scene = createScene(LEARNT);
  const call = (n: number, nowMs: number, to = 0x0a4d0005): void => {
    scene.first({ port: 10_000 + ((n * 7_919) % 10_000), protocol: 17, tcpFlags: 0, to }, nowMs);
  };
  for (let n = 0; n < 5; n += 1) call(n, START + n * 1_000);
  for (let n = 5; n < 500; n += 1) call(n, START + 2 * DAY_MS + n * 60_000);
  t.same(scene.by('unfamiliarService'), []);
  scene.first({ port: 8_080, to: 0x0a4d0005 }, START + 3 * DAY_MS);
  scene.tick(START + 4 * DAY_MS - 1_000);
  call(1_001, START + 4 * DAY_MS, 0x0a4d0006);
  t.match(
    scene.by('unfamiliarService').map(({ evidence }) => evidence['services']),
    [['tcp/8080'], ['udp/16919']],
    'another protocol, and another peer, are their own',
  );
  t.end();
});

t.test('new peers of a device are one finding, medium from the fifth on', (t) => {
  const scene = createScene(LEARNT);
  scene.first({}, START);
  const nowMs = START + 2 * DAY_MS;
  scene.first({ to: 0x0a4d0100 }, nowMs);
  t.match(scene.by('unfamiliarPeer'), [{ severity: 'low', peer: '10.77.1.0', title: /called 10\.77\.1\.0/ }]);
  for (let n = 1; n < 30; n += 1) {
    scene.first({ to: 0x0a4d0100 + n }, nowMs + n * 20_000);
    scene.tick(nowMs + n * 20_000);
  }
  scene.tick(nowMs + 3_000_000);
  t.match(scene.by('unfamiliarPeer').at(-1), {
    severity: 'medium',
    peer: null,
    title: /called at least 16 hosts/,
    evidence: { newPeers: 30, newPeersAreUsual: false },
  });
  t.equal(new Set(scene.by('unfamiliarPeer').map(({ key }) => key)).size, 1);
  const cloud = createScene(LEARNT);
  cloud.first({}, START);
  for (let n = 0; n < 40; n += 1) cloud.first({ to: 0xcb007100 + n, port: 443 }, nowMs + n * 1_000);
  cloud.tick(nowMs + 60_000);
  t.equal(cloud.by('unfamiliarPeer').at(-1)?.severity, 'low', 'the addresses of one operator');
  t.end();
});

/** A browser's days: twenty new hosts of as many operators each. */
function browse(scene: ReturnType<typeof createScene>, fromDay: number, toDay: number): void {
  for (let day = fromDay; day < toDay; day += 1)
    for (let n = 0; n < 20; n += 1)
      scene.first(
        { to: 0x17000000 + (day * 20 + n) * 0x10000, port: 443 },
        START + day * DAY_MS + n * 10_000,
      );
}

t.test('a device that meets new peers every day is a browser; that is known after a restart too', (t) => {
  const week = { unfamiliarPeer: { learnSeconds: 604_800 }, unfamiliarNetwork: { learnSeconds: 604_800 } };
  const scene = createScene(week);
  browse(scene, 0, 9);
  scene.tick(START + 8 * DAY_MS + 600_000);
  const severities = (): unknown[] => [
    ...new Set([...scene.by('unfamiliarPeer'), ...scene.by('unfamiliarNetwork')].map((one) => one.severity)),
  ];
  t.same(severities(), ['low']);
  const after = createScene(week);
  after.detection.restoreMemories(scene.detection.memories(), START + 9 * DAY_MS);
  browse(after, 9, 10);
  after.tick(START + 9 * DAY_MS + 600_000);
  t.same([...new Set(after.told.map(({ severity }) => severity))], ['low']);
  const settled = createScene(week);
  browse(settled, 0, 1);
  browse(settled, 8, 9);
  settled.tick(START + 8 * DAY_MS + 600_000);
  t.match(settled.by('unfamiliarPeer').at(-1), { severity: 'medium' }, 'on its first day everything is new');
  t.end();
});

t.test(
  'who calls by IPv6 from ever other addresses of one network is one peer; who is called is not',
  (t) => {
    const scene = createScene({ unfamiliarPeer: { learnSeconds: 86_400 } });
    const at = (host: number): readonly [number, number, number, number] => [0x20010db8, 5, host, host * 7];
    scene.first({ to: at(1), fromDevice: false }, START);
    scene.first({ to: [0xfe800000, 0, 0, 1], fromDevice: false }, START);
    for (let n = 2; n < 40; n += 1) scene.first({ to: at(n), fromDevice: false }, START + 2 * DAY_MS + n);
    t.same(scene.by('unfamiliarPeer'), []);
    scene.first({ to: at(50) }, START + 2 * DAY_MS + 100);
    scene.first({ to: [0xfe800000, 0, 0, 2], fromDevice: false }, START + 2 * DAY_MS + 101);
    t.match(scene.by('unfamiliarPeer'), [{ peer: '2001:db8:0:5:0:32:0:15e' }, { peer: 'fe80::2' }]);
    t.end();
  },
);

t.test('a device that spoke outside for long is not told to have spoken inside only', (t) => {
  const scene = createScene(LEARNT);
  for (let n = 0; n < 500; n += 1) scene.first({ to: 0x17000000 + n * 0x10000 }, START + n * 1_000);
  scene.first({ to: 0xcb000001 }, START + 2 * DAY_MS);
  t.match(scene.by('unfamiliarNetwork'), [{ severity: 'low', evidence: { isFirstOutside: false } }]);
  t.end();
});

t.test('an approved entry makes what is new foreseen', (t) => {
  const scene = createScene(LEARNT);
  scene.first({ port: 104, verdict: VERDICT_ALLOWED }, START);
  scene.first({ port: 2575, to: OUTSIDE, verdict: VERDICT_ALLOWED }, START + 2 * DAY_MS);
  t.match(scene.told.map(({ detector, severity }) => [detector, severity]).sort(), [
    ['unfamiliarNetwork', 'info'],
    ['unfamiliarPeer', 'info'],
    ['unfamiliarService', 'info'],
  ]);
  t.end();
});

t.test('the first host outside is told louder than another network', (t) => {
  for (const [inside, outside, again, network] of [
    [0x0a4d0001, OUTSIDE, 0xc6336401, '203.0.0.0/16'],
    [V6_INSIDE, V6_OUTSIDE, [0x2a000001, 0, 0, 1], '2001:db8::/32'],
  ] as const) {
    const scene = createScene(LEARNT);
    scene.first({ to: inside }, START);
    scene.first({ to: outside }, START + 2 * DAY_MS);
    t.match(scene.by('unfamiliarNetwork'), [
      {
        severity: 'medium',
        title: /only spoke inside/,
        evidence: { networks: [network], isFirstOutside: true },
      },
    ]);
    for (let hour = 1; hour < 9; hour += 1) scene.tick(START + 2 * DAY_MS + hour * 3_600_000);
    scene.first({ to: again }, START + 3 * DAY_MS);
    t.match(scene.by('unfamiliarNetwork').at(-1), { severity: 'low', evidence: { isFirstOutside: false } });
    scene.first({ to: again, port: 443 }, START + 3 * DAY_MS);
    t.equal(scene.detection.open().filter(({ detector }) => detector === 'unfamiliarNetwork').length, 1);
  }
  t.end();
});

t.test('a greeting that names a public resolver, wherever the name stands', (t) => {
  const names = [
    'cloudflare-dns.com',
    'dns.google',
    'dns.quad9.net',
    'doh.opendns.com',
    'dns.adguard-dns.com',
  ];
  for (const name of names)
    for (const before of ['', 'd', 'dn', 'dns', 'a.dns.']) {
      const told = (sent: string): number => {
        const scene = createScene();
        const bytes = Buffer.from(`\x16\x03\x01${before}${sent}`, 'latin1');
        scene.first(
          { kind: EVENT_PAYLOAD, bytes, payloadLength: bytes.length, to: 0xcb007122, port: 443 },
          START,
        );
        return scene.by('encryptedDns').length;
      };
      t.equal(told(name), 1, `${before}${name}`);
      t.equal(told(name.slice(0, -1)), 0, `${before}${name}, cut`);
      t.equal(told(`${name.slice(0, -1)}!`), 0, `${before}${name}, almost`);
    }
  t.end();
});

t.test('a public resolver over TLS or HTTPS is told, the one of the site and an allowed one are not', (t) => {
  const scene = createScene();
  scene.first({ to: 0x0a4d0035, port: 853 }, START);
  scene.first({ to: 0x08080808, port: 53, protocol: 17 }, START);
  scene.first({ to: 0x01010101, port: 443, verdict: VERDICT_ALLOWED }, START);
  t.same(scene.by('encryptedDns'), []);
  scene.first({ to: 0x01010101, port: 443 }, START);
  scene.first({ to: [0x26064700, 0x47000000, 0, 0x1111], port: 443, protocol: 17 }, START);
  scene.first({ to: OUTSIDE, port: 853 }, START);
  const greeting = Buffer.from('\x16\x03\x01\x00\xc8\x01 …\x00\x00\x0adns.google', 'latin1');
  const hello = { kind: EVENT_PAYLOAD, bytes: greeting, payloadLength: greeting.length };
  scene.first({ ...hello, to: 0xcb007122, port: 443 }, START);
  scene.first({ ...hello, to: 0xcb007122, port: 443 }, START + 1);
  t.same(
    scene.by('encryptedDns').map(({ peer }) => peer),
    ['1.1.1.1', '2606:4700:4700::1111', '203.0.113.10', '203.0.113.34'],
  );
  t.end();
});
