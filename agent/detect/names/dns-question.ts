/**
 * The first question of a DNS message (RFC 1035 section 4.1), as numbers: hashes of the registered domain and of what stands before it.
 * No text is made of it. Pure; never throws, whatever the bytes. Filled by `readQuestion` into one reused struct.
 */
export interface DnsQuestion {
  /** Hash of the last two labels (three where a country registers below the second, as in co.uk). */
  domain: number;
  /** Hash of the labels before it, and how many bytes they have; 0 and 0 for none. */
  subdomain: number;
  subdomainBytes: number;
  /** Bytes of the longest label among them. */
  longestLabel: number;
  /** IANA number of the record type that is asked for. */
  type: number;
  /** A service by its protocol (RFC 6763 section 4.1): what stands before it may be any text of a person. */
  isService: boolean;
  /** Bytes that no host name has (RFC 952: letters, digits, hyphen; underscores in service names, RFC 2782). */
  strangeBytes: number;
  /** Where the registered domain begins in the bytes, in wire form. */
  domainOffset: number;
}

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
const MAX_LABELS = 128;
const COUNTRY_CODE = 2;
/** Second levels below which countries register (https://publicsuffix.org); everything else of that length anybody can own: x1.pw, a.io. */
const REGISTRIES: ReadonlySet<number> = new Set(
  'ac co com edu go gob gov gv ltd mil ne net nhs or org plc sch'.split(' ').map(packedText),
);
const LONGEST_REGISTRY = 3;
const SERVICE_LABEL = 4;
const TCP = packedText('tcp');
const UDP = packedText('udp');
/** Names of the own network (RFC 6762, RFC 8375 and what is usual), which no registry delegates to anybody. */
export const OWN_NAMES: readonly string[] = [
  'local',
  'lan',
  'home',
  'internal',
  'localdomain',
  'corp',
  'intranet',
  'test',
];
const offsets = new Int32Array(MAX_LABELS);

export function createQuestion(): DnsQuestion {
  return {
    domain: 0,
    subdomain: 0,
    subdomainBytes: 0,
    longestLabel: 0,
    type: 0,
    isService: false,
    strangeBytes: 0,
    domainOffset: 0,
  };
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
    isRegistry(bytes, offsets[labels - 2] ?? 0)
  )
    own = 3;
  const domainAt = offsets[labels - own] ?? start;
  question.domainOffset = domainAt;
  question.domain = hash(bytes, domainAt, at);
  question.subdomainBytes = domainAt - start;
  question.subdomain = question.subdomainBytes === 0 ? 0 : hash(bytes, start, domainAt);
  question.type = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  question.longestLabel = 0;
  question.isService = false;
  for (let index = 0; index < labels - own; index++) {
    const labelAt = offsets[index] ?? start;
    question.longestLabel = Math.max(question.longestLabel, bytes[labelAt] ?? 0);
    if (isService(bytes, labelAt)) question.isService = true;
  }
  return true;
}

/** Whether the last label of the registered domain at `domainOffset` is one of these. A name of one label is. Allocates nothing. */
export function isUnder(names: readonly string[], bytes: Uint8Array, domainOffset: number): boolean {
  let last = domainOffset;
  let next = domainOffset + 1 + (bytes[domainOffset] ?? 0);
  if ((bytes[next] ?? 0) === 0) return true;
  while ((bytes[next] ?? 0) > 0) {
    last = next;
    next += 1 + (bytes[next] ?? 0);
  }
  for (const name of names) if (isLabel(name, bytes, last)) return true;
  return false;
}

/** Whether the label at the offset (its length byte) is this one, in lower case. */
export function isLabel(name: string, bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset] !== name.length) return false;
  let same = 0;
  while (same < name.length && ((bytes[offset + 1 + same] ?? 0) | 0x20) === name.charCodeAt(same)) same++;
  return same === name.length;
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

function isRegistry(bytes: Uint8Array, offset: number): boolean {
  const length = bytes[offset] ?? 0;
  return length <= LONGEST_REGISTRY && REGISTRIES.has(packed(bytes, offset + 1, length));
}

/** A short label in lower case as one number. */
function packed(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let at = offset; at < offset + length; at++) value = (value << 8) | (bytes[at] ?? 0) | 0x20;
  return value;
}

function packedText(label: string): number {
  return packed(
    Uint8Array.from(label, (letter) => letter.charCodeAt(0)),
    0,
    label.length,
  );
}

/** `_tcp` or `_udp`. */
function isService(bytes: Uint8Array, offset: number): boolean {
  if (bytes[offset] !== SERVICE_LABEL || bytes[offset + 1] !== 0x5f) return false;
  const rest = packed(bytes, offset + 2, SERVICE_LABEL - 1);
  return rest === TCP || rest === UDP;
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
