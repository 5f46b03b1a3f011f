import t from 'tap';
import { EVENT_GOING, OUTCOME_ANSWERED } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const REQUEST = 0x0800;
const REPLY = 0x0000;
const TIMESTAMP = 0x0d00;
const SECOND_MS = 1_000;
const HEADERS = 28;

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  };
}
const random = randomOf(4);
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, random);
const text = (value: string): Uint8Array => Buffer.from(value, 'latin1');
/** What Windows sends: a to w, again and again. */
const alphabet = (length: number): Uint8Array => Uint8Array.from({ length }, (_, n) => 97 + (n % 23));
const counting = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, n) => (n < 16 ? random() : n & 0xff));

/** Identifier and sequence number stand before the data. */
function echo(data: Uint8Array, port = REQUEST): Change {
  const bytes = Uint8Array.from([0, 77, 0, 1, ...data]);
  return {
    protocol: 1,
    port,
    srcPort: -1,
    tcpFlags: 0,
    to: 0xcb00710a,
    bytes,
    payloadOffset: 0,
    payloadLength: bytes.length,
  };
}

/** One connection: what its first packet carries, and how many of which mean size went out and came back. */
function connection(
  scene: Scene,
  first: Uint8Array,
  out: { packets: number; bytes: number },
  back = out,
  port = REQUEST,
): void {
  scene.first(echo(first, port), START);
  scene.end(
    {
      ...echo(first, port),
      outcome: OUTCOME_ANSWERED,
      packetsOut: out.packets,
      bytesOut: out.packets * (out.bytes + HEADERS),
      packetsIn: back.packets,
      bytesIn: back.packets * (back.bytes + HEADERS),
    },
    START + out.packets * SECOND_MS,
  );
}

/** A new connection for each payload. */
function pings(scene: Scene, payloads: readonly Uint8Array[], everyMs: number): void {
  for (const [index, data] of payloads.entries()) scene.first(echo(data), START + index * everyMs);
}

const many = (count: number, make: () => Uint8Array): Uint8Array[] => Array.from({ length: count }, make);

const PINGS: readonly { name: string; send: (scene: Scene) => void }[] = [
  {
    name: 'a monitor that sends its name',
    send: (scene) => {
      pings(
        scene,
        many(200, () => text('Prometheus Blackbox Exporter')),
        60_000,
      );
      pings(
        scene,
        many(200, () => text('WhatsUp - A Network Monitoring Tool')),
        60_000,
      );
    },
  },
  {
    name: 'a monitor that sends the time and a UUID',
    send: (scene) => {
      pings(
        scene,
        many(500, () => noise(24)),
        10_000,
      );
    },
  },
  {
    name: 'the alphabet of Windows, once, of any size',
    send: (scene) => {
      for (const length of [32, 500, 1_472, 2_048]) pings(scene, [alphabet(length)], 0);
    },
  },
  {
    name: 'twenty-five large pings',
    send: (scene) => {
      connection(scene, counting(1_472), { packets: 25, bytes: 1_472 });
      connection(scene, alphabet(1_472), { packets: 25, bytes: 1_472 });
    },
  },
  {
    name: 'large pings to a resolver that answers with a part of each',
    send: (scene) => {
      connection(scene, counting(1_000), { packets: 200, bytes: 1_000 }, { packets: 199, bytes: 64 });
    },
  },
  {
    name: 'pings while the host starts anew',
    send: (scene) => {
      connection(scene, alphabet(32), { packets: 400, bytes: 32 }, { packets: 119, bytes: 32 });
    },
  },
];

t.test('no ping of a monitor or of a person is a tunnel', (t) => {
  for (const { name, send } of PINGS) {
    const scene = createScene();
    send(scene);
    t.same(scene.by('icmpTunnel'), [], name);
  }
  t.end();
});

