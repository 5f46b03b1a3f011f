import t from 'tap';
import { decodeArp } from '../../../agent/packet/decode-arp.js';
import { decodeEthernet } from '../../../agent/packet/decode-ethernet.js';
import { decodeIp } from '../../../agent/packet/decode-ip.js';
import { PROBLEM_NAMES } from '../../../agent/packet/problems.js';
import { createPacketView, NONE, type PacketView } from '../../../agent/packet/view.js';
import * as b from './build.js';

/** Packets per decoder and kind; about a second altogether. */
const ROUNDS = 200_000;
const decoders = [decodeEthernet, decodeIp, decodeArp];

/** xorshift32: the same bytes on every run, and the seed is in the message of a failure. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const seeds: readonly b.Bytes[] = [
  b.ipv4(b.tcp(2, [2, 4, 5, 180], [1, 2, 3]), { protocol: 6 }),
  b.ipv4(b.udp([1, 2, 3]), { protocol: 17, options: [1, 1, 1, 0] }),
  b.ipv6([...b.extension(44), ...b.fragment6(60, 0, true), ...b.extension(6, 1), ...b.tcp(2)], 0),
  b.ipv6([...b.extension(51), 58, 1, ...new Array<number>(10).fill(0), ...b.icmp(128, 0)], 60),
  b.ethernet(0x8100, [...b.vlan(5, 0x0800), ...b.ipv4(b.icmp(8, 0), { protocol: 1 })]),
  b.ethernet(0x0806, b.arp(1)),
  b.arp(2),
];

function describeBreach(view: PacketView, offset: number, length: number): string | null {
  if (PROBLEM_NAMES[view.problem] === undefined) return `problem ${view.problem}`;
  for (const key of ['ipOffset', 'transportOffset', 'payloadOffset'] as const) {
    const at = view[key];
    if (at !== NONE && (at < offset || at > offset + length)) return `${key} ${at} outside the packet`;
  }
  if (
    view.payloadLength < 0 ||
    (view.payloadOffset !== NONE && view.payloadOffset + view.payloadLength > offset + length)
  )
    return `payload of ${view.payloadLength} at ${view.payloadOffset} runs out of the packet`;
  for (const [key, value] of Object.entries(view))
    if (typeof value === 'number' && (!Number.isInteger(value) || value < NONE || value > 0xffffffff))
      return `${key} is ${value}`;
  return null;
}

t.test('random bytes are decoded or counted, never an exception, never outside the packet', (t) => {
  const next = random(0x5eed);
  const view = createPacketView();
  const buffer = new Uint8Array(256);
  let breach: string | null = null;
  for (let round = 0; round < ROUNDS && breach === null; round++) {
    for (let i = 0; i < 128; i++) buffer[i] = next();
    const offset = next() % 16;
    const length = next() % 112;
    if (round % 2 === 0) buffer[offset] = round % 4 === 0 ? 0x45 : 0x60;
    for (const decode of decoders) {
      decode(view, buffer, offset, length);
      if (round % 16 === 0) breach ??= describeBreach(view, offset, length);
    }
  }
  t.equal(breach, null);
  t.end();
});

t.test('mutated and cut packets are decoded or counted', (t) => {
  const next = random(0xc0ffee);
  const view = createPacketView();
  const problems = new Set<number>();
  let breach: string | null = null;
  const originals = seeds.map((seed) => Uint8Array.from(seed));
  const buffer = new Uint8Array(256);
  for (let round = 0; round < ROUNDS && breach === null; round++) {
    const original = originals[round % originals.length] ?? buffer;
    buffer.set(original, 8);
    for (let flips = next() % 4; flips > 0; flips--) {
      const at = 8 + (next() % original.length);
      buffer[at] = next() % 3 === 0 ? 0xff : next();
    }
    const length = next() % 4 === 0 ? next() % original.length : original.length;
    for (const decode of decoders) {
      problems.add(decode(view, buffer, 8, length));
      if (round % 16 === 0) breach ??= describeBreach(view, 8, length);
    }
  }
  t.equal(breach, null);
  t.ok(
    problems.size >= PROBLEM_NAMES.length - 4,
    `the mutations reach nearly every problem: ${problems.size}`,
  );
  t.end();
});

t.test('a length beyond the buffer is held to the buffer', (t) => {
  const view = createPacketView();
  const packet = Uint8Array.from(b.ipv4(b.udp([1, 2, 3]), { protocol: 17 }));
  t.equal(decodeIp(view, packet, 0, 100_000), 0);
  t.equal(view.payloadLength, 3);
  t.equal(decodeIp(view, packet, 1000, 10), PROBLEM_NAMES.indexOf('ip-empty'));
  t.end();
});
