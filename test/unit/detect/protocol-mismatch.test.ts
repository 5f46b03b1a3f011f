import t from 'tap';
import { EVENT_PAYLOAD } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const associate = '\x01\x00\x00\x00\x00\xcd\x00\x01';
const hello = '\x16\x03\x01\x02\x00\x01';
/** The SYN's number; the first data has the next one (RFC 9293 section 3.4). */
const SYN_SEQUENCE = 0xffff_ffff;
const BEGINNING = 0;
const MIDDLE = 1460;
/** Of the other end, which the opener acknowledges. */
const ANSWER = 0xfff0_0001;
const LATER = 0xfff0_0b69;

const data = (text: string): Change => {
  const bytes = Buffer.from(text, 'latin1');
  return { kind: EVENT_PAYLOAD, tcpFlags: 24, bytes, payloadOffset: 0, payloadLength: bytes.length };
};
const opens = (scene: Scene, port: number): void => {
  scene.first({ port, sequence: SYN_SEQUENCE }, START);
};
const asks = (scene: Scene, port: number, text: string, sequence = BEGINNING): void => {
  opens(scene, port);
  scene.first({ port, sequence, acknowledged: ANSWER, ...data(text) }, START);
};
const answers = (scene: Scene, port: number, text: string, sequence = ANSWER): void => {
  scene.first({ port, isReply: true, sequence, ...data(text) }, START);
};
const told = (scene: Scene): string[] => scene.by('protocolMismatch').map(({ severity }) => severity);

t.test('the first data is what the port promises, or it is told', (t) => {
  const proxyV2 = `\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c${'\x0a'.repeat(12)}`;
  const cases: readonly (readonly [number, string, string | null])[] = [
    [104, associate, null],
    [11_112, hello, null],
    [104, 'GET / HTTP/1.1\r\n', 'medium'],
    [104, '\x00\x01\x02\x03\x04\x05', 'medium'],
    [2575, '\x0bMSH|^~\\&|', null],
    [2575, 'MSH|^~\\&|LAB', null],
    [2575, 'SSH-2.0-OpenSSH_9.2\r\n', 'medium'],
    [2575, '\x0bFHS|^~\\&|LAB', null],
    [2575, 'BHS|^~\\&|LAB', null],
    [2575, '\x0b\xef\xbb\xbfMSH|^~\\&|', null],
    [2575, '\r\n\x0bMSH|^~\\&|', null],
    [104, `PROXY TCP4 10.0.0.1 10.0.0.2 40000 104\r\n${associate}`, null],
    [104, 'PROXY TCP4 10.0.0.1 10.0.0.2 40000 104\r\n', null],
    [104, 'PROXY TCP4 10.0.0.1 10.0.0.2 40000 104\r\nSSH-2.0-x\r\n', 'medium'],
    [104, `${proxyV2}${associate}`, null],
    [104, `${proxyV2}GET / HTTP/1.1\r\n`, 'medium'],
    [443, hello, null],
    [443, 'SSH-2.0-dropbear\r\n', 'low'],
    [443, '\x10\x23\x00\x04MQTT', null],
    [443, "/bin/sh: 0: can't access tty\n# ", 'low'],
    [8080, 'anything at all', null],
    [53, '\x00\x1d\x12\x34\x01\x00\x00\x01', null],
    [53, '\x01\x00\x12\x34\x01\x00\x00\x01', null],
    [53, hello, 'medium'],
    [53, 'SSH-2.0-x\r\n', 'medium'],
    [80, 'POST /orders HTTP/1.1\r\n', null],
    [445, '\x00\x00\x00\x9b\xfeSMB\x40', null],
    [445, 'GET / HTTP/1.0\r\n', 'medium'],
    [3389, '\x03\x00\x00\x13\x0e\xe0\x00\x00', null],
    [22, 'SSH-2.0-x\r\n', null],
    [5000, 'anything at all', null],
  ];
  for (const [port, data, severity] of cases) {
    const scene = createScene();
    asks(scene, port, data);
    t.same(
      scene.by('protocolMismatch').map((finding) => finding.severity),
      severity === null ? [] : [severity],
      `${port}: ${JSON.stringify(data.slice(0, 12))}`,
    );
  }
  t.end();
});

