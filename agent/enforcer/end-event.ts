/** The end of a connection, or what it is until now, as ctnetlink tells it, into the event that detectors are fed. Called by evidence.ts; allocates nothing. */
import type { AddressTable } from '../detect/address-table.js';
import {
  EVENT_END,
  EVENT_GOING,
  OUTCOME_ANSWERED,
  OUTCOME_NO_ANSWER,
  OUTCOME_REJECTED,
  clearEvent,
  type DetectEvent,
} from '../detect/event.js';
import type { ConntrackRecord } from '../netlink/conntrack.js';
import { u32 } from '../packet/read.js';
import {
  NONE,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_SYN,
} from '../packet/view.js';
import { DEVICE_MASK, OPENED } from '../ruleset/marks.js';
import { verdictOfConnection } from './mark-verdict.js';

/** enum ip_conntrack_status of linux/netfilter/nf_conntrack_common.h. Assured: for TCP and SCTP, the handshake was completed. */
const SEEN_REPLY = 2;
const ASSURED = 4;
/** Index: enum tcp_conntrack (syn_sent, syn_recv, established, fin_wait, close_wait, last_ack, time_wait, close, syn_sent2). */
const TCP_IDLE_MS: readonly number[] = [
  0, 120_000, 60_000, 0, 120_000, 60_000, 30_000, 120_000, 10_000, 120_000,
];

/** A live connection, as a dump has it. False for one of no device: nothing is filled then. */
export function fillGoing(
  event: DetectEvent,
  record: Readonly<ConntrackRecord>,
  addresses: AddressTable,
  nowMs: number,
): boolean {
  if (!fillEnd(event, record, addresses)) return false;
  event.kind = EVENT_GOING;
  event.outcome = 0;
  event.durationMs = record.startedMs < 0 ? 0 : Math.max(0, Math.round(nowMs - record.startedMs));
  return true;
}

/** The states in which only a SYN can be. */
const OPENED_BY_SYN = new Set([1, 2, 9]);

/** False for a connection of no device: nothing is filled then. */
export function fillEnd(
  event: DetectEvent,
  record: Readonly<ConntrackRecord>,
  addresses: AddressTable,
): boolean {
  const deviceId = record.mark & DEVICE_MASK;
  if (deviceId === 0) return false;
  clearEvent(event);
  const { original } = record;
  event.kind = EVENT_END;
  event.deviceId = deviceId;
  event.fromDevice = (record.mark & OPENED) !== 0;
  event.family = record.family;
  event.protocol = record.protocol;
  const isIcmp = record.protocol === PROTOCOL_ICMP || record.protocol === PROTOCOL_ICMPV6;
  event.srcPort = isIcmp ? NONE : original.sourcePort;
  event.port = isIcmp ? original.icmpType * 256 + original.icmpCode : original.destinationPort;
  if (record.protocol === PROTOCOL_TCP) event.tcpFlags = OPENED_BY_SYN.has(record.tcpState) ? TCP_SYN : NONE;
  const source = ticketOf(record, original.sourceOffset, addresses);
  const destination = ticketOf(record, original.destinationOffset, addresses);
  event.local = event.fromDevice ? source : destination;
  event.peer = event.fromDevice ? destination : source;
  event.verdict = verdictOfConnection(record.mark);
  event.outcome = outcomeOf(record);
  event.bytesOut = Math.max(0, event.fromDevice ? record.bytesOut : record.bytesIn);
  event.bytesIn = Math.max(0, event.fromDevice ? record.bytesIn : record.bytesOut);
  event.packetsOut = Math.max(0, event.fromDevice ? record.packetsOut : record.packetsIn);
  event.packetsIn = Math.max(0, event.fromDevice ? record.packetsIn : record.packetsOut);
  event.durationMs = Math.max(0, Math.round(record.durationMs - idleMs(record)));
  return true;
}

function outcomeOf(record: Readonly<ConntrackRecord>): number {
  if ((record.status & SEEN_REPLY) === 0) return OUTCOME_NO_ANSWER;
  // An ABORT (RFC 9260 section 3.3.7) or a reset is an answer of a closed port.
  const hasHandshake = record.protocol === PROTOCOL_TCP || record.protocol === PROTOCOL_SCTP;
  if (!hasHandshake || (record.status & ASSURED) !== 0) return OUTCOME_ANSWERED;
  return OUTCOME_REJECTED;
}

/**
 * How long the kernel kept the entry after its last packet, by the state that it died in: the defaults of
 * Documentation/networking/nf_conntrack-sysctl.rst. An established one does not die of age (5 days): it was deleted. What remains is up to a
 * minute too long: that often the kernel looks for what is over (GC_SCAN_INTERVAL_MAX, net/netfilter/nf_conntrack_core.c).
 */
function idleMs(record: Readonly<ConntrackRecord>): number {
  if (record.protocol === PROTOCOL_TCP) return TCP_IDLE_MS[record.tcpState] ?? 0;
  if (record.protocol === PROTOCOL_UDP) return (record.status & ASSURED) === 0 ? 30_000 : 120_000;
  return 30_000;
}

function ticketOf(record: Readonly<ConntrackRecord>, offset: number, addresses: AddressTable): number {
  const { buffer } = record;
  if (record.family === 4) return addresses.intern(4, u32(buffer, offset), 0, 0, 0);
  return addresses.intern(
    6,
    u32(buffer, offset),
    u32(buffer, offset + 4),
    u32(buffer, offset + 8),
    u32(buffer, offset + 12),
  );
}
