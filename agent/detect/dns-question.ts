/**
 * The first question of a DNS message (RFC 1035 section 4.1), as numbers: hashes of the registered domain and of what stands before it.
 * No text is made of it. Pure; never throws, whatever the bytes. Filled by `readQuestion` into one reused struct.
 */
export interface DnsQuestion {
  /** Hash of the last two labels (three where the second is as short as in co.uk). */
  domain: number;
  /** Hash of the labels before it, and how many bytes they have; 0 and 0 for none. */
  subdomain: number;
  subdomainBytes: number;
  /** Bytes that no host name has (RFC 952: letters, digits, hyphen; underscores in service names, RFC 2782). */
  strangeBytes: number;
  /** Where the registered domain begins in the bytes, in wire form. */
  domainOffset: number;
}

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
const MAX_LABELS = 128;
const SHORT_SECOND_LEVEL = 3;
const COUNTRY_CODE = 2;
const offsets = new Int32Array(MAX_LABELS);

export function createQuestion(): DnsQuestion {
  return { domain: 0, subdomain: 0, subdomainBytes: 0, strangeBytes: 0, domainOffset: 0 };
}

/** False when the payload is no DNS query with a whole first question. Questions have no compression (RFC 1035 section 4.1.4 allows none before). */
export function readQuestion(
  question: DnsQuestion,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const end = Math.min(offset + length, bytes.length);
  if (end - offset < HEADER_BYTES + 5) return false;
  // QR clear, opcode QUERY, at least one question.
  if (((bytes[offset + 2] ?? 0) & 0xf8) !== 0) return false;
  if ((((bytes[offset + 4] ?? 0) << 8) | (bytes[offset + 5] ?? 0)) === 0) return false;
  const start = offset + HEADER_BYTES;
  let at = start;
  let labels = 0;
  question.strangeBytes = 0;
  for (;;) {
    if (at >= end || at - start > MAX_NAME_BYTES) return false;
    const label = bytes[at] ?? 0;
    if (label === 0) break;
    if (label > 63 || labels === MAX_LABELS) return false;
    offsets[labels++] = at;
    for (let next = at + 1; next <= at + label && next < end; next++)
      if (!isHostByte(bytes[next] ?? 0)) question.strangeBytes++;
    at += label + 1;
  }
  if (at + 5 > end || labels === 0) return false;
  let own = Math.min(2, labels);
  if (
    labels > 2 &&
    bytes[offsets[labels - 1] ?? 0] === COUNTRY_CODE &&
    (bytes[offsets[labels - 2] ?? 0] ?? 0) <= SHORT_SECOND_LEVEL
  )
    own = 3;
  const domainAt = offsets[labels - own] ?? start;
  question.domainOffset = domainAt;
  question.domain = hash(bytes, domainAt, at);
  question.subdomainBytes = domainAt - start;
  question.subdomain = question.subdomainBytes === 0 ? 0 : hash(bytes, start, domainAt);
  return true;
}

/** Text of a name in wire form from `offset` to its end. Cold path. Anything but letters, digits, `-` and `_` becomes `?`. */
export function nameText(bytes: Uint8Array, offset: number): string {
  const labels: string[] = [];
  let at = offset;
  for (let count = 0; count < 4; count++) {
    const length = bytes[at] ?? 0;
    if (length === 0 || length > 63) break;
    labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + length)).replace(/[^\w-]/g, '?'));
    at += length + 1;
  }
  return labels.join('.');
}

function isHostByte(byte: number): boolean {
  const letter = byte | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f
  );
}

/** FNV-1a over the bytes with ASCII letters in lower case: names differ not by case (RFC 4343; clients mix it on purpose). */
function hash(bytes: Uint8Array, from: number, to: number): number {
  let value = 0x811c9dc5;
  for (let at = from; at < to; at++) {
    let byte = bytes[at] ?? 0;
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
    value = Math.imul(value ^ byte, 0x01000193);
  }
  return value | 0;
}
