import t from 'tap';
import fc from 'fast-check';
import { decodeEthernet } from '../../../agent/packet/decode-ethernet.js';
import { createPacketView } from '../../../agent/packet/view.js';
import { Reassembly } from '../../../agent/replay/reassembly.js';
import * as b from '../packet/build.js';

const START = 1_800_000_000_000;
const MORE = 0x2000;

const data = (length: number): b.Bytes => Array.from({ length }, (_, n) => (n * 7) & 0xff);
const whole4 = (payload: b.Bytes): b.Bytes => b.ethernet(0x0800, b.ipv4(payload, { protocol: 17 }));

/** Cut every `size` bytes. */
function fragments(family: 4 | 6, payload: b.Bytes, size: number, protocol = 17): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const part = payload.slice(at, at + size);
    const hasMore = at + size < payload.length;
    frames.push(family === 4 ? fragment4(part, at, hasMore, protocol) : fragment6(part, at, hasMore));
  }
  return frames;
}

function fragment4(part: b.Bytes, at: number, hasMore: boolean, protocol = 17): Uint8Array {
  const ip = b.ipv4(part, { protocol, fragment: (at >> 3) | (hasMore ? MORE : 0) });
  return Uint8Array.from(b.ethernet(0x0800, ip));
}

function fragment6(part: b.Bytes, at: number, hasMore: boolean): Uint8Array {
  const inside = [...b.extension(44), ...b.fragment6(17, at, hasMore), ...part];
  return Uint8Array.from(b.ethernet(0x86dd, b.ipv6(inside, 0)));
}

/** What came out whole, in order. The frame stands in the middle of a buffer, as in a capture. */
function feed(reassembly: Reassembly, frames: readonly Uint8Array[], stepMs = 1): Uint8Array[] {
  const view = createPacketView();
  return frames.flatMap((frame, index) => {
    const bytes = new Uint8Array(frame.length + 20);
    bytes.set(frame, 10);
    decodeEthernet(view, bytes, 10, frame.length);
    const whole = reassembly.add(view, bytes, 10, START + index * stepMs);
    return whole === null ? [] : [whole];
  });
}

t.test('fragments in any order, some of them twice, make the packet that was sent', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(4, 6),
      fc.integer({ min: 9, max: 3_000 }),
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
      (family, length, units, twice, order) => {
        const payload = [...b.udp(data(length))];
        const size = Math.min(units * 8, Math.floor((payload.length - 1) / 8) * 8);
        const cut = fragments(family, payload, size);
        const sent = cut
          .map((frame) => [order.next().value, frame] as const)
          .sort(([a], [z]) => a - z)
          .map(([, frame]) => frame);
        // The last one completes it: one that comes again after that would begin another.
        for (const index of twice) sent.splice(0, 0, sent[index % (sent.length - 1)] ?? new Uint8Array());
        const reassembly = new Reassembly();
        const [whole, ...more] = feed(reassembly, sent);
        if (whole === undefined || more.length > 0) return false;
        const view = createPacketView();
        if (decodeEthernet(view, whole, 0, whole.length) !== 0 || view.isFragment) return false;
        if (family === 4) return Buffer.from(whole).equals(Buffer.from(whole4(payload)));
        return (
          view.srcPort === 40_000 &&
          view.payloadLength === length &&
          Buffer.from(whole.subarray(view.payloadOffset)).equals(Buffer.from(data(length)))
        );
      },
    ),
  );
  t.end();
});

t.test('a header that is spread over fragments is read (RFC 1858)', (t) => {
  const [whole] = feed(new Reassembly(), fragments(4, b.tcp(2), 8, 6));
  const view = createPacketView();
  t.equal(decodeEthernet(view, whole ?? new Uint8Array(), 0, whole?.length ?? 0), 0);
  t.match(view, { dstPort: 104, tcpFlags: 2 });
  t.end();
});

t.test('fragments that overlap spoil their packet', (t) => {
  const [first, second, third] = fragments(4, data(40), 16);
  if (!first || !second || !third) throw new Error('three were cut');
  const over = fragment4(data(16), 8, true);
  const behindTheEnd = fragment4(data(16), 40, true);
  const anotherEnd = fragment4(data(8), 48, false);
  for (const spoiler of [over, behindTheEnd, anotherEnd]) {
    const reassembly = new Reassembly();
    t.same(feed(reassembly, [first, third, spoiler, second]), []);
    t.match(reassembly.counters(), { 'fragments.overlapping': 1, 'fragments.assembled': 0 });
  }
  t.end();
});

t.test('what cannot be a part of a packet is left out and counted', (t) => {
  const cut = fragment4(data(64), 0, true).subarray(0, 60);
  const uneven = fragment4(data(13), 0, true);
  const reassembly = new Reassembly();
  t.same(feed(reassembly, [cut, uneven]), []);
  t.match(reassembly.counters(), { 'fragments.malformed': 2 });
  t.end();
});

t.test('what never gets whole is forgotten in time, and in a flood', (t) => {
  const [first, second] = fragments(4, data(32), 16);
  if (!first || !second) throw new Error('two were cut');
  const late = new Reassembly();
  t.same(feed(late, [first, second], 31_000), []);
  t.match(late.counters(), { 'fragments.incomplete': 1 });
  const flood = new Reassembly();
  const many = Array.from({ length: 5_000 }, (_, n) => {
    const frame = fragment4(data(1_024), 0, true);
    frame.set([n >> 8, n & 0xff], 14 + 4);
    return frame;
  });
  t.same(feed(flood, many, 0), []);
  t.match(flood.counters(), { 'fragments.incomplete': 5_000 - 256 });
  t.end();
});
