/**
 * The reader of DNS messages (RFC 1035 section 4) that mDNS, LLMNR, NetBIOS names and plain DNS share. Compression pointers are followed
 * a bounded number of times and only backwards; whatever does not fit ends the reading.
 */
import { s32, u16, u8 } from '../../packet/read.js';
import { textOf } from '../text.js';

const HEADER_BYTES = 12;
/** RFC 1035 section 2.3.4 allows 127 labels of one byte; names of machines and services are below this. */
const MAX_LABELS = 32;
const MAX_POINTERS = 8;
const MAX_QUESTIONS = 8;
const MAX_RECORDS = 64;

export interface DnsQuestion {
  readonly name: string;
  /** See DnsName. */
  readonly isPlain: boolean;
  readonly type: number;
  readonly class: number;
}
export interface DnsRecord {
  readonly name: string;
  readonly isPlain: boolean;
  readonly type: number;
  readonly class: number;
  /** Above 2^31 means 0 (RFC 2181 section 8). */
  readonly ttlSeconds: number;
  /** Where the data is in the same bytes. */
  readonly dataStart: number;
  readonly dataEnd: number;
}
export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly rcode: number;
  readonly questions: readonly DnsQuestion[];
  /** Answers, authorities and additional records, in this order. */
  readonly records: readonly DnsRecord[];
  /** How many of the first records are answers, as far as they were read. */
  readonly answerCount: number;
}

export interface DnsName {
  readonly labels: readonly string[];
  /** Letters, digits, hyphens and underscores alone: only then do the labels say all that the bytes say. */
  readonly isPlain: boolean;
  /** Behind the name where it stands, not where a pointer led. */
  readonly next: number;
}

/** Null where there is not even a header. A message that ends early gives what came before. */
export function readDnsMessage(bytes: Uint8Array, start: number, end: number): DnsMessage | null {
  if (end - start < HEADER_BYTES) return null;
  const flags = u16(bytes, start + 2);
  const questions: DnsQuestion[] = [];
  const records: DnsRecord[] = [];
  const message = {
    id: u16(bytes, start),
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    rcode: flags & 15,
    questions,
    records,
    answerCount: u16(bytes, start + 6),
  };
  const questionCount = u16(bytes, start + 4);
  const recordCount = u16(bytes, start + 6) + u16(bytes, start + 8) + u16(bytes, start + 10);
  if (questionCount > 256) return null;
  let at = start + HEADER_BYTES;
  for (let index = 0; index < questionCount; index++) {
    const name = readDnsName(bytes, start, at, end);
    if (name === null || name.next + 4 > end) return message;
    if (index < MAX_QUESTIONS)
      questions.push({
        name: name.labels.join('.'),
        isPlain: name.isPlain,
        type: u16(bytes, name.next),
        class: u16(bytes, name.next + 2),
      });
    at = name.next + 4;
  }
  for (let index = 0; index < recordCount && index < MAX_RECORDS; index++) {
    const name = readDnsName(bytes, start, at, end);
    if (name === null || name.next + 10 > end) return message;
    const dataStart = name.next + 10;
    const dataEnd = dataStart + u16(bytes, name.next + 8);
    if (dataEnd > end) return message;
    const ttl = s32(bytes, name.next + 4);
    records.push({
      name: name.labels.join('.'),
      isPlain: name.isPlain,
      type: u16(bytes, name.next),
      class: u16(bytes, name.next + 2),
      ttlSeconds: ttl < 0 ? 0 : ttl,
      dataStart,
      dataEnd,
    });
    at = dataEnd;
  }
  return message;
}

/** `start` is where the message begins: pointers count from there. Null where the name is broken. */
export function readDnsName(bytes: Uint8Array, start: number, from: number, end: number): DnsName | null {
  const labels: string[] = [];
  let at = from;
  let next = -1;
  let pointers = 0;
  let isPlain = true;
  while (at < end) {
    const length = u8(bytes, at);
    if (length === 0) return { labels, isPlain, next: next === -1 ? at + 1 : next };
    if (length >= 0xc0) {
      if (at + 2 > end || pointers === MAX_POINTERS) return null;
      const target = start + (u16(bytes, at) & 0x3fff);
      // Only backwards: no loop can be built.
      if (target >= at) return null;
      if (next === -1) next = at + 2;
      pointers += 1;
      at = target;
      continue;
    }
    if (length > 63 || at + 1 + length > end || labels.length === MAX_LABELS) return null;
    labels.push(textOf(bytes, at + 1, at + 1 + length) ?? '?');
    for (let index = at + 1; index <= at + length && isPlain; index++)
      isPlain = isPlainByte(u8(bytes, index));
    at += 1 + length;
  }
  return null;
}

function isPlainByte(byte: number): boolean {
  const letter = byte | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f
  );
}
