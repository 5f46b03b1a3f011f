import fc from 'fast-check';
import t from 'tap';
import { createConntrackDecoder, toEntry } from '../../../agent/netlink/conntrack-codec.js';
import { MessageCursor, readAnswer } from '../../../agent/netlink/messages.js';
import { createNfTablesDecoder } from '../../../agent/netlink/nf-tables-events.js';
import { createQueueDecoder } from '../../../agent/netlink/nfqueue-codec.js';
import { readRule } from '../../../agent/netlink/nf-tables-rules.js';
import { createNflogDecoder } from '../../../agent/netlink/nflog.js';
import { readElements, type SetElement } from '../../../agent/netlink/set-element-codec.js';
import { holdRule, queuedPacket } from './support/queued.js';
import { conntrackDatagrams, nflogDatagrams, nfTablesDatagrams } from './support/recorded.js';

/** Mutated datagrams per seed; about three seconds altogether. */
const MUTATIONS = 25_000;
const RANDOM_RUNS = 2_000;

const queueDatagrams = [queuedPacket(1, 2), queuedPacket(0xffffffff, 10)];
const ruleDatagrams = [holdRule('statement'), holdRule('compat')];
const seeds = [
  ...nflogDatagrams,
  ...conntrackDatagrams,
  ...nfTablesDatagrams,
  ...queueDatagrams,
  ...ruleDatagrams,
];

/** xorshift32: the same bytes on every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const message = new MessageCursor();
const nflog = createNflogDecoder(['policy', 'new']);
const queue = createQueueDecoder();
const conntrack = createConntrackDecoder();
const nfTables = createNfTablesDecoder(true);

/** Every decoder over every message; returns how many said they understood. Throws when one points outside the bytes. */
function decodeAll(bytes: Buffer): number {
  let understood = 0;
  message.reset(bytes, 0, bytes.length);
  while (message.next()) {
    if (nflog.decode(message)) {
      const { packet } = nflog;
      inside(bytes, packet.payloadOffset, packet.payloadLength);
      inside(bytes, packet.hwAddrOffset, packet.hwAddrLength);
      inside(bytes, packet.hwHeaderOffset, packet.hwHeaderLength);
      understood++;
    }
    if (queue.decode(message)) {
      const { packet } = queue;
      inside(bytes, packet.payloadOffset, packet.payloadLength);
      inside(bytes, packet.hwAddrOffset, packet.hwAddrLength);
      inside(bytes, packet.hwHeaderOffset, packet.hwHeaderLength);
      understood++;
    }
    if (readRule(message, 'hold') !== null) understood++;
    if (conntrack.decode(message)) {
      const entry = toEntry(conntrack.record);
      if (entry.original.source.length !== (entry.family === 4 ? 4 : 16)) throw new Error('a cut address');
      understood++;
    }
    const elements: SetElement[] = [];
    readElements(message, elements);
    nfTables.decode(message);
    readAnswer(message);
  }
  nfTables.forget();
  return understood;
}

function inside(bytes: Buffer, offset: number, length: number): void {
  if (length > 0 && (offset < 0 || offset + length > bytes.length))
    throw new Error(`${offset}+${length} is outside ${bytes.length} bytes`);
}

t.test('what the kernel sent is understood', (t) => {
  for (const seed of seeds) {
    const { malformed } = message;
    decodeAll(seed);
    t.notOk(malformed);
    t.notOk(message.malformed);
  }
  for (const seed of [...nflogDatagrams, ...conntrackDatagrams, ...queueDatagrams, ...ruleDatagrams])
    t.ok(decodeAll(seed) > 0);
  t.end();
});

t.test('no mutation of it throws, hangs or reads outside', (t) => {
  const next = random(0xc0bd0);
  let understood = 0;
  for (const seed of seeds) {
    for (let round = 0; round < MUTATIONS; round++) {
      const bytes = Buffer.from(
        seed.subarray(0, next() % 8 === 0 ? next() % (seed.length + 1) : seed.length),
      );
      if (bytes.length > 0)
        for (let flips = next() % 4; flips >= 0; flips--) bytes[next() % bytes.length] = next() & 0xff;
      understood += decodeAll(bytes);
    }
  }
  t.ok(understood > 0, `${understood} still understood`);
  t.end();
});

t.test('nor do random bytes, framed or not', (t) => {
  const framed = fc.uint8Array({ maxLength: 400 }).map((body) => {
    const bytes = Buffer.alloc(20 + body.length);
    bytes.writeUInt32LE(bytes.length, 0);
    bytes[16] = 2;
    bytes.set(body, 20);
    return bytes;
  });
  const loose = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(framed, loose), (bytes) => {
      decodeAll(bytes);
    }),
    { numRuns: RANDOM_RUNS },
  );
  t.end();
});