const TUNNELS: readonly { name: string; send: (scene: Scene) => void; title: RegExp }[] = [
  {
    name: 'one long text',
    send: (scene) => {
      pings(scene, [text('transfer all of the funds to account number 11928282, and be quick about it')], 0);
    },
    title: /data that no ping sends, 75 bytes/,
  },
  {
    name: 'a pattern that is another one in each ping (ping -p)',
    send: (scene) => {
      const pattern = (): Uint8Array => {
        const sixteen = noise(16);
        return Uint8Array.from({ length: 56 }, (_, n) => sixteen[n % 16] ?? 0);
      };
      pings(scene, many(30, pattern), 1_000);
    },
    title: /data that no ping sends, 56 bytes/,
  },
  {
    name: 'answers that nobody asked for',
    send: (scene) => {
      scene.first(echo(noise(500), REPLY), START);
    },
    title: /data that no ping sends, 500 bytes/,
  },
  {
    name: 'timestamps that are none',
    send: (scene) => {
      scene.first(echo(noise(12), TIMESTAMP), START);
    },
    title: /data that no ping sends, 12 bytes/,
  },
  {
    name: 'large data behind a small beginning',
    send: (scene) => {
      connection(scene, text('hans\x01'), { packets: 200, bytes: 520 });
    },
    title: /400 echo packets of 520 bytes/,
  },
  {
    name: 'large data behind a large ping of another size',
    send: (scene) => {
      connection(scene, counting(1_000), { packets: 200, bytes: 800.5 });
    },
    title: /400 echo packets of 801 bytes/,
  },
  {
    name: 'a shell: commands one way, what they print the other',
    send: (scene) => {
      connection(scene, new Uint8Array(0), { packets: 400, bytes: 40 }, { packets: 390, bytes: 2 });
    },
    title: /echo of 16000 bytes one way and 780 the other/,
  },
];

t.test('data in echo is told, however it is carried', (t) => {
  for (const { name, send, title } of TUNNELS) {
    const scene = createScene();
    send(scene);
    t.match(scene.by('icmpTunnel').slice(0, 1), [{ severity: 'high', title }], name);
  }
  t.end();
});

t.test('a site may ask for several that differ before it is told', (t) => {
  const scene = createScene({ icmpTunnel: { oddPayloads: 3 } });
  const same = noise(200);
  pings(
    scene,
    many(50, () => same),
    1_000,
  );
  t.same(scene.by('icmpTunnel'), [], 'the same ones carry nothing');
  pings(
    scene,
    many(3, () => noise(200)),
    1_000,
  );
  t.match(scene.by('icmpTunnel'), [{ severity: 'high' }]);
  t.end();
});

/** A connection that goes on: so many questions a second of these bytes, and as many answers. */
function lasting(first: Uint8Array, perSecond: number, seconds: number, change: Change = {}): Scene {
  const scene = createScene();
  const packets = perSecond * seconds;
  scene.first({ ...echo(first), ...change }, START);
  scene.first(
    {
      ...echo(first),
      ...{ kind: EVENT_GOING, durationMs: seconds * SECOND_MS, packetsOut: packets, packetsIn: packets },
      ...{ bytesOut: packets * (first.length + HEADERS), bytesIn: packets * (first.length + HEADERS) },
      ...change,
    },
    START + seconds * SECOND_MS,
  );
  return scene;
}

t.test('a small tunnel whose packets are all alike is told by its pace', (t) => {
  const severities = (scene: Scene): string[] => scene.by('icmpTunnel').map(({ severity }) => severity);
  const title = /data that no ping sends, 10 a second for 6 minutes/;
  t.match(lasting(noise(60), 10, 360).by('icmpTunnel'), [{ severity: 'medium', title }]);
  t.same(severities(lasting(noise(32), 5, 360)), ['medium']);
  t.same(severities(lasting(noise(60), 10, 360, { to: 0x0a4d0001 })), ['low'], 'inside');
  t.same(severities(lasting(noise(60), 2, 86_400)), [], 'a monitor with words of its own');
  t.same(severities(lasting(counting(56), 5, 86_400)), [], 'ping -i 0.2');
  t.same(severities(lasting(noise(60), 10, 120)), [], 'a short test');
  t.same(severities(lasting(noise(60), 10, 360, { packetsIn: 10, bytesIn: 880 })), [], 'nobody answers');
  t.end();
});

t.test('answers that are not as long as their questions carry something', (t) => {
  const counted = (first: Uint8Array, packets: number, bytesOut: number, bytesIn: number): number => {
    const counters = { packetsOut: packets, packetsIn: packets, bytesOut, bytesIn };
    return lasting(first, 1, packets, counters).by('icmpTunnel').length;
  };
  const ping = counting(56);
  t.equal(counted(ping, 200, 200 * 84, 200 * 84 + 5_001), 1, 'more comes back');
  t.equal(
    counted(noise(60), 200, 30_001, 20_001),
    1,
    'questions that no ping sends, and answers of ever other sizes',
  );
  t.equal(counted(ping, 200, 200 * 128, 200 * 92), 0, 'a host that cuts all of them short');
  t.equal(counted(ping, 200, 180 * 60 + 20 * 220, 180 * 60 + 20 * 92), 0, 'or the large ones');
  t.equal(counted(ping, 200, 200 * 84, 200 * 84 - 84), 0, 'one that is on its way');
  t.end();
});
