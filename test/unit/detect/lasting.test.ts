import t from 'tap';
import { EVENT_END, EVENT_GOING } from '../../../agent/detect/event.js';
import { createScene, START, type Change } from './scene.js';

const OUTSIDE = 0xcb00710a;
const INSIDE = 0x0a4d0001;
/** A tunnel, or a flood, of which no end is in sight. */
const GOING: Change = { kind: EVENT_GOING, tcpFlags: 0, durationMs: 120_000 };

t.test('a tunnel is told while it goes on, once', (t) => {
  const dns = createScene();
  for (const minutes of [2, 4, 6]) {
    const packets = minutes * 300;
    const counters = {
      packetsOut: packets,
      bytesOut: packets * 130,
      packetsIn: packets,
      bytesIn: packets * 300,
    };
    dns.first({ ...GOING, ...counters, protocol: 17, port: 53, to: INSIDE }, START + minutes * 60_000);
    dns.tick(START + minutes * 60_000 + 1_000);
  }
  t.match(dns.by('dnsTunnel')[0], { severity: 'high', evidence: { packetsOut: 600 } });
  t.equal(new Set(dns.told.map(({ key }) => key)).size, 1);
  const icmp = createScene();
  icmp.first(
    {
      ...GOING,
      ...{ protocol: 1, port: 0x0800, to: OUTSIDE },
      ...{ packetsOut: 600, bytesOut: 600 * 60, packetsIn: 600, bytesIn: 600 * 900 },
    },
    START,
  );
  t.match(icmp.by('icmpTunnel'), [{ severity: 'high' }]);
  t.end();
});

t.test('a flood inside one connection is told while it goes on', (t) => {
  const scene = createScene();
  const counters = { packetsOut: 60_000, bytesOut: 60_000 * 84, packetsIn: 60_000, bytesIn: 60_000 * 84 };
  scene.first({ ...GOING, ...counters, protocol: 1, port: 0x0800, to: INSIDE }, START);
  t.match(scene.by('connectionBurst'), [{ evidence: { kind: 'flood in one connection' } }]);
  t.end();
});

t.test('bytes of a connection that lasts are counted as they leave, and once', (t) => {
  const HOUR_MS = 3_600_000;
  const scene = createScene({ volume: { historyHours: 10 } });
  const monday =
    START - (START % 86_400_000) + ((11 - (Math.floor(START / 86_400_000) % 7)) % 7) * 86_400_000;
  for (let hour = 0; hour < 24; hour += 1)
    scene.end({ bytesOut: 1_000_000, srcPort: 50_000 + hour }, monday + hour * HOUR_MS);
  const upload = (megabytes: number, minutes: number, kind = EVENT_GOING): void => {
    const change = { kind, tcpFlags: 0, port: 443, to: OUTSIDE, packetsOut: 50_000, packetsIn: 50_000 };
    scene.first({ ...change, bytesOut: megabytes * 1e6 }, monday + 24 * HOUR_MS + minutes * 60_000);
  };
  for (let n = 1; n <= 24; n += 1) upload(n * 2, n * 2);
  t.same(scene.by('volume'), [], '48 MB in 48 minutes, and not their sum');
  upload(60, 50);
  t.match(scene.by('volume'), [{ evidence: { megabytesThisHour: 60 } }], 'while it goes on');
  upload(61, 51, EVENT_END);
  scene.tick(monday + 26 * HOUR_MS);
  t.match(scene.told.at(-1), { state: 'closed', evidence: { megabytesThisHour: 61 } });
  t.end();
});

t.test('what goes on is no new contact, and has not ended', (t) => {
  const scene = createScene({ unfamiliarPeer: { learnSeconds: 0 }, unfamiliarService: { learnSeconds: 0 } });
  scene.first({ ...GOING, packetsOut: 50, packetsIn: 1, port: 22, to: OUTSIDE }, START);
  scene.tick(START + 1_000);
  t.same(scene.told, []);
  t.end();
});
