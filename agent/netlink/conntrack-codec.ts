/**
 * One conntrack entry (ctnetlink, enum ctattr_type of linux/netfilter/nfnetlink_conntrack.h) read in place into one
 * reused struct, and copied out where it is to be kept. Used by conntrack.ts. It judges nothing and keeps nothing.
 */
import { AttributeCursor } from './attributes.js';
import type { MessageCursor } from './messages.js';

/** One direction of a connection. Addresses are 4 or 16 bytes, network order. */
export interface ConntrackTuple {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** 0 where the protocol has no ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly icmpType: number;
  readonly icmpCode: number;
  readonly icmpId: number;
}

export interface ConntrackEntry {
  readonly family: 4 | 6;
  /** IANA protocol number. */
  readonly protocol: number;
  /** As the connection was opened, and as its answers look (they differ by more than direction under NAT). */
  readonly original: ConntrackTuple;
  readonly reply: ConntrackTuple;
  readonly zone: number;
  readonly mark: number;
  /** The kernel's own number of the entry: tells a connection from a later one with the same tuple. */
  readonly id: number;
  /** IPS_* bits: 2 seen reply, 4 assured, 8 confirmed. */
  readonly status: number;
  /** Null for an entry that does not expire. */
  readonly timeoutSeconds: number | null;
  /** enum tcp_conntrack (3 established); null for other protocols. */
  readonly tcpState: number | null;
  /** Null without net.netfilter.nf_conntrack_acct. "Out" is the original direction. */
  readonly counters: {
    readonly packetsOut: number;
    readonly bytesOut: number;
    readonly packetsIn: number;
    readonly bytesIn: number;
  } | null;
}

/** One direction, in place: offsets into the record's buffer, -1 where missing. */
export interface TupleRecord {
  sourceOffset: number;
  destinationOffset: number;
  sourcePort: number;
  destinationPort: number;
  icmpType: number;
  icmpCode: number;
  icmpId: number;
}

/** Reused: valid only within the callback. -1 stands for what the kernel did not say, save mark and zone (0). */
export interface ConntrackRecord {
  family: 4 | 6;
  addressBytes: 4 | 16;
  protocol: number;
  buffer: Buffer;
  original: TupleRecord;
  reply: TupleRecord;
  zone: number;
  mark: number;
  id: number;
  status: number;
  timeoutSeconds: number;
  tcpState: number;
  packetsOut: number;
  bytesOut: number;
  packetsIn: number;
  bytesIn: number;
  /** From the first packet to the end of the entry; needs net.netfilter.nf_conntrack_timestamp=1. */
  durationMs: number;
  /** The first packet, by the wall clock; as above. */
  startedMs: number;
}

const ATTRIBUTE = {
  original: 1,
  reply: 2,
  status: 3,
  protocolInfo: 4,
  timeout: 7,
  mark: 8,
  countersOriginal: 9,
  countersReply: 10,
  id: 12,
  zone: 18,
  timestamp: 20,
} as const;
const AF_INET = 2;
const AF_INET6 = 10;

export interface ConntrackDecoder {
  readonly record: ConntrackRecord;
  /** Fills `record`; false when the message is malformed or is neither IPv4 nor IPv6. */
  decode(message: MessageCursor): boolean;
}

export function createConntrackDecoder(): ConntrackDecoder {
  const record = emptyRecord();
  const top = new AttributeCursor();
  const middle = new AttributeCursor();
  const inner = new AttributeCursor();

  function readTuple(tuple: TupleRecord): boolean {
    let valid = true;
    middle.enter(top);
    while (middle.next()) {
      if (middle.type === 1) valid = readAddresses(tuple) && valid;
      else if (middle.type === 2) valid = readProtocol(tuple) && valid;
    }
    return valid && !middle.malformed;
  }

  function readAddresses(tuple: TupleRecord): boolean {
    inner.enter(middle);
    const source = record.family === 4 ? 1 : 3;
    while (inner.next()) {
      if (inner.type !== source && inner.type !== source + 1) continue;
      if (inner.length !== record.addressBytes) return false;
      if (inner.type === source) tuple.sourceOffset = inner.offset;
      else tuple.destinationOffset = inner.offset;
    }
    return !inner.malformed;
  }

  function readProtocol(tuple: TupleRecord): boolean {
    inner.enter(middle);
    while (inner.next()) {
      // enum ctattr_l4proto: 4..6 are ICMP's id, type, code and 7..9 the same for ICMPv6.
      if (inner.type === 1) record.protocol = inner.u8();
      else if (inner.type === 2) tuple.sourcePort = inner.u16be();
      else if (inner.type === 3) tuple.destinationPort = inner.u16be();
      else if (inner.type === 4 || inner.type === 7) tuple.icmpId = inner.u16be();
      else if (inner.type === 5 || inner.type === 8) tuple.icmpType = inner.u8();
      else if (inner.type === 6 || inner.type === 9) tuple.icmpCode = inner.u8();
    }
    return !inner.malformed;
  }

  function readTcpState(): boolean {
    middle.enter(top);
    while (middle.next()) {
      if (middle.type !== 1) continue;
      inner.enter(middle);
      while (inner.next()) if (inner.type === 1) record.tcpState = inner.u8();
      if (inner.malformed) return false;
    }
    return !middle.malformed;
  }

  function readCounters(out: boolean): boolean {
    middle.enter(top);
    while (middle.next()) {
      if (middle.type === 1 && out) record.packetsOut = middle.u64be();
      else if (middle.type === 1) record.packetsIn = middle.u64be();
      else if (middle.type === 2 && out) record.bytesOut = middle.u64be();
      else if (middle.type === 2) record.bytesIn = middle.u64be();
    }
    return !middle.malformed;
  }

  /** enum ctattr_tstamp: start and stop in nanoseconds. A destroyed entry has both, a live one the first. */
  function readDuration(): boolean {
    let start = 0;
    let stop = 0;
    middle.enter(top);
    while (middle.next()) {
      if (middle.type === 1) start = middle.u64be();
      else if (middle.type === 2) stop = middle.u64be();
    }
    if (start > 0) record.startedMs = start / 1e6;
    if (start > 0 && stop >= start) record.durationMs = (stop - start) / 1e6;
    return !middle.malformed;
  }

  function readAttribute(): boolean {
    switch (top.type) {
      case ATTRIBUTE.original:
        return readTuple(record.original);
      case ATTRIBUTE.reply:
        return readTuple(record.reply);
      case ATTRIBUTE.protocolInfo:
        return readTcpState();
      case ATTRIBUTE.countersOriginal:
        return readCounters(true);
      case ATTRIBUTE.countersReply:
        return readCounters(false);
      case ATTRIBUTE.timestamp:
        return readDuration();
      case ATTRIBUTE.status:
        record.status = top.u32be();
        return true;
      case ATTRIBUTE.timeout:
        record.timeoutSeconds = top.u32be();
        return true;
      case ATTRIBUTE.mark:
        record.mark = top.u32be();
        return true;
      case ATTRIBUTE.id:
        record.id = top.u32be();
        return true;
      case ATTRIBUTE.zone:
        record.zone = top.u16be();
        return true;
      default:
        return true;
    }
  }

  return {
    record,
    decode(message) {
      if (!message.isNetfilter || (message.family !== AF_INET && message.family !== AF_INET6)) return false;
      clear(record, message);
      top.reset(message.buffer, message.attributesStart, message.end);
      let valid = true;
      while (top.next()) valid = readAttribute() && valid;
      return valid && !top.malformed && hasAddresses(record.original) && hasAddresses(record.reply);
    },
  };
}