t.test('what may not be the beginning is judged by the answer', (t) => {
  const cases: readonly (readonly [number, string, number, string, string | null])[] = [
    [104, 'a segment from the middle', MIDDLE, '\x02\x00\x00\x00\x00\xb8\x00\x01', null],
    [104, 'a segment from the middle', MIDDLE, '\x03\x00\x00\x00\x00\x04\x00\x01', null],
    [104, 'a segment from the middle', MIDDLE, '\x16\x03\x03\x00\x7a\x02', null],
    [2575, 'PID|1||', MIDDLE, '\x0bMSH|^~\\&|', null],
    [445, 'from the middle', MIDDLE, '\x00\x00\x00\x9b\xfeSMB\x40', null],
    [104, 'id; uname', MIDDLE, 'uid=0(root)', 'medium'],
    [104, 'id; uname', MIDDLE, '# ', 'low'],
    [104, '$ ', BEGINNING, 'cat /etc/passwd\n', 'medium'],
    [104, '\x01', BEGINNING, '\x02\x00\x00\x00\x00\xb8\x00\x01', null],
    [2575, '\x0b', BEGINNING, '\x0b\x06\x1c\x0d', null],
    [443, '# ', BEGINNING, 'cat /etc/passwd\n', 'low'],
    [443, '\x01\x02', BEGINNING, '\x02\x01\x00\x00\x00\x00\x00\x01\x00', null],
  ];
  for (const [port, question, sequence, answer, severity] of cases) {
    const scene = createScene();
    asks(scene, port, question, sequence);
    t.same(told(scene), [], 'not before it');
    answers(scene, port, answer);
    t.same(
      told(scene),
      severity === null ? [] : [severity],
      `${port}: ${JSON.stringify([question, answer])}`,
    );
  }
  const midstream = createScene();
  midstream.first({ port: 104, sequence: MIDDLE, ...data('no SYN was seen') }, START);
  answers(midstream, 104, 'nor is this its beginning');
  t.same(told(midstream), [], 'one that was open before');
  const long = createScene();
  asks(long, 104, 'the pushed end of a message', MIDDLE);
  answers(long, 104, 'the pushed end of another', LATER);
  t.same(told(long), [], 'neither is the beginning');
  const short = createScene();
  asks(short, 104, '$ ');
  answers(short, 104, 'the pushed end of a message', LATER);
  t.same(told(short), ['low']);
  t.end();
});

t.test('a server that speaks first where clients do is told for low', (t) => {
  const speaksFirst = (port: number, text: string): string[] => {
    const scene = createScene();
    opens(scene, port);
    answers(scene, port, text);
    return told(scene);
  };
  t.same(speaksFirst(443, '\xb8\x0b\x00\x00stage'), ['low']);
  t.same(speaksFirst(104, 'login: '), ['low']);
  t.same(speaksFirst(443, '\x16\x03\x03\x00\x7a\x02'), [], 'a hello that was lost before the box');
  t.same(speaksFirst(443, '\x15\x00\x00\x00\x02\x01\x00'), [], 'an alert to who ended without one');
  t.same(speaksFirst(22, 'SSH-2.0-OpenSSH_9.2\r\n'), []);
  t.same(speaksFirst(80, 'anything at all'), []);
  t.end();
});

t.test('what is sure after all is told as that', (t) => {
  const scene = createScene();
  asks(scene, 104, 'id; uname', MIDDLE);
  answers(scene, 104, '# ');
  asks(scene, 104, 'uid=0(root) gid=0(root)');
  scene.tick(START + 60_000);
  t.same(told(scene), ['low', 'medium']);
  t.end();
});
