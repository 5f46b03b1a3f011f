import t from 'tap';
import { EVENT_PAYLOAD, OUTCOME_ANSWERED } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const RESOLVER = 0x0a4d0001;
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const A = 1;
const TXT = 16;
const TCP = 6;
const UDP = 17;

let state = 9;
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const drawn = (length: number, from = 'abcdefghijklmnopqrstuvwxyz234567'): string =>
  Array.from({ length }, () => from[random(from.length)] ?? '').join('');
const hex = (length: number): string => drawn(length, '0123456789abcdef');

/** A DNS question (RFC 1035 section 4.1). */
function message(labels: readonly string[], type: number): Uint8Array {
  const name = labels.flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  return Uint8Array.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, type >> 8, type & 255, 0, 1]);
}

function question(labels: readonly string[], type = A, srcPort = 40_000): Change {
  const bytes = message(labels, type);
  const to = RESOLVER;
  return {
    protocol: UDP,
    srcPort,
    port: 53,
    tcpFlags: 0,
    to,
    bytes,
    payloadOffset: 0,
    payloadLength: bytes.length,
  };
}

/** The first data of a TCP connection: a length stands before the message (RFC 1035 section 4.2.2). */
function overTcp(labels: readonly string[]): Change {
  const asked = message(labels, TXT);
  const bytes = Uint8Array.from([asked.length >> 8, asked.length & 255, ...asked]);
  return {
    ...question(labels),
    kind: EVENT_PAYLOAD,
    protocol: TCP,
    tcpFlags: 24,
    bytes,
    payloadLength: bytes.length,
  };
}

function ask(scene: Scene, count: number, everyMs: number, make: (n: number) => Change): void {
  for (let n = 0; n < count; n += 1) scene.first(make(n), START + n * everyMs);
}

/** A socket that asks for one name first; what follows is in the counters. */
function socket(
  scene: Scene,
  first: string,
  {
    packets,
    bytes,
    everyMs,
    protocol = UDP,
  }: { packets: number; bytes: number; everyMs: number; protocol?: number },
): void {
  const asked = question(first.split('.'), A, 49_200);
  scene.first(protocol === UDP ? asked : { ...asked, protocol, payloadLength: 0 }, START);
  scene.end(
    {
      ...asked,
      protocol,
      payloadLength: 0,
      outcome: OUTCOME_ANSWERED,
      packetsOut: packets,
      packetsIn: packets,
      bytesOut: packets * bytes,
      bytesIn: packets * 150,
      durationMs: packets * everyMs,
    },
    START + packets * everyMs,
  );
}

const SITES =
  'www.google.com login.microsoftonline.com fonts.gstatic.com static.xx.fbcdn.net ocsp.digicert.com'.split(
    ' ',
  );

