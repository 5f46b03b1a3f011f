/**
 * What a TCP connection's opener speaks, from its first bytes, and what well-known ports promise. Only protocols whose client speaks
 * first and begins with something fixed: DICOM PS3.8 section 9.3.2; HL7 MLLP release 1; RFC 8446 section 5.1; RFC 9112 section 3; RFC 4253
 * section 4.2; MS-SMB2 section 2.1; T.123 (TPKT, RFC 1006 section 6). Pure.
 */
export type Recognised = 'TLS' | 'HTTP' | 'SSH' | 'DICOM' | 'HL7 MLLP' | 'SMB' | 'RDP';

export interface PortPromise {
  readonly protocols: readonly Recognised[];
  /** False: software of all kinds borrows the port, so only another protocol that was recognised counts, and little. */
  readonly isStrict: boolean;
}

const DICOM: PortPromise = { protocols: ['DICOM', 'TLS'], isStrict: true };
const WEB: PortPromise = { protocols: ['HTTP'], isStrict: false };
const SECURE_WEB: PortPromise = { protocols: ['TLS'], isStrict: false };
const SMB: PortPromise = { protocols: ['SMB'], isStrict: true };
const PROMISES: ReadonlyMap<number, PortPromise> = new Map([
  [104, DICOM],
  [2761, DICOM],
  [2762, DICOM],
  [11112, DICOM],
  [2575, { protocols: ['HL7 MLLP', 'TLS'], isStrict: true }],
  [80, WEB],
  [8080, WEB],
  [443, SECURE_WEB],
  [8443, SECURE_WEB],
  [139, SMB],
  [445, SMB],
  [3389, { protocols: ['RDP'], isStrict: true }],
  [22, { protocols: ['SSH'], isStrict: true }],
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

/** Null: the port promises nothing that can be checked. */
export function promiseOf(port: number): PortPromise | null {
  return PROMISES.get(port) ?? null;
}

export function isRefusedAs(promise: PortPromise, found: Recognised | null): boolean {
  if (found === null) return promise.isStrict;
  return !promise.protocols.includes(found);
}

/** Needs at least 4 bytes; null for what it does not know. Allocates nothing. */
export function recognise(bytes: Uint8Array, offset: number, length: number): Recognised | null {
  const at = (index: number): number => (index < length ? (bytes[offset + index] ?? 0) : 0);
  const first = ((at(0) << 24) | (at(1) << 16) | (at(2) << 8) | at(3)) >>> 0;
  if (at(0) === 0x16 && at(1) === 3 && at(2) <= 4) return 'TLS';
  if (METHODS.includes(first)) return 'HTTP';
  if (first === word('SSH-')) return 'SSH';
  // A-ASSOCIATE-RQ; byte 1 is reserved, and the protocol version after the length has bit 0 set.
  if (at(0) === 1 && at(1) === 0 && length >= 8 && (at(7) & 1) === 1) return 'DICOM';
  // With its frame, or without, as some senders have it.
  if (at(0) === 0x0b && at(1) === 0x4d && at(2) === 0x53 && at(3) === 0x48) return 'HL7 MLLP';
  if (first === word('MSH|')) return 'HL7 MLLP';
  // NetBIOS session request, or the session header before SMB 1, 2 and encrypted 3.
  if (at(0) === 0x81 && at(1) === 0) return 'SMB';
  if (at(0) === 0 && at(4) >= 0xfc && at(5) === 0x53 && at(6) === 0x4d && at(7) === 0x42) return 'SMB';
  if (at(0) === 3 && at(1) === 0 && length >= 6 && (at(5) & 0xf0) === 0xe0) return 'RDP';
  return null;
}

function word(text: string): number {
  return (
    ((text.charCodeAt(0) << 24) |
      (text.charCodeAt(1) << 16) |
      (text.charCodeAt(2) << 8) |
      text.charCodeAt(3)) >>>
    0
  );
}
