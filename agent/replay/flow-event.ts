/**
 * What the flow table keeps of a flow, into an event: what its first packet said, in the flow's notes, and what was counted, as conntrack has it
 * on a box (enforcer/end-event.ts). Called by replay.ts; allocates nothing.
 */
import type { AddressTable } from '../detect/address-table.js';
import {
  clearEvent,
  OUTCOME_ANSWERED,
  OUTCOME_NO_ANSWER,
  OUTCOME_REJECTED,
  type DetectEvent,
} from '../detect/event.js';
import type { FlowTable } from '../flow/flow-table.js';
import { NONE, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP } from '../packet/view.js';
import { NOT_OURS } from './replay-devices.js';

/** The device's number; negative: the other end opened it. */
export const NOTE_DEVICE = 0;
/** The opener's MAC; ICMP type and code or TCP flags with the verdict; tickets. */
const NOTE_MAC_HIGH = 1;
const NOTE_MAC_LOW = 2;
const NOTE_VERDICT = 3;
const NOTE_LOCAL = 4;
const NOTE_PEER = 5;

/** Of the event that its first packet became; the device is noted by the caller. */
export function noteFirst(event: DetectEvent, table: FlowTable, flow: number): void {
  const first = isIcmp(event.protocol) ? event.port : event.tcpFlags;
  table.setNote(flow, NOTE_MAC_HIGH, event.macHigh);
  table.setNote(flow, NOTE_MAC_LOW, event.macLow);
  table.setNote(flow, NOTE_VERDICT, (first << 16) | event.verdict);
  table.setNote(flow, NOTE_LOCAL, event.local);
  table.setNote(flow, NOTE_PEER, event.peer);
}

/** Fills the event with what the first packet of a flow said. False: the flow is nobody's. */
export function recallFirst(
  event: DetectEvent,
  table: FlowTable,
  addresses: AddressTable,
  flow: number,
): boolean {
  const device = table.note(flow, NOTE_DEVICE);
  if (device === NOT_OURS) return false;
  clearEvent(event);
  event.deviceId = Math.abs(device);
  event.fromDevice = device > 0;
  event.macHigh = table.note(flow, NOTE_MAC_HIGH);
  event.macLow = table.note(flow, NOTE_MAC_LOW);
  event.family = table.family(flow);
  event.protocol = table.protocol(flow);
  const packed = table.note(flow, NOTE_VERDICT);
  event.verdict = packed & 7;
  event.srcPort = isIcmp(event.protocol) ? NONE : table.openerPort(flow);
  event.port = isIcmp(event.protocol) ? packed >>> 16 : table.answererPort(flow);
  event.tcpFlags = event.protocol === PROTOCOL_TCP ? packed >>> 16 : 0;
  event.local = ticketOf(table, addresses, flow, NOTE_LOCAL, event.fromDevice);
  event.peer = ticketOf(table, addresses, flow, NOTE_PEER, !event.fromDevice);
  return true;
}

/** The one that was noted, or another if its address had to make room in between. */
function ticketOf(
  table: FlowTable,
  addresses: AddressTable,
  flow: number,
  note: number,
  isOpener: boolean,
): number {
  const ticket = table.note(flow, note);
  if (addresses.see(ticket)) return ticket;
  const at = isOpener ? 0 : 4;
  const word = (index: number): number => table.word(flow, at + index);
  return addresses.intern(table.family(flow), word(0), word(1), word(2), word(3));
}

function isIcmp(protocol: number): boolean {
  return protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
}

export function fillCounters(event: DetectEvent, table: FlowTable, flow: number): void {
  const out = event.fromDevice ? 0 : 1;
  event.bytesOut = table.bytes(flow, out);
  event.bytesIn = table.bytes(flow, 1 - out);
  event.packetsOut = table.packets(flow, out);
  event.packetsIn = table.packets(flow, 1 - out);
  event.durationMs = table.lastedMs(flow);
}

export function outcomeOf(table: FlowTable, flow: number): number {
  if (table.wasEstablished(flow)) return OUTCOME_ANSWERED;
  return table.hasReply(flow) || table.wasRejected(flow) ? OUTCOME_REJECTED : OUTCOME_NO_ANSWER;
}
