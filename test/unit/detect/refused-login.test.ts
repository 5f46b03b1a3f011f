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
