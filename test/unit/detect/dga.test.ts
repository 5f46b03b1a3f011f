import t from 'tap';
import { looksGenerated } from '../../../agent/detect/names/generated-name.js';
import { createScene, START, type Change, type Scene } from './scene.js';

/** A DNS question for A (RFC 1035 section 4.1). */
function question(name: string): Change {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  const bytes = Uint8Array.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
  return { protocol: 17, port: 53, tcpFlags: 0, bytes, payloadOffset: 0, payloadLength: bytes.length };
}

function ask(scene: Scene, names: readonly string[], everyMs: number): void {
  for (const [index, name] of names.entries()) scene.first(question(name), START + index * everyMs);
}

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const looks = (label: string): boolean => looksGenerated(Buffer.from(label), 0, label.length);

t.test('labels that people made do not look drawn by lot; most of those that are drawn do', (t) => {
  const made =
    'microsoft windowsupdate googleapis cloudflare akamaiedge philips siemens-healthineers draeger fresenius medtronic gehealthcare hospital-intranet schwarzwald strengths rhythm wikipedia stackoverflow letsencrypt digicert verisign amazonaws facebook netflix youtube';
  for (const label of made.split(' ')) t.notOk(looks(label), label);
  const random = randomOf(3);
  const letters = (length: number, from: string): string =>
    Array.from({ length }, () => from[random(from.length)] ?? '').join('');
  const drawn = Array.from({ length: 200 }, () => letters(8 + random(9), 'abcdefghijklmnopqrstuvwxyz'));
  t.ok(drawn.filter(looks).length > 150, `${drawn.filter(looks).length} of 200 drawn from letters`);
  const hashes = Array.from({ length: 200 }, () => letters(16, '0123456789abcdef'));
  t.ok(hashes.filter(looks).length > 150, `${hashes.filter(looks).length} of 200 hashes`);
  t.end();
});

t.test('many generated domains are told: drawn by lot, or pronounceable of one length', (t) => {
  const random = randomOf(11);
  const drawn = Array.from(
    { length: 30 },
    () => `${Array.from({ length: 12 }, () => String.fromCharCode(97 + random(26))).join('')}.biz`,
  );
  const conficker = createScene();
  ask(conficker, drawn, 5_000);
  conficker.tick(START + 200_000);
  t.equal(conficker.detection.open().length, 1);
  t.match(conficker.by('dga')[0], { severity: 'high', device: 'pump-1' });
  t.ok(conficker.by('dga').at(-1)?.evidence['examples'] instanceof Array);

  const vowels = 'aeiouy';
  const consonants = 'bcdfghjklmnpqrstvwxz';
  const simda = Array.from({ length: 60 }, () => {
    const pair = (): string => `${consonants[random(20)] ?? ''}${vowels[random(6)] ?? ''}`;
    return `${pair()}${pair()}${pair()}x.com`;
  });
  const pronounceable = createScene();
  ask(pronounceable, simda, 50);
  t.match(pronounceable.by('dga')[0], { device: 'pump-1' });

  for (const length of [14, 23, 40, 63]) {
    const tail = 'stnessbiophysicalohaxandmanymorewordswithoutanyendatallforever'.slice(0, length - 3);
    const banjori = createScene();
    const start = (n: number): string =>
      `${vowels[n % 6] ?? ''}${consonants[n % 19] ?? ''}${vowels[n % 5] ?? ''}`;
    ask(
      banjori,
      Array.from({ length: 60 }, (_, n) => `${start(n)}${tail}.com`),
      1_000,
    );
    t.match(banjori.by('dga')[0], { device: 'pump-1' }, `labels of ${length} bytes`);
  }
  t.end();
});

t.test(
  'what is not: content networks, reverse look-ups, names of the site, browsing, the same few again',
  (t) => {
    const random = randomOf(5);
    const hex = (length: number): string =>
      Array.from({ length }, () => '0123456789abcdef'[random(16)] ?? '').join('');
    const scene = createScene();
    ask(
      scene,
      Array.from({ length: 200 }, () => `d${hex(13)}.cloudfront.net`),
      1_000,
    );
    ask(
      scene,
      Array.from({ length: 200 }, (_, n) => `${n}.2.0.192.in-addr.arpa`),
      1_000,
    );
    ask(
      scene,
      Array.from({ length: 200 }, () => `${hex(12)}.local`),
      1_000,
    );
    ask(
      scene,
      Array.from({ length: 200 }, () => hex(10)),
      1_000,
    );
    ask(
      scene,
      Array.from({ length: 500 }, (_, n) => `qzxkvjwpt${n % 4}.com`),
      1_000,
    );
    const words =
      'amber box cloud delta engineering fortune garden hospital ink journal kitchen laboratory mail newspaper office'.split(
        ' ',
      );
    ask(
      scene,
      // Data under one short domain is a tunnel's, no list of domains.
      Array.from({ length: 200 }, () => `${hex(20)}.${['x1.pw', 'a.io', 'evl.co'][random(3)] ?? ''}`),
      1_000,
    );
    ask(
      scene,
      words
        .flatMap((one) => words.map((other) => `${one}${other.slice(0, 1 + (other.length % 7))}.com`))
        .slice(0, 120),
      3_000,
    );
    t.same(
      scene.by('dga').map(({ title }) => title),
      [],
    );
    t.end();
  },
);
