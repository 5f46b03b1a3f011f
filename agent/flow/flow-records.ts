/** How flows lie in memory, for flow-table.ts: the places of a record, the four bytes that say what a flow is, and what anybody may read of it. Pure. */
import { PROTOCOL_SCTP, PROTOCOL_TCP } from '../packet/view.js';

/**
 * A flow's record: what most packets look at and change, 64 bytes that lie together, because with a million flows each part that lies
 * elsewhere is a miss of every cache. Int32 each; doubles count from the same start, two to a place.
 */
export const RECORD = 16;
export const DOUBLES = RECORD / 2;
export const HASH = 0;
/** The opener's in the upper half. */
export const PORTS = 1;
/** Family, protocol, state and flags, a byte each from above; 0: no flow. */
export const META = 2;
export const OPENER = 3;
export const OTHER = 4;
export const PACKETS = 5;
/** The other five are in the rest. */
const FIRST_NOTE = 7;
export const LAST_MS = 4;
export const BYTES = 5;
export const FIRST_MS = 7;
/** The rest: three words of each address, which IPv4 has not, and five notes. */
export const REST = 11;
const NOTES_IN_REST = 6;
/** Bits of a flow's flags. */
export const FLAGS = 0xff;
export const SEEN_REPLY = 1;
export const WAS_ESTABLISHED = 2;
export const FIN_FROM_OPENER = 4;
export const FIN_FROM_ANSWERER = 8;
export const REJECTED = 16;
export const PAYLOAD_FROM_OPENER = 32;
export const PAYLOAD_FROM_ANSWERER = 64;

/** What the other end sends until an association stands: INIT ACK and COOKIE ACK (RFC 9260 section 5.1). */
const SCTP_HANDSHAKE_PACKETS = 2;

export class FlowRecords {
  protected readonly record: Int32Array;
  /** The same memory. */
  protected readonly doubles: Float64Array;
  protected readonly rest: Int32Array;

  constructor(capacity: number) {
    this.record = new Int32Array(capacity * RECORD);
    this.doubles = new Float64Array(this.record.buffer);
    this.rest = new Int32Array(capacity * REST);
  }

  family(flow: number): number {
    return familyOf(this.meta(flow));
  }

  protocol(flow: number): number {
    return protocolOf(this.meta(flow));
  }

  /** Word 0..3 of the opener, 4..7 of the other end, unsigned. */
  word(flow: number, index: number): number {
    const at = index < 4 ? index : index - 1;
    const word =
      (index & 3) === 0
        ? this.record[flow * RECORD + (index === 0 ? OPENER : OTHER)]
        : this.rest[flow * REST + at - 1];
    return (word ?? 0) >>> 0;
  }

  openerPort(flow: number): number {
    return (this.record[flow * RECORD + PORTS] ?? 0) >>> 16;
  }

  answererPort(flow: number): number {
    return (this.record[flow * RECORD + PORTS] ?? 0) & 0xffff;
  }

  /** Side 0 is the opener, 1 the other end. */
  packets(flow: number, side: number): number {
    return (this.record[flow * RECORD + PACKETS + side] ?? 0) >>> 0;
  }

  bytes(flow: number, side: number): number {
    return this.doubles[flow * DOUBLES + BYTES + side] ?? 0;
  }

  lastedMs(flow: number): number {
    const base = flow * DOUBLES;
    return (this.doubles[base + LAST_MS] ?? 0) - (this.doubles[base + FIRST_MS] ?? 0);
  }

  /** For the caller: six numbers a flow, int32, 0 at first. */
  note(flow: number, index: number): number {
    return (
      (index === 0
        ? this.record[flow * RECORD + FIRST_NOTE]
        : this.rest[flow * REST + NOTES_IN_REST + index - 1]) ?? 0
    );
  }

  setNote(flow: number, index: number, value: number): void {
    if (index === 0) this.record[flow * RECORD + FIRST_NOTE] = value;
    else this.rest[flow * REST + NOTES_IN_REST + index - 1] = value;
  }

  /** Notes that this end sent data; true the first time. */
  noteData(flow: number, isReply: boolean): boolean {
    const bit = isReply ? PAYLOAD_FROM_ANSWERER : PAYLOAD_FROM_OPENER;
    if ((this.meta(flow) & bit) !== 0) return false;
    this.setFlag(flow, bit);
    return true;
  }

  hasReply(flow: number): boolean {
    return (this.meta(flow) & SEEN_REPLY) !== 0;
  }

  /** TCP: reached ESTABLISHED. SCTP: more came back than an ABORT. Others: the other end sent something. */
  wasEstablished(flow: number): boolean {
    if (this.protocol(flow) === PROTOCOL_SCTP && this.packets(flow, 1) < SCTP_HANDSHAKE_PACKETS) return false;
    const bit = this.protocol(flow) === PROTOCOL_TCP ? WAS_ESTABLISHED : SEEN_REPLY;
    return (this.meta(flow) & bit) !== 0;
  }

  wasRejected(flow: number): boolean {
    return (this.meta(flow) & REJECTED) !== 0;
  }

  protected meta(flow: number): number {
    return this.record[flow * RECORD + META] ?? 0;
  }

  protected setFlag(flow: number, bit: number): void {
    this.record[flow * RECORD + META] = this.meta(flow) | bit;
  }
}

export function metaOf(family: number, protocol: number, state: number, flags: number): number {
  return (family << 24) | (protocol << 16) | (state << 8) | flags;
}

export function familyOf(meta: number): number {
  return meta >>> 24;
}

export function protocolOf(meta: number): number {
  return (meta >>> 16) & 0xff;
}

export function stateOf(meta: number): number {
  return (meta >>> 8) & 0xff;
}
