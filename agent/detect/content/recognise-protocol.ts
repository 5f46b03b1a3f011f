/**
 * What a TCP connection's opener speaks, from its first bytes, and what well-known ports promise. Only protocols whose client speaks
 * first and begins with something fixed: DICOM PS3.8 section 9.3.2; HL7 MLLP release 1; RFC 8446 section 5.1; RFC 9112 section 3; RFC 4253
 * section 4.2; MS-SMB2 section 2.1; T.123 (TPKT, RFC 1006 section 6). A load balancer may say before whom it speaks for (HAProxy, "The PROXY
 * protocol"): what follows is looked at, and alone it says nothing. Pure.
 */
import { u32 } from '../../packet/read.js';

export type Recognised = 'TLS' | 'HTTP' | 'SSH' | 'DICOM' | 'HL7 MLLP' | 'SMB' | 'RDP' | 'PROXY';

export interface PortPromise {
  readonly protocols: readonly Recognised[];
  /** In words. */
  readonly expected: string;
  /** What counts as another protocol: all else, what was recognised, or these alone. */
  readonly refused: 'unknown' | 'recognised' | readonly Recognised[];
  /** The client speaks first, and no plain text: a server that begins is told, and text where little else is. */
  readonly isClientFirst: boolean;
  readonly severity: 'protocolMismatch.strict' | 'protocolMismatch.web' | 'protocolMismatch.dns';
}

function strict(...protocols: readonly Recognised[]): PortPromise {
  return {
    protocols,
    expected: protocols.join(' or '),
    refused: 'unknown',
    isClientFirst: !protocols.includes('SSH'),
    severity: 'protocolMismatch.strict',
  };
}

/** Software of all kinds borrows web ports, so only another protocol that was recognised counts, and little. */
function web(protocol: 'HTTP' | 'TLS'): PortPromise {
  return {
    protocols: [protocol],
    expected: protocol,
    refused: 'recognised',
    isClientFirst: protocol === 'TLS',
    severity: 'protocolMismatch.web',
  };
}

const DICOM = strict('DICOM', 'TLS');
const WEB = web('HTTP');
const SECURE_WEB = web('TLS');
const SMB = strict('SMB');
/**
 * Over TCP a message has its length first (RFC 1035 section 4.2.2), which may be any bytes: those that begin these three are lengths of 5,600
 * and more, which no question has.
 */
const DNS: PortPromise = {
  protocols: [],
  expected: 'DNS',
  refused: ['TLS', 'HTTP', 'SSH'],
  isClientFirst: false,
  severity: 'protocolMismatch.dns',
};
const PROMISES: ReadonlyMap<number, PortPromise> = new Map([
  [104, DICOM],
  [2761, DICOM],
  [2762, DICOM],
  [11112, DICOM],
  [2575, strict('HL7 MLLP', 'TLS')],
  [80, WEB],
  [8080, WEB],
  [443, SECURE_WEB],
  [8443, SECURE_WEB],
  [139, SMB],
  [445, SMB],
  [3389, strict('RDP')],
  [22, strict('SSH')],
  [53, DNS],
]);
const METHODS = [
  'GET ',
  'POST',
  'PUT ',
  'HEAD',
  'DELE',
  'OPTI',
  'CONN',
  'PATC',
  'PROP',
  'PRI ',
  'SUBS',
  'NOTI',
].map(word);
export const SSH = word('SSH-');
const PROX = word('PROX');

/** Null: the port promises nothing that can be checked. */
export function promiseOf(port: number): PortPromise | null {
  return PROMISES.get(port) ?? null;
}

/** Not what the port promises, as far as that can be told. */
export function isRefusedAs({ protocols, refused }: PortPromise, found: Recognised | null): boolean {
  if (found === null) return refused === 'unknown';
  if (found === 'PROXY') return false;
  if (refused === 'unknown' || refused === 'recognised') return !protocols.includes(found);
  return refused.includes(found);
}

