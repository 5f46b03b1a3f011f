import t from 'tap';
import { EVENT_PAYLOAD } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const CLIENT = 0xc0000242;
const text = (value: string): Change => {
  const bytes = Buffer.from(value, 'latin1');
  return { kind: EVENT_PAYLOAD, tcpFlags: 24, bytes, payloadOffset: 0, payloadLength: bytes.length };
};
/** The first words of so many connections: what the client says, and what it hears. */
function speak(scene: Scene, count: number, port: number, asked: string, answered: string): void {
  for (let n = 0; n < count; n += 1) {
    const from = { port, srcPort: 40_000 + n, fromDevice: false, to: CLIENT };
    scene.first({ ...from, ...text(asked) }, START + n * 10_000);
    scene.first({ ...from, ...text(answered), isReply: true }, START + n * 10_000 + 5);
  }
}
const REFUSED = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n';
const ASSOCIATE = '\x01\x00\x00\x00\x00\xcd\x00\x01';

t.test('logins that the server refuses are counted by its answer: HTTP, RTSP and DICOM', (t) => {
  for (const [service, port, count, asked, answered] of [
    ['HTTP', 8888, 20, 'GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\n\r\n', REFUSED],
    ['HTTP', 80, 20, 'POST /a HTTP/1.1\r\nauthorization: Digest x\r\n\r\n', REFUSED],
    [
      'RTSP',
      554,
      20,
      'DESCRIBE rtsp://x RTSP/1.0\r\nAuthorization: Basic YTpi\r\n\r\n',
      'RTSP/1.0 401 No\r\n\r\n',
    ],
    ['DICOM', 104, 40, ASSOCIATE, '\x03\x00\x00\x00\x00\x04\x00\x01\x01\x07'],
  ] as const) {
    const scene = createScene();
    speak(scene, count - 1, port, asked, answered);
    t.same(scene.by('bruteForce'), [], `${service}: not yet`);
    speak(scene, count, port, asked, answered);
    t.match(
      scene.by('bruteForce')[0],
      {
        peer: '192.0.2.66',
        severity: 'high',
        evidence: { areRefused: true, service: `${service} (port ${port})` },
      },
      service,
    );
  }
  const honest = createScene();
  speak(honest, 60, 80, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', REFUSED);
  speak(honest, 60, 80, 'GET / HTTP/1.1\r\nAuthorization: Negotiate TlRMTVNTUAAB\r\n\r\n', REFUSED);
  speak(honest, 60, 80, 'GET / HTTP/1.1\r\nAuthorization: Basic YTpi\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n');
  speak(honest, 60, 104, ASSOCIATE, '\x03\x00\x00\x00\x00\x04\x00\x02\x03\x02');
  t.same(honest.by('bruteForce'), [], 'asked for a password, NTLM, let in, busy');
  t.end();
});

/** CONNECT with a name and a password (MQTT 3.1.1 section 3.1), by a client that calls itself something else each time. */
const connectBy = (client: string, password: string): string => {
  const field = (value: string): string => `\x00${String.fromCharCode(value.length)}${value}`;
  const body = `\x00\x04MQTT\x04\xc2\x00\x3c${field(client)}${field('pump')}${field(password)}`;
  return `\x10${String.fromCharCode(body.length)}${body}`;
};
const CONNECT_5 = (password: string): string =>
  `\x10\x1f\x00\x04MQTT\x05\xc2\x00\x3c\x05\x11\x00\x00\x00\x1e\x00\x01a\x00\x01u\x00\x06${password}`;
const BIND = '\x30\x1a\x02\x01\x01\x60\x15\x02\x01\x03\x04\x08cn=admin\x80\x06secret';
/** The same with lengths of four bytes, as Windows writes them. */
const LONG_BIND =
  '\x30\x84\x00\x00\x00\x1e\x02\x01\x01\x60\x84\x00\x00\x00\x15\x02\x01\x03\x04\x08cn=admin\x80\x06secret';
const bound = (result: string): string => `\x30\x0c\x02\x01\x01\x61\x07\x0a\x01${result}\x04\x00\x04\x00`;
const longBound = (result: string): string =>
  `\x30\x84\x00\x00\x00\x10\x02\x01\x01\x61\x84\x00\x00\x00\x07\x0a\x01${result}\x04\x00\x04\x00`;

t.test(
  'names and passwords that a broker or a directory refuses; not a device with one wrong password',
  (t) => {
    for (const [service, port, count, asked, answered] of [
      ['MQTT', 1883, 20, (n: number) => connectBy('a', `pw${n}`), '\x20\x02\x00\x05'],
      ['MQTT', 1884, 20, (n: number) => connectBy(`c${n}`, `pw${n}`), '\x20\x02\x00\x04'],
      ['MQTT', 1883, 20, (n: number) => CONNECT_5(`pass${n % 100 > 9 ? '' : 0}${n}`), '\x20\x03\x00\x86\x00'],
      ['LDAP', 389, 100, () => BIND, bound('\x31')],
      ['LDAP', 3268, 100, () => LONG_BIND, longBound('\x31')],
    ] as const) {
      const scene = createScene();
      const one = (n: number): void => {
        const from = { port, srcPort: 40_000 + n, fromDevice: false, to: CLIENT };
        scene.first({ ...from, ...text(asked(n)) }, START + n * 2_000);
        scene.first({ ...from, ...text(answered), isReply: true }, START + n * 2_000 + 5);
      };
      for (let n = 1; n < count; n += 1) one(n);
      t.same(scene.by('bruteForce'), [], `${service}: not yet`);
      one(count);
      t.match(scene.by('bruteForce'), [
        { severity: 'high', evidence: { areRefused: true, service: `${service} (port ${port})` } },
      ]);
    }
    const honest = createScene();
    for (let n = 0; n < 600; n += 1)
      speak(honest, 1, 1883, connectBy(`client${n}`, 'wrong'), '\x20\x02\x00\x05');
    for (let n = 0; n < 50; n += 1) speak(honest, 1, 1883, connectBy('a', `pw${n}`), '\x20\x02\x00\x00');
    speak(honest, 50, 1883, '\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a', '\x20\x02\x00\x05');
    speak(honest, 200, 389, BIND, bound('\x00'));
    speak(honest, 200, 389, BIND, bound('\x0e'));
    t.same(
      honest.by('bruteForce'),
      [],
      'the same again, let in, without a name, let in, another round of SASL',
    );
    t.end();
  },
);

type Say = (n: number) => readonly [asked: string, answered: string];

/** One connection for each `n`, so many seconds apart, from START on. */
function tryEach(scene: Scene, port: number, count: number, seconds: number, say: Say): void {
  for (let n = 0; n < count; n += 1) {
    const from = { port, srcPort: 40_000 + n, fromDevice: false, to: CLIENT };
    const [asked, answered] = say(n);
    const atMs = START + n * seconds * 1_000;
    scene.first({ ...from, ...text(asked) }, atMs);
    scene.first({ ...from, ...text(answered), isReply: true }, atMs + 5);
    scene.tick(atMs + 10);
  }
}
const post = (body: string): string => `POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n${body}`;
const basic = (n: number): string => `GET / HTTP/1.1\r\nAuthorization: Basic ${btoa(`admin:${n}`)}\r\n\r\n`;
const auth = (password: string): string => `*2\r\n$4\r\nAUTH\r\n$${password.length}\r\n${password}\r\n`;
const FOUND = 'HTTP/1.1 302 Found\r\nLocation: /login?failed\r\n\r\n';
const PAGE = (bytes: number): string => `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(bytes)}`;
const WRONG_PASS = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';

t.test('one name with ever other passwords at a login form, and what Redis refuses', (t) => {
  const guesses: readonly (readonly [string, number, number, Say])[] = [
    ['HTTP', 80, 61, (n: number) => [post(`user=admin&pass=p${n}`), FOUND]],
    ['HTTP', 8080, 61, (n: number) => [post(`t=${n}&user=admin&passwd=p${n}`), PAGE(700 + (n % 3))]],
    ['HTTP', 80, 20, (n: number) => [post(`{"user":"u${n}","password":"p${n}"}`), REFUSED]],
    ['Redis', 6379, 20, (n: number) => [auth(`pw${n}`), WRONG_PASS]],
    ['Redis', 6380, 20, (n: number) => [`AUTH pw${n}\r\n`, '-ERR invalid password\r\n']],
  ];
  for (const [service, port, count, say] of guesses) {
    const scene = createScene();
    tryEach(scene, port, count - 1, 5, say);
    t.same(scene.by('bruteForce'), [], `${service}: not yet`);
    const told = createScene();
    tryEach(told, port, count, 5, say);
    t.match(told.by('bruteForce'), [
      { severity: 'high', evidence: { areRefused: count === 20, service: `${service} (port ${port})` } },
    ]);
  }
  t.end();
});

t.test('programs and people who log in by forms, or with a wrong password, are no guessers', (t) => {
  const honest: readonly (readonly [string, number, number, Say])[] = [
    ['its own password each time', 80, 1, () => [post('user=svc&pass=Secret'), PAGE(120)]],
    ['a password that it computes anew', 80, 12, (n: number) => [post(`user=svc&pass=${n}`), PAGE(120)]],
    ['many people behind one address', 80, 1, (n: number) => [post(`user=u${n}&pass=p${n}`), FOUND]],
    ['answers of all sizes', 80, 1, (n: number) => [post(`user=a&pass=p${n}`), PAGE((n * 137) % 900)]],
    ['an error each time', 80, 1, (n: number) => [post(`user=a&pass=${n}`), 'HTTP/1.1 500 No\r\n\r\n']],
    ['a wrong password in a form', 80, 1, () => [post('{"user":"a","password":"old"}'), REFUSED]],
    ['four programs with wrong passwords', 6379, 1, (n: number) => [auth(`old${n % 4}`), WRONG_PASS]],
    ['let in by Redis', 6379, 1, (n: number) => [auth(`pw${n}`), '+OK\r\n']],
    ['no password is set', 6379, 1, (n: number) => [auth(`pw${n}`), '-ERR Client sent AUTH, but no\r\n']],
  ];
  for (const [why, port, seconds, say] of honest) {
    const scene = createScene();
    tryEach(scene, port, 500, seconds, say);
    t.same(scene.by('bruteForce'), [], why);
  }
  t.end();
});

t.test('refused passwords that are others each time are told when they are slow, too', (t) => {
  const slow: readonly (readonly [string, number, Say])[] = [
    ['HTTP', 80, (n: number) => [basic(n), REFUSED]],
    ['HTTP', 80, (n: number) => [post(`{"user":"a","password":"p${n}"}`), REFUSED]],
    ['Redis', 6379, (n: number) => [auth(`pw${n}`), WRONG_PASS]],
  ];
  for (const [service, port, say] of slow) {
    const scene = createScene();
    tryEach(scene, port, 59, 600, say);
    t.same(scene.by('bruteForce'), [], 'not yet');
    const told = createScene();
    tryEach(told, port, 140, 600, say);
    t.match(told.by('bruteForce')[0], {
      severity: 'medium',
      title: /slowly: \d+ refused logins at/,
      evidence: {
        kind: 'guessing slowly at one host',
        areRefused: true,
        service: `${service} (port ${port})`,
      },
    });
    t.equal(new Set(told.by('bruteForce').map(({ firstMs }) => firstMs)).size, 1);
  }
  const patient: readonly (readonly [string, Say])[] = [
    ['the same each time', () => [basic(1), REFUSED]],
    ['a fifth of the people mistype', (n: number) => [basic(n), n % 5 === 4 ? REFUSED : PAGE(100)]],
    [
      'digest says something else each time',
      (n: number) => [`GET / HTTP/1.1\r\nAuthorization: Digest ${n}\r\n\r\n`, REFUSED],
    ],
  ];
  for (const [why, say] of patient) {
    const honest = createScene();
    tryEach(honest, 80, 500, 60, say);
    t.same(honest.by('bruteForce'), [], why);
  }
  t.end();
});