const QUIET: readonly { name: string; ask: (scene: Scene) => void }[] = [
  {
    name: 'reverse look-ups of IPv6 (RFC 3596 section 2.5)',
    ask: (scene) => {
      ask(scene, 300, SECOND_MS, () => question([...hex(32), 'ip6', 'arpa'], 12));
    },
  },
  {
    name: 'services by the names that people gave them (RFC 6763)',
    ask: (scene) => {
      const labels = (n: number) => [
        `Laser Printer (Station ${n} West) [${hex(6)}]`,
        '_ipp',
        '_tcp',
        'print',
        'example',
        'org',
      ];
      ask(scene, 100, SECOND_MS, (n) => question(labels(n), n % 2 === 0 ? 33 : TXT));
    },
  },
  {
    name: 'devices of the site',
    ask: (scene) => {
      for (const domain of ['hospital.local', 'examplehospital.org'])
        ask(scene, 200, SECOND_MS, (n) =>
          question(`infusion-pump-${1000 + n}.ward${n % 9}.devices.${domain}`.split('.')),
        );
      ask(scene, 200, SECOND_MS, () => question(`pump-${hex(12)}.ward3.devices.hospital.lan`.split('.')));
    },
  },
  {
    name: 'whatever people visit, tried below the search domain too',
    ask: (scene) => {
      ask(scene, 300, SECOND_MS, (n) =>
        question(`s${n % 50}.${SITES[n % 5] ?? ''}.clinic.examplehospital.org`.split('.')),
      );
    },
  },
  {
    name: 'reputation of files and hosts',
    ask: (scene) => {
      ask(scene, 80, 6_000, () => question(`4.${drawn(26)}.${drawn(10)}.w.10.a.sophosxl.net`.split('.')));
      ask(scene, 80, 6_000, () => question(`0.0.1.0.0.4e.${drawn(26)}.avts.mcafee.com`.split('.'), TXT));
      ask(scene, 200, SECOND_MS, (n) => question([`${n}`, '2', '0', '192', 'zen', 'example', 'org'], TXT));
    },
  },
  {
    name: 'a small stack that keeps its socket',
    ask: (scene) => {
      const name = 'a1b2c3d4e5f6g7-ats.iot.eu-central-1.amazonaws.com';
      socket(scene, name, { packets: 130, bytes: name.length + 2 + 16 + 28, everyMs: 55_000 });
      socket(scene, 'ntp.example.org', { packets: 5_000, bytes: 95, everyMs: 30_000 });
      socket(scene, 'ntp.example.org', { packets: 5_000, bytes: 79, everyMs: 1_000 });
    },
  },
  {
    name: 'a resolver that asks over TCP',
    ask: (scene) => {
      socket(scene, 'ntp.example.org', { packets: 500, bytes: 88, everyMs: 1_000, protocol: TCP });
    },
  },
  {
    name: 'storage, clouds and UUIDs, all day',
    ask: (scene) => {
      const MINUTE_MS = 60_000;
      ask(scene, 1_440, MINUTE_MS, () => question([hex(24), 'blob', 'core', 'windows', 'net']));
      ask(scene, 1_440, MINUTE_MS, () => question([`${hex(8)}-${hex(24)}`, 's3', 'eu', 'amazonaws', 'com']));
      ask(scene, 1_440, MINUTE_MS, () =>
        question([`${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`, 'ui', 'example', 'net']),
      );
      ask(scene, 50, HOUR_MS / 3, () => question([hex(64), 'safeframe', 'googlesyndication', 'com']));
      ask(scene, 1_440, MINUTE_MS, (n) => question(['selector1', '_domainkey', `mail${n}`, 'org'], TXT));
    },
  },
  {
    name: 'one very long name, day after day',
    ask: (scene) => {
      const labels = [drawn(60), drawn(50), 'cdn', 'example', 'com'];
      ask(scene, 500, HOUR_MS, () => question(labels));
    },
  },
];

t.test('names that people and products ask for are no tunnel', (t) => {
  for (const { name, ask } of QUIET) {
    const scene = createScene();
    ask(scene);
    t.same(
      scene.by('dnsTunnel').map(({ title }) => title),
      [],
      name,
    );
  }
  t.end();
});

