/**
 * What detectors are fed: one plain object, filled again for every first packet, numbers only. The enforcer fills it from
 * a decoded packet and calls `observe`; a detector must copy what it wants to keep.
 */
import { REFUSAL_REASONS, type RefusalReason } from '../messages/vocabulary.js';
import { ARP_REQUEST } from '../packet/decode-arp.js';
import { isNeighbourMessage } from '../packet/neighbour.js';
import { u32 } from '../packet/read.js';
import {
  isToGroup,
  LAYER_ARP,
  NONE,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  TCP_ACK,
  type PacketView,
} from '../packet/view.js';
import { NO_ADDRESS, type AddressTable } from './address-table.js';
import { claimMac, neighbourSender, neighbourTarget, operationOf } from './identity/neighbour-event.js';
import { hash3 } from './slot-table.js';

/** The first packet of a connection, or any refused IP packet. */
export const EVENT_IP = 1;
/** An ARP packet, refused or watched, or what says the same in IPv6 (neighbour-event.ts). */
export const EVENT_ARP = 2;
/** A refused frame that is neither, or could not be decoded. */
export const EVENT_OTHER = 3;

/** The first bytes that one end of a connection sends, TCP: once for each direction. `bytes` holds them. */
export const EVENT_PAYLOAD = 4;
/** A connection is over: `outcome`, counters and duration are filled. */
export const EVENT_END = 5;
/**
 * A connection of many packets goes on: counters and duration so far. Told every GOES_ON_MS, because what is told at the end of a tunnel that
 * runs for weeks is told too late.
 */
export const EVENT_GOING = 6;
export const GOES_ON_MS = 120_000;
/** Of both directions together, at least: most connections are over before. */
export const GOES_ON_PACKETS = 50;

/** Kinds of events as bits: what a detector says that it looks at. */
export const SEES_IP = 1 << EVENT_IP;
export const SEES_ARP = 1 << EVENT_ARP;
export const SEES_OTHER = 1 << EVENT_OTHER;
export const SEES_PAYLOAD = 1 << EVENT_PAYLOAD;
export const SEES_END = 1 << EVENT_END;
export const SEES_GOING = 1 << EVENT_GOING;
export const EVENT_KINDS = 7;

/** Nothing ever came back. */
export const OUTCOME_NO_ANSWER = 1;
/** TCP: answered, but never established (reset); others: answered by an ICMP error alone. */
export const OUTCOME_REJECTED = 2;
/** TCP: was established; others: the other end answered. */
export const OUTCOME_ANSWERED = 3;

/** An approved allow entry lets it through. */
export const VERDICT_ALLOWED = 1;
/** It went through because nothing is decided yet (mode `observe`, or an unknown device that is only watched). */
export const VERDICT_OBSERVED = 2;
/** It went through; enforcing would have refused it (mode `shadow`). */
export const VERDICT_WOULD_REFUSE = 3;
export const VERDICT_REFUSED = 4;

/** The device id of a device that the policy does not name. */
export const UNKNOWN_DEVICE = 1;

export interface DetectEvent {
  kind: number;
  /** 1 is any unknown device; a known one is above. */
  deviceId: number;
  /** The device (true) or the network side sent this packet; later events: opened the connection. */
  fromDevice: boolean;
  /** 4, 6, or 0. */
  family: number;
  /** Tickets of an AddressTable; NO_ADDRESS where there is none. Local is the address on the device side. */
  local: number;
  peer: number;
  /** IANA number, NONE where there is none. */
  protocol: number;
  /** NONE where there is none. */
  srcPort: number;
  /** Destination port; ICMP: type * 256 + code; EVENT_ARP: 1 asks, 2 answers (RFC 826); NONE where there is none. */
  port: number;
  /** Of the first packet. EVENT_END of TCP: NONE where they are not known any more. */
  tcpFlags: number;
  /** EVENT_IP and EVENT_PAYLOAD of TCP: numbers of the packet's own data and of what it acknowledges (RFC 9293 section 3.1); NONE where not known. */
  sequence: number;
  acknowledged: number;
  verdict: number;
  /** 0: not refused; else 1 + index in REFUSAL_REASONS. */
  reason: number;
  /** Source MAC of the frame in halves of 24 bits; NONE where it is not known. EVENT_ARP: the sender that the packet claims. */
  macHigh: number;
  macLow: number;
  /**
   * EVENT_IP: what the first packet carries behind its transport header (a DNS question, an ICMP body); EVENT_PAYLOAD: the data. As far
   * as it was captured, and only until `observe` returns. Length 0: nothing.
   */
  bytes: Uint8Array;
  payloadOffset: number;
  payloadLength: number;
  /** EVENT_PAYLOAD: sent by the end that was contacted. */
  isReply: boolean;
  /** EVENT_ARP: asks one host that it knows whether it is still there (RFC 1122 section 2.3.2.1, RFC 4861 section 7.3), and looks for nobody. */
  isToOne: boolean;
  /** EVENT_IP: the frame went to all; false where its header was not captured. */
  isToAll: boolean;
  /** EVENT_END and EVENT_GOING only (which has no outcome), else 0. Out is away from the device. Bytes as conntrack counts them: IP headers included. */
  outcome: number;
  bytesOut: number;
  bytesIn: number;
  packetsOut: number;
  packetsIn: number;
  durationMs: number;
}

