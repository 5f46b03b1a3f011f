import t from 'tap';
import { OUTCOME_ANSWERED } from '../../../agent/detect/event.js';
import { createQuestion, readQuestion } from '../../../agent/detect/names/dns-question.js';
import { createScene, randomOf, START, type Change } from './scene.js';

const OUTSIDE = 0xcb00710a;
const INSIDE = 0x0a4d0001;
const payload = (bytes: Uint8Array): Change => ({ bytes, payloadOffset: 0, payloadLength: bytes.length });

const HOUR_MS = 3_600_000;
const MB = 1_000_000;

t.test('far more bytes out in an hour than ever before; back-ups that come every night are usual', (t) => {
  const scene = createScene();
  const sent = (megabytes: number, atMs: number): void => {
    scene.end({ to: OUTSIDE, outcome: OUTCOME_ANSWERED, bytesOut: megabytes * MB, packetsOut: 10 }, atMs);
  };
  for (let hour = 0; hour < 24 * 10; hour += 1)
    sent(hour % 24 === 2 ? 300 : 1 + (hour % 3), START + hour * HOUR_MS);
  t.same(scene.by('volume'), [], 'ten days with a nightly back-up');
  sent(40, START + 241 * HOUR_MS);
  t.same(scene.by('volume'), [], 'below the floor');
  sent(9_000, START + 242 * HOUR_MS);
  t.match(scene.by('volume'), [
    { severity: 'medium', peer: '203.0.113.10', evidence: { megabytesThisHour: 9000 } },
  ]);
  t.end();
});

t.test('what leaves slowly is told by the day; nothing before a device was seen at work', (t) => {
  const day = 24 * HOUR_MS;
  // A Monday.
  const monday = Math.floor(START / day) * day + 3 * day;
  const hourly = (
    scene: ReturnType<typeof createScene>,
    megabytes: number,
    fromMs: number,
    hours: number,
  ): void => {
    for (let hour = 0; hour < hours; hour += 1)
      scene.end(
        { to: OUTSIDE, outcome: OUTCOME_ANSWERED, bytesOut: megabytes * MB, packetsOut: 10 },
        fromMs + hour * HOUR_MS + 60_000,
      );
  };
  const quiet = createScene();
  hourly(quiet, 0.1, monday, 4 * 24);
  hourly(quiet, 42, monday + 4 * day, 4);
  t.same(quiet.by('volume'), []);
  hourly(quiet, 42, monday + 4 * day + 4 * HOUR_MS, 8);
  t.match(quiet.by('volume')[0], { title: /within 24 hours/, evidence: { megabytesLast24Hours: 211.9 } });
  t.equal(quiet.by('volume').length, 1);
  const weekly = createScene();
  hourly(weekly, 0.1, monday, 24);
  hourly(weekly, 500, monday + day, 8);
  hourly(weekly, 0.1, monday + 2 * day, 6 * 24);
  hourly(weekly, 500, monday + 8 * day, 8);
  t.same(weekly.by('volume'), [], 'a day of work each week');
  const busy = createScene();
  hourly(busy, 20, monday, 4 * 24);
  hourly(busy, 42, monday + 4 * day, 24);
  t.same(busy.by('volume'), [], 'twice its highest day is nothing');
  const friday = createScene();
  hourly(friday, 0.1, monday + 4 * day + 17 * HOUR_MS, 7 + 48);
  hourly(friday, 500, monday + 7 * day + 8 * HOUR_MS, 8);
  t.same(friday.by('volume'), [], 'put in on a Friday evening');
  hourly(friday, 500, monday + 8 * day + 8 * HOUR_MS, 8);
  hourly(friday, 500, monday + 9 * day + 8 * HOUR_MS, 8);
  hourly(friday, 40_000, monday + 10 * day + 8 * HOUR_MS, 1);
  t.match(friday.by('volume'), [{ title: /within 24 hours/ }], 'later in the week it is known');
  const overnight = createScene();
  hourly(overnight, 0.1, monday, 4 * 24 + 16);
  hourly(overnight, 15, monday + 4 * day + 16 * HOUR_MS, 24);
  t.match(overnight.by('volume'), [{ evidence: { megabytesLast24Hours: 211 } }], 'midnight halves nothing');
  t.end();
});

t.test('what was told is usual from then on; half as much again is not', (t) => {
  const scene = createScene();
  const WEEK = 7 * 24;
  const sent = (megabytes: number, hour: number): void => {
    const bytesOut = megabytes * MB;
    scene.end({ to: OUTSIDE, outcome: OUTCOME_ANSWERED, bytesOut, packetsOut: 10 }, START + hour * HOUR_MS);
    scene.tick(START + hour * HOUR_MS + 60_000);
  };
  const week = (from: number, backup: number): void => {
    for (let hour = 0; hour < WEEK; hour += 1) sent(hour === 100 ? backup : 0.5, from + hour);
  };
  const openings = (): number => new Set(scene.by('volume').map(({ firstMs }) => firstMs)).size;
  week(0, 0.5);
  for (const weeks of [1, 2, 3, 4]) week(weeks * WEEK, 600);
  t.equal(openings(), 1, 'a back-up each Sunday');
  week(5 * WEEK, 1_000);
  t.equal(openings(), 2);
  t.end();
});

/** A DNS query for a name, RFC 1035 section 4.1. */
function query(name: string): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  return Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
}
const asks = (name: string): Change => ({
  protocol: 17,
  port: 53,
  tcpFlags: 0,
  to: INSIDE,
  ...payload(query(name)),
});

