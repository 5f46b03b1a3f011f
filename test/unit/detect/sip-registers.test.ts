import t from 'tap';
import {
  EVENT_END,
  EVENT_GOING,
  EVENT_PAYLOAD,
  OUTCOME_ANSWERED,
  VERDICT_ALLOWED,
} from '../../../agent/detect/event.js';
import { createScene, START, type Change, type Scene } from './scene.js';

const REGISTRAR = 0x0a010063;
const UDP = { protocol: 17, tcpFlags: 0, port: 5060, to: REGISTRAR } as const;
const first = (text: string): Change => {
  const bytes = Buffer.from(text);
  return { bytes, payloadOffset: 0, payloadLength: bytes.length };
};
const REGISTER = first('REGISTER sip:x SIP/2.0\r\n');
const counters = (sent: number, received: number, seconds: number): Change => ({
  packetsOut: sent,
  packetsIn: received,
  bytesOut: sent * 400,
  bytesIn: received * 350,
  durationMs: seconds * 1_000,
});
/** A flow of so many packets each way in each two minutes. */
function flow(scene: Scene, begins: Change, perLook: readonly number[], answers = 1): void {
  const from = { ...UDP, srcPort: 5060, ...(begins.verdict !== undefined && { verdict: begins.verdict }) };
  scene.first({ ...from, ...begins }, START);
  let sent = 0;
  for (const [index, requests] of perLook.entries()) {
    sent += requests;
    const seconds = (index + 1) * 120;
    const change = counters(sent, Math.round(sent * answers), seconds);
    scene.first({ ...from, ...change, kind: EVENT_GOING }, START + seconds * 1_000);
    scene.tick(START + seconds * 1_000);
  }
}

t.test('registrations that are guessed are told: from one port, from many, by TCP, and at a device', (t) => {
  const one = createScene();
  flow(one, REGISTER, [240, 1_000, 1_000]);
  t.match(one.by('bruteForce')[0], {
    severity: 'medium',
    device: 'pump-1',
    peer: '10.1.0.99',
    evidence: { kind: 'guessing by registrations', guesses: 120, thresholdGuesses: 100 },
  });
  t.equal(new Set(one.by('bruteForce').map(({ key }) => key)).size, 1);
  const byEntry = createScene();
  flow(byEntry, { ...REGISTER, verdict: VERDICT_ALLOWED }, [240]);
  t.same(byEntry.by('bruteForce'), [], 'by an approved entry it takes twice as many');
  flow(byEntry, { ...REGISTER, verdict: VERDICT_ALLOWED }, [402]);
  t.match(byEntry.by('bruteForce'), [{ evidence: { thresholdGuesses: 200 } }]);
  const many = createScene();
  for (let n = 0; n < 100; n += 1) {
    t.same(many.by('bruteForce'), []);
    const from = { ...UDP, srcPort: 20_000 + n, fromDevice: false };
    many.first({ ...from, ...REGISTER }, START + n * 2_000);
    many.end({ ...from, ...counters(1, 1, 30), outcome: OUTCOME_ANSWERED }, START + n * 2_000 + 500);
  }
  t.match(many.by('bruteForce'), [{ title: /^10\.1\.0\.99 seems to guess passwords of pump-1/ }]);
  const tcp = createScene();
  const from = { ...UDP, protocol: 6, srcPort: 40_000 };
  tcp.first({ ...from, tcpFlags: 24, kind: EVENT_PAYLOAD, ...REGISTER }, START);
  tcp.first(
    { ...from, ...counters(600, 600, 60), kind: EVENT_END, outcome: OUTCOME_ANSWERED },
    START + 60_000,
  );
  t.match(tcp.by('bruteForce'), [{ evidence: { guesses: 150 } }]);
  t.end();
});

t.test('phones, trunks, and registrars that are away are no guessers', (t) => {
  for (const [why, begins, perLook, answers] of [
    ['a phone with a wrong password, each five seconds', REGISTER, [48, 48, 48, 48, 48], 1],
    ['a phone with calls and OPTIONS, for hours', REGISTER, Array.from({ length: 100 }, () => 20), 1],
    ['messages of an alarm server, 30 a minute', REGISTER, Array.from({ length: 100 }, () => 60), 1],
    ['bursts of messages, an hour apart', REGISTER, [120, ...Array.from({ length: 30 }, () => 4), 120], 1],
    ['a registrar that is away', REGISTER, Array.from({ length: 50 }, () => 240), 0],
    ['calls alone', first('INVITE sip:1@x SIP/2.0\r\n'), Array.from({ length: 50 }, () => 400), 1],
  ] as const) {
    const scene = createScene();
    flow(scene, begins, perLook, answers);
    t.same(scene.by('bruteForce'), [], why);
  }
  const lines = createScene();
  for (let hour = 0; hour < 6; hour += 1)
    for (let line = 0; line < 40; line += 1) {
      const from = { ...UDP, srcPort: 5060 + 2 * line };
      const atMs = START + hour * 3_600_000 + line * 300;
      lines.first({ ...from, ...REGISTER }, atMs);
      lines.end({ ...from, ...counters(2, 2, 1), outcome: OUTCOME_ANSWERED }, atMs + 35_000);
    }
  t.same(lines.by('bruteForce'), [], 'forty lines that register each hour');
  t.end();
});