/** IEEE 802.3 section 3.2.3: the last bit of the first octet, in the upper half of a MAC. */
const GROUP_BIT = 0x01_00_00;
/** Half of the broadcast address. */
const ALL_ONES = 0xff_ff_ff;
/** The IP header without options (RFC 791 section 3.1, RFC 8200 section 3), and 8 bytes of UDP (RFC 768) or ICMP echo (RFC 792). */
const DATAGRAM_HEADER_IPV4 = 28;
const DATAGRAM_HEADER_IPV6 = 48;
/** In a TCP header, before the acknowledgement (RFC 9293 section 3.1). */
const SEQUENCE_OFFSET = 4;
const NO_BYTES = new Uint8Array(0);

export function createEvent(): DetectEvent {
  return {
    kind: EVENT_OTHER,
    deviceId: UNKNOWN_DEVICE,
    fromDevice: false,
    family: 0,
    local: NO_ADDRESS,
    peer: NO_ADDRESS,
    protocol: NONE,
    srcPort: NONE,
    port: NONE,
    tcpFlags: 0,
    // A fraction, so that V8 stores doubles from the start and numbers above 2^31 allocate nothing.
    sequence: 0.5,
    acknowledged: 0.5,
    verdict: VERDICT_OBSERVED,
    reason: 0,
    macHigh: NONE,
    macLow: NONE,
    bytes: NO_BYTES,
    payloadOffset: 0,
    payloadLength: 0,
    isReply: false,
    isToOne: false,
    isToAll: false,
    outcome: 0,
    bytesOut: 0.5,
    bytesIn: 0.5,
    packetsOut: 0.5,
    packetsIn: 0.5,
    durationMs: 0.5,
  };
}

/** The number that `reason` holds for a word of REFUSAL_REASONS. Cold path: look up once, keep the number. */
export function reasonIndex(reason: RefusalReason): number {
  return REFUSAL_REASONS.indexOf(reason) + 1;
}

/** The reverse; null for 0 and for what is no reason. */
export function reasonName(index: number): RefusalReason | null {
  return REFUSAL_REASONS[index - 1] ?? null;
}

/**
 * Fills the event from a decoded packet. `macHigh`/`macLow` are the source MAC of the frame (NONE if unknown); for EVENT_ARP
 * what the packet claims is taken where the frame's is not given. Allocates nothing.
 */
export function fillEvent(
  event: DetectEvent,
  view: PacketView,
  addresses: AddressTable,
  deviceId: number,
  fromDevice: boolean,
  verdict: number,
  reason: number,
  macHigh: number,
  macLow: number,
  bytes: Uint8Array = NO_BYTES,
): void {
  clearEvent(event);
  if (view.payloadOffset >= 0 && bytes !== NO_BYTES) {
    event.bytes = bytes;
    event.payloadOffset = view.payloadOffset;
    event.payloadLength = view.payloadLength;
  }
  event.deviceId = deviceId;
  event.fromDevice = fromDevice;
  event.verdict = verdict;
  event.reason = reason;
  event.isReply = false;
  event.macHigh = macHigh;
  event.macLow = macLow;
  event.family = view.family;
  event.protocol = view.protocol;
  event.srcPort = view.srcPort;
  event.port = view.dstPort;
  event.tcpFlags = view.tcpFlags;
  fillSequence(event, view, bytes);
  event.local = NO_ADDRESS;
  event.peer = NO_ADDRESS;
  let source = NO_ADDRESS;
  let destination = NO_ADDRESS;
  if (verdict !== VERDICT_REFUSED && bytes !== NO_BYTES && isNeighbourMessage(view)) {
    event.kind = EVENT_ARP;
    event.protocol = NONE;
    event.port = operationOf(view);
    source = neighbourSender(view, bytes, addresses);
    destination = neighbourTarget(view, bytes, addresses);
    event.isToOne = !isToGroup(view);
    if (macHigh === NONE) {
      event.macHigh = view.srcMacHigh;
      event.macLow = view.srcMacLow;
      claimMac(event, view, bytes);
    }
  } else if (view.family !== 0) {
    event.kind = EVENT_IP;
    source = addresses.intern(view.family, view.src0, view.src1, view.src2, view.src3);
    destination = addresses.intern(view.family, view.dst0, view.dst1, view.dst2, view.dst3);
    event.isToAll = view.dstMacHigh === ALL_ONES && view.dstMacLow === ALL_ONES;
    if (view.icmpType !== NONE) event.port = view.icmpType * 256 + view.icmpCode;
  } else if ((view.layers & LAYER_ARP) !== 0) {
    event.kind = EVENT_ARP;
    event.family = 4;
    event.port = view.arpOperation;
    event.isToOne = isFrameToOne(view);
    source = addresses.intern(4, view.arpSenderAddress, 0, 0, 0);
    destination = addresses.intern(4, view.arpTargetAddress, 0, 0, 0);
    if (macHigh === NONE) claimMac(event, view, bytes);
  } else {
    event.kind = EVENT_OTHER;
  }
  event.local = fromDevice ? source : destination;
  event.peer = fromDevice ? destination : source;
}