t.test('many long names under one domain are a tunnel; telemetry and content networks are not', (t) => {
  const random = randomOf(11);
  const label = (length: number): string =>
    Array.from({ length }, () => 'abcdefghijklmnopqrstuvwxyz234567'.charAt(Math.floor(random() * 32))).join(
      '',
    );
  const tunnel = createScene();
  for (let n = 0; n < 60; n += 1)
    tunnel.first(asks(`${label(50)}.${label(20)}.t.example.co.uk`), START + n * 1000);
  t.match(tunnel.by('dnsTunnel').slice(0, 1), [{ severity: 'high', evidence: { domain: 'example.co.uk' } }]);

  const benign = createScene();
  for (let n = 0; n < 400; n += 1) {
    benign.first(asks(`${label(8)}.cdn-${n % 30}.example.com`), START + n * 1000);
    benign.first(asks(`v10-telemetry-${n % 5}.events.data.vendor-of-windows.example`), START + n * 1000 + 10);
    benign.first(asks(`${n % 250}.3.20.10.in-addr.arpa`), START + n * 1000 + 20);
  }
  t.same(benign.by('dnsTunnel'), []);

  const strange = createScene();
  strange.first(asks(`H4sICN03*2QAA3Rlc3QudHh0AAvJyCxWAKJEheLU5KLUEoW0.4S2FgAAAA==-.example.org`), START);
  t.match(strange.by('dnsTunnel'), [{ severity: 'high' }], 'encoded data in one name');

  const socket = createScene();
  const end = { protocol: 17, port: 53, outcome: OUTCOME_ANSWERED, to: INSIDE };
  socket.end({ ...end, packetsOut: 2, bytesOut: 140, packetsIn: 2, bytesIn: 300 }, START);
  t.same(socket.by('dnsTunnel'), []);
  // The kernel tells times in nanoseconds.
  const durationMs = 29_737.108_992;
  socket.end(
    { ...end, durationMs, packetsOut: 900, bytesOut: 160_000, packetsIn: 900, bytesIn: 400_000 },
    START,
  );
  t.match(socket.by('dnsTunnel'), [{ severity: 'high', evidence: { packetsOut: 900 } }]);
  t.end();
});

t.test('a question that is cut, compressed or lies is no question, and never an exception', (t) => {
  const question = createQuestion();
  const whole = query('a.example.com');
  t.equal(readQuestion(question, whole, 0, whole.length), true);
  t.match(question, { subdomainBytes: 2, longestLabel: 1, type: 1, isService: false });
  for (let length = 0; length < whole.length; length += 1)
    t.equal(readQuestion(question, whole, 0, length), false, `${length} bytes`);
  const random = randomOf(5);
  for (let n = 0; n < 50_000; n += 1) {
    const bytes = Uint8Array.from(whole, (byte) => (random() < 0.1 ? Math.floor(random() * 256) : byte));
    readQuestion(question, bytes, Math.floor(random() * 4), Math.floor(random() * 64));
  }
  t.end();
});

t.test('the registered domain has a label more where a country registers below the second level', (t) => {
  const question = createQuestion();
  for (const [name, before] of [
    ['data.example.co.uk', 5],
    ['data.example.com.au', 5],
    ['data.trust.NHS.uk', 5],
    ['data.x1.pw', 5],
    ['data.a.io', 5],
    ['data.bit.ly', 5],
    ['data.abc.example.com', 9],
    ['co.uk', 0],
  ] as const) {
    const bytes = query(name);
    t.ok(readQuestion(question, bytes, 0, bytes.length));
    t.equal(question.subdomainBytes, before, name);
  }
  const service = query('Printer of (Ward 3)._ipp._TCP.example.org');
  t.ok(readQuestion(question, service, 0, service.length));
  t.match(question, { isService: true, longestLabel: 19 });
  t.end();
});

t.test('echo that carries data is told, a ping of any system is not', (t) => {
  const echo = (bytes: Uint8Array): Change => ({
    protocol: 1,
    port: 0x0800,
    tcpFlags: 0,
    to: OUTSIDE,
    // Identifier and sequence number stand before the data.
    ...payload(Uint8Array.from([0, 1, 0, 1, ...bytes])),
  });
  const random = randomOf(2);
  const linux = Uint8Array.from({ length: 56 }, (_, n) => (n < 16 ? Math.floor(random() * 256) : n));
  const windows = Buffer.from('abcdefghijklmnopqrstuvwabcdefghi');
  const router = Uint8Array.from({ length: 72 }, (_, n) => (n < 8 ? n * 31 : n % 2 === 0 ? 0xab : 0xcd));
  const large = Uint8Array.from({ length: 1400 }, (_, n) => (n < 16 ? Math.floor(random() * 256) : n & 255));
  const scene = createScene();
  for (const bytes of [linux, windows, router, large, new Uint8Array(0), new Uint8Array(56)])
    scene.first(echo(bytes), START);
  scene.end(
    { ...echo(linux), packetsOut: 600, packetsIn: 598, bytesOut: 600 * 84, bytesIn: 598 * 84 },
    START,
  );
  scene.first({ ...echo(Buffer.from('who is there, and who else')), to: 0xe0000001 }, START);
  t.same(scene.by('icmpTunnel'), []);
  scene.first(
    echo(Buffer.from('from 10.0.0.1: transfer all of the funds to account number 11928282')),
    START,
  );
  t.match(scene.by('icmpTunnel'), [{ severity: 'high', peer: '203.0.113.10' }]);
  const volume = createScene();
  volume.end(
    { ...echo(linux), packetsOut: 600, packetsIn: 598, bytesOut: 600 * 60, bytesIn: 598 * 900 },
    START,
  );
  t.match(volume.by('icmpTunnel'), [{ severity: 'high' }], 'far more one way');
  t.end();
});