/** A copy that may be kept. */
export function toEntry(record: Readonly<ConntrackRecord>): ConntrackEntry {
  return {
    family: record.family,
    protocol: record.protocol,
    original: toTuple(record, record.original),
    reply: toTuple(record, record.reply),
    zone: record.zone,
    mark: record.mark,
    id: record.id,
    status: record.status,
    timeoutSeconds: record.timeoutSeconds < 0 ? null : record.timeoutSeconds,
    tcpState: record.tcpState < 0 ? null : record.tcpState,
    counters:
      record.packetsOut < 0
        ? null
        : {
            packetsOut: record.packetsOut,
            bytesOut: record.bytesOut,
            packetsIn: Math.max(0, record.packetsIn),
            bytesIn: Math.max(0, record.bytesIn),
          },
  };
}

function toTuple(record: Readonly<ConntrackRecord>, tuple: Readonly<TupleRecord>): ConntrackTuple {
  const address = (offset: number): Uint8Array =>
    new Uint8Array(record.buffer.subarray(offset, offset + record.addressBytes));
  return {
    source: address(tuple.sourceOffset),
    destination: address(tuple.destinationOffset),
    sourcePort: tuple.sourcePort,
    destinationPort: tuple.destinationPort,
    icmpType: tuple.icmpType,
    icmpCode: tuple.icmpCode,
    icmpId: tuple.icmpId,
  };
}

function hasAddresses(tuple: TupleRecord): boolean {
  return tuple.sourceOffset >= 0 && tuple.destinationOffset >= 0;
}

function clear(record: ConntrackRecord, message: MessageCursor): void {
  record.family = message.family === AF_INET ? 4 : 6;
  record.addressBytes = record.family === 4 ? 4 : 16;
  record.protocol = 0;
  record.buffer = message.buffer;
  clearTuple(record.original);
  clearTuple(record.reply);
  record.zone = 0;
  record.mark = 0;
  record.id = 0;
  record.status = 0;
  record.timeoutSeconds = -1;
  record.tcpState = -1;
  record.packetsOut = -1;
  record.bytesOut = -1;
  record.packetsIn = -1;
  record.bytesIn = -1;
  record.durationMs = -1;
  record.startedMs = -1;
}

function clearTuple(tuple: TupleRecord): void {
  tuple.sourceOffset = -1;
  tuple.destinationOffset = -1;
  tuple.sourcePort = 0;
  tuple.destinationPort = 0;
  tuple.icmpType = 0;
  tuple.icmpCode = 0;
  tuple.icmpId = 0;
}

function emptyTuple(): TupleRecord {
  return {
    sourceOffset: -1,
    destinationOffset: -1,
    sourcePort: 0,
    destinationPort: 0,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
  };
}

function emptyRecord(): ConntrackRecord {
  return {
    family: 4,
    addressBytes: 4,
    protocol: 0,
    buffer: Buffer.alloc(0),
    original: emptyTuple(),
    reply: emptyTuple(),
    zone: 0,
    mark: 0,
    id: 0,
    status: 0,
    timeoutSeconds: -1,
    tcpState: -1,
    packetsOut: -1,
    bytesOut: -1,
    packetsIn: -1,
    bytesIn: -1,
    durationMs: -1,
    startedMs: -1,
  };
}