/** Of a TCP packet; NONE where its header was not captured so far. */
export function fillSequence(event: DetectEvent, view: PacketView, bytes: Uint8Array): void {
  const at = view.transportOffset + SEQUENCE_OFFSET;
  const isThere = view.protocol === PROTOCOL_TCP && view.transportOffset >= 0 && at + 8 <= bytes.length;
  event.sequence = isThere ? u32(bytes, at) : NONE;
  event.acknowledged = isThere && (view.tcpFlags & TCP_ACK) !== 0 ? u32(bytes, at + 4) : NONE;
}

/** False where the frame's header was not captured. */
function isFrameToOne({ dstMacHigh, dstMacLow }: PacketView): boolean {
  return (dstMacHigh | dstMacLow) !== 0 && (dstMacHigh & GROUP_BIT) === 0;
}

/** Back to nothing known, so that nothing of the event before shows through. */
export function clearEvent(event: DetectEvent): void {
  event.reason = 0;
  event.tcpFlags = 0;
  event.sequence = NONE;
  event.acknowledged = NONE;
  event.macHigh = NONE;
  event.macLow = NONE;
  event.bytes = NO_BYTES;
  event.payloadOffset = 0;
  event.payloadLength = 0;
  event.isReply = false;
  event.isToOne = false;
  event.isToAll = false;
  event.outcome = 0;
  event.bytesOut = 0;
  event.bytesIn = 0;
  event.packetsOut = 0;
  event.packetsIn = 0;
  event.durationMs = 0;
}

/**
 * Who the event is about, as one int31: the device, or for unknown devices (which share an id) the address on the device
 * side, negative so that the two never meet.
 */
export function subjectOf(event: DetectEvent): number {
  return event.deviceId > UNKNOWN_DEVICE ? event.deviceId : -event.local;
}

/** Both ports of a connection as one int32. */
export function portsOf(event: DetectEvent): number {
  return (event.srcPort << 16) | event.port;
}

/** A connection as one int32, which others share by chance. */
export function connectionHash(event: DetectEvent): number {
  return hash3(subjectOf(event), event.peer, portsOf(event));
}

/** By the end that opened the connection; the counters of EVENT_END and EVENT_GOING. */
export function packetsSent(event: DetectEvent): number {
  return event.fromDevice ? event.packetsOut : event.packetsIn;
}

/** By the end that opened it, from the one that was contacted. */
export function packetsReceived(event: DetectEvent): number {
  return event.fromDevice ? event.packetsIn : event.packetsOut;
}

export function bytesSent(event: DetectEvent): number {
  return event.fromDevice ? event.bytesOut : event.bytesIn;
}

export function bytesReceived(event: DetectEvent): number {
  return event.fromDevice ? event.bytesIn : event.bytesOut;
}

/** Of a UDP datagram or an ICMP echo, whose own headers are equally long: what counters of bytes hold beside the data. */
export function datagramHeaderBytes(event: DetectEvent): number {
  return event.family === 6 ? DATAGRAM_HEADER_IPV6 : DATAGRAM_HEADER_IPV4;
}

/** Protocol and port (or ICMP type and code) in one number below 2^24. */
export function serviceOf(event: DetectEvent): number {
  return ((event.protocol & 0xff) << 16) | (event.port & 0xffff);
}

/** ICMP that asks (RFC 792: echo 8, timestamp 13, information 15; RFC 950: mask 17; RFC 4443: echo 128): errors and answers are not probes. */
export function isIcmpRequest(event: DetectEvent): boolean {
  const type = event.port >> 8;
  if (event.protocol === PROTOCOL_ICMP) return type === 8 || type === 13 || type === 15 || type === 17;
  return event.protocol === PROTOCOL_ICMPV6 && type === 128;
}

/** "Who has": asks for another address. Probes for one's own (RFC 5227) and announcements ask for nobody. */
export function isArpRequest(event: DetectEvent): boolean {
  return event.kind === EVENT_ARP && event.port === ARP_REQUEST && event.local !== event.peer;
}

/** A byte of what the event carries; 0 behind its end. */
export function byteAt(event: DetectEvent, index: number): number {
  return index < event.payloadLength ? (event.bytes[event.payloadOffset + index] ?? 0) : 0;
}