const TUNNELS: readonly { name: string; ask: (scene: Scene) => void; title: RegExp }[] = [
  {
    name: 'hexadecimal in one label (dnscat2)',
    ask: (scene) => {
      ask(scene, 100, SECOND_MS, () => question([hex(34), 'example', 'com']));
    },
    title: /names of 35 bytes under example\.com/,
  },
  {
    name: 'below a short domain of a country',
    ask: (scene) => {
      ask(scene, 100, SECOND_MS, (n) => question([`${n}`, drawn(60), drawn(50), 'x1', 'pw'], TXT));
    },
    title: /under x1\.pw: data in DNS/,
  },
  {
    name: 'names of the own network and of reputation, asked of a server outside',
    ask: (scene) => {
      ask(scene, 60, SECOND_MS, () => ({
        ...question([drawn(40), 't', 'hospital', 'local']),
        to: 0xcb00710a,
      }));
      ask(scene, 60, SECOND_MS, () => ({ ...question([drawn(40), 't', 'sophosxl', 'net']), to: 0xcb00710a }));
      if (scene.by('dnsTunnel').length < 2) throw new Error('both are data');
    },
    title: /under hospital\.local/,
  },
  {
    name: 'text for short names, which carries data inwards',
    ask: (scene) => {
      ask(scene, 100, SECOND_MS, () => question([hex(6), 'ns0', 'pw'], TXT));
    },
    title: /names of 7 bytes under ns0\.pw/,
  },
  {
    name: 'a few long names an hour',
    ask: (scene) => {
      ask(scene, 100, 600_000, (n) =>
        question([`${n}`, drawn(60), drawn(60), drawn(40), 'x', 'example', 'com'], TXT),
      );
    },
    title: /20 names of 16\d bytes under example\.com/,
  },
  {
    name: 'a connection over TCP for each question',
    ask: (scene) => {
      ask(scene, 60, SECOND_MS, () => overTcp([drawn(57), drawn(57), 't', 'example', 'com']));
    },
    title: /under example\.com: data in DNS/,
  },
  {
    name: 'all questions over one TCP connection',
    ask: (scene) => {
      socket(scene, 't.example.com', { packets: 400, bytes: 147, everyMs: 50, protocol: TCP });
    },
    title: /sent 400 packets of 147 bytes/,
  },
  {
    name: 'a tunnel that idles on its socket',
    ask: (scene) => {
      socket(scene, `${hex(18)}.example.com`, { packets: 400, bytes: 79, everyMs: 4_000 });
    },
    title: /sent 400 packets of 79 bytes/,
  },
];

t.test('data in DNS is told, however it is asked for', (t) => {
  for (const { name, ask, title } of TUNNELS) {
    const scene = createScene();
    ask(scene);
    t.match(scene.by('dnsTunnel').slice(0, 1), [{ severity: 'high', title }], name);
  }
  t.end();
});

t.test('a few names a day that are drawn by lot are told for medium, and graver once they are many', (t) => {
  const slow = (labels: () => string[], type: number, everyMs: number): Scene => {
    const scene = createScene();
    ask(scene, 200, everyMs, () => question(labels(), type));
    return scene;
  };
  const title = /asks for \d+ names of \d+ bytes under example\.com/;
  t.match(
    slow(() => [hex(16), 'c2', 'example', 'com'], TXT, 30_000)
      .by('dnsTunnel')
      .slice(0, 1),
    [{ severity: 'medium', title, evidence: { distinctNames: 60, windowSeconds: 86_400 } }],
  );
  const few = slow(() => [drawn(50), 'x', 'example', 'com'], A, 60_000);
  t.match(few.by('dnsTunnel').slice(0, 1), [{ severity: 'medium', title }]);
  ask(few, 60, SECOND_MS, () => question([drawn(50), 'x', 'example', 'com']));
  few.tick(START + 13 * HOUR_MS);
  t.match(few.by('dnsTunnel').at(-1), { severity: 'high' });
  t.same(slow(() => [hex(16), 'example', 'com'], TXT, HOUR_MS / 2).by('dnsTunnel'), [], '48 a day');
  t.end();
});

t.test('what comes in bursts under one domain is told once in days', (t) => {
  const scene = createScene();
  for (let burst = 0; burst < 6; burst += 1)
    for (let n = 0; n < 60; n += 1) {
      const nowMs = START + burst * 12 * HOUR_MS + n * SECOND_MS;
      scene.first(question([hex(40), 'bc', 'example', 'com']), nowMs);
      scene.tick(nowMs);
    }
  t.same(
    scene.told.filter(({ detector, state }) => detector === 'dnsTunnel' && state === 'closed'),
    [],
  );
  t.ok(
    scene.by('dnsTunnel').every(({ evidence }) => Number(evidence['distinctNames']) >= 40),
    'and does not shrink with what is counted',
  );
  t.end();
});
