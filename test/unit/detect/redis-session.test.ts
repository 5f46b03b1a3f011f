import t from 'tap';
import { EVENT_END, EVENT_GOING, EVENT_PAYLOAD, OUTCOME_ANSWERED } from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const CLIENT = 0x0a4d0063;
const CONNECTION = { port: 6379, srcPort: 40_000, fromDevice: false, to: CLIENT } as const;
const WRONG = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
/** Of Redis 5 and before. */
const INVALID = '-ERR invalid password\r\n';
const AUTH = '*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n';
const TIMESTAMP = 12;

/** The segment with its header of TCP in front, as it is copied. */
function segment(value: string, from: number, to: number, options: number): Change {
  const header = Buffer.alloc(20 + options);
  header.writeUInt16BE(from, 0);
  header.writeUInt16BE(to, 2);
  header[12] = ((20 + options) / 4) << 4;
  const bytes = Buffer.concat([header, Buffer.from(value, 'latin1')]);
  return {
    kind: EVENT_PAYLOAD,
    tcpFlags: 24,
    bytes,
    payloadOffset: header.length,
    payloadLength: value.length,
  };
}
function begin(scene: Scene, asked: string, answered: string, options: number, nowMs: number): void {
  scene.first({ ...CONNECTION, ...segment(asked, 40_000, 6379, options) }, nowMs);
  scene.first({ ...CONNECTION, ...segment(answered, 6379, 40_000, options), isReply: true }, nowMs + 5);
}
/** So many requests and answers of so many bytes on average, within so many seconds. */
function counters(
  exchanges: number,
  asked: number,
  answered: number,
  options: number,
  seconds: number,
): Change {
  const packets = exchanges + 3;
  return {
    ...CONNECTION,
    kind: EVENT_END,
    outcome: OUTCOME_ANSWERED,
    packetsIn: packets + exchanges,
    packetsOut: packets,
    bytesIn: (packets + exchanges) * (40 + options) + exchanges * asked,
    bytesOut: packets * (40 + options) + exchanges * answered,
    durationMs: seconds * 1_000,
  };
}

t.test('passwords of Redis that are guessed in one connection are told while it goes on, and once', (t) => {
  for (const [refusal, options] of [
    [WRONG, 0],
    [WRONG, TIMESTAMP],
    [INVALID, TIMESTAMP],
  ] as const) {
    const scene = createScene();
    begin(scene, AUTH, refusal, options, START);
    const some = counters(99, AUTH.length, refusal.length, options, 60);
    scene.first({ ...some, kind: EVENT_GOING, outcome: 0 }, START + 60_000);
    t.same(scene.by('bruteForce'), [], 'not yet');
    const many = counters(300, AUTH.length + 2, refusal.length, options, 120);
    scene.first({ ...many, kind: EVENT_GOING, outcome: 0 }, START + 120_000);
    t.match(scene.by('bruteForce'), [
      { severity: 'medium', device: 'pump-1', peer: '10.77.0.99', evidence: { guesses: 300 } },
    ]);
    for (let day = 1; day < 4; day += 1) {
      begin(scene, AUTH, refusal, options, START + day * 86_400_000);
      scene.first(many, START + day * 86_400_000 + 120_000);
      scene.tick(START + day * 86_400_000 + 4_000_000);
    }
    t.equal(new Set(scene.by('bruteForce').map(({ firstMs }) => firstMs)).size, 1);
  }
  t.end();
});

t.test('who goes on with anything else than passwords guesses nothing', (t) => {
  const NO_AUTH = 35;
  for (const [why, refusal, change] of [
    ['each request is refused for want of a login', WRONG, counters(3_000, 36, NO_AUTH, TIMESTAMP, 600)],
    ['the same, of an old server', INVALID, counters(3_000, 36, NO_AUTH, TIMESTAMP, 600)],
    ['the second password is right', WRONG, counters(3_000, 36, 20, TIMESTAMP, 600)],
    ['one in ten seconds', WRONG, counters(360, AUTH.length, WRONG.length, TIMESTAMP, 3_600)],
    ['the first is let in', '+OK\r\n', counters(3_000, AUTH.length, 5, 0, 600)],
  ] as const) {
    const scene = createScene();
    begin(scene, AUTH, refusal, TIMESTAMP, START);
    scene.first(change, START + 600_000);
    t.same(scene.by('bruteForce'), [], why);
  }
  const unknown = createScene();
  unknown.first(counters(3_000, AUTH.length, WRONG.length, 0, 600), START + 600_000);
  t.same(unknown.by('bruteForce'), [], 'its beginning was not seen');
  t.end();
});