/** The PROXY protocol: version 1 is a line of 107 bytes at most (section 2.1), version 2 begins so and has its length at byte 14 (section 2.2). */
const PROXY_LINE_BYTES = 107;
const PROXY_SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const PROXY_HEADER_BYTES = 16;
/** Of a message, a batch or a file of batches (HL7 2.x section 2.10.3). */
const HL7_SEGMENTS = ['MSH|', 'BHS|', 'FHS|'].map(word);
/** Fewer say nothing. */
export const LEAST_BYTES = 4;

/** Needs at least 4 bytes; null for what it does not know. Allocates nothing. */
export function recognise(bytes: Uint8Array, offset: number, length: number): Recognised | null {
  const skipped = proxyHeader(bytes, offset, length);
  if (skipped > 0 && length - skipped < LEAST_BYTES) return 'PROXY';
  return recogniseSpeech(bytes, offset + skipped, length - skipped);
}

function recogniseSpeech(bytes: Uint8Array, offset: number, length: number): Recognised | null {
  const at = (index: number): number => (index < length ? (bytes[offset + index] ?? 0) : 0);
  const first = u32(bytes, offset);
  if (at(0) === 0x16 && at(1) === 3 && at(2) <= 4) return 'TLS';
  if (METHODS.includes(first)) return 'HTTP';
  if (first === SSH) return 'SSH';
  // A-ASSOCIATE-RQ; byte 1 is reserved, and the protocol version after the length has bit 0 set.
  if (at(0) === 1 && at(1) === 0 && length >= 8 && (at(7) & 1) === 1) return 'DICOM';
  // NetBIOS session request, or the session header before SMB 1, 2 and encrypted 3.
  if (at(0) === 0x81 && at(1) === 0) return 'SMB';
  if (at(0) === 0 && at(4) >= 0xfc && at(5) === 0x53 && at(6) === 0x4d && at(7) === 0x42) return 'SMB';
  if (at(0) === 3 && at(1) === 0 && length >= 6 && (at(5) & 0xf0) === 0xe0) return 'RDP';
  return isHl7(bytes, offset, length) ? 'HL7 MLLP' : null;
}

/** With its frame or without, after an empty line or a byte order mark, before or behind the start of the frame, as some senders have it. */
export function isHl7(bytes: Uint8Array, offset: number, length: number): boolean {
  let from = 0;
  while (from < HL7_MOST_BEFORE && isBeforeHl7(bytes[offset + from] ?? 0)) from++;
  return length - from >= LEAST_BYTES && HL7_SEGMENTS.includes(u32(bytes, offset + from));
}

/** Two empty lines, a start of a frame (VT) and a byte order mark (RFC 3629 section 6). */
const HL7_MOST_BEFORE = 8;

function isBeforeHl7(byte: number): boolean {
  return byte === 0x0b || byte === 0x0d || byte === 0x0a || byte === 0xef || byte === 0xbb || byte === 0xbf;
}

/** Bytes of a header of the PROXY protocol; 0 for none. */
function proxyHeader(bytes: Uint8Array, offset: number, length: number): number {
  if (u32(bytes, offset) === PROX && bytes[offset + 4] === 0x59) {
    for (let index = 5; index < Math.min(length, PROXY_LINE_BYTES); index++)
      if (bytes[offset + index] === 0x0a) return index + 1;
    return 0;
  }
  if (length < PROXY_HEADER_BYTES) return 0;
  for (let index = 0; index < PROXY_SIGNATURE.length; index++)
    if (bytes[offset + index] !== PROXY_SIGNATURE[index]) return 0;
  const addresses = ((bytes[offset + 14] ?? 0) << 8) | (bytes[offset + 15] ?? 0);
  return Math.min(length, PROXY_HEADER_BYTES + addresses);
}

/** Four letters as u32 reads them. */
export function word(text: string): number {
  return (
    ((text.charCodeAt(0) << 24) |
      (text.charCodeAt(1) << 16) |
      (text.charCodeAt(2) << 8) |
      text.charCodeAt(3)) >>>
    0
  );
}
