import t from 'tap';
import { EVENT_GOING } from '../../../agent/detect/event.js';
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

t.test('what goes on is no new contact, and has not ended', (t) => {
  const scene = createScene({ unfamiliarPeer: { learnSeconds: 0 }, unfamiliarService: { learnSeconds: 0 } });
  scene.first({ ...GOING, packetsOut: 50, packetsIn: 1, port: 22, to: OUTSIDE }, START);
  scene.tick(START + 1_000);
  t.same(scene.told, []);
  t.end();
});
