/** What link layers other than Ethernet have in common: a protocol by its EtherType, or nothing that is read here. Never throws. */
import { decodeArp } from '../packet/decode-arp.js';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../packet/decode-ethernet.js';
import { decodeIp } from '../packet/decode-ip.js';
import { ETHERNET_SHORT, OK } from '../packet/problems.js';
import { u24 } from '../packet/read.js';
import { resetView, type PacketView } from '../packet/view.js';

/** Returns a code of packet/problems.ts; the view knows no MAC yet. */
export function decodePayload(
  view: PacketView,
  etherType: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): number {
  let problem = OK;
  if (etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6)
    problem = decodeIp(view, bytes, offset, length);
  else if (etherType === ETHERTYPE_ARP) problem = decodeArp(view, bytes, offset, length);
  else resetView(view);
  view.etherType = etherType;
  return problem;
}

export function setSourceMac(view: PacketView, bytes: Uint8Array, at: number): void {
  view.srcMacHigh = u24(bytes, at);
  view.srcMacLow = u24(bytes, at + 3);
}

export function setDestinationMac(view: PacketView, bytes: Uint8Array, at: number): void {
  view.dstMacHigh = u24(bytes, at);
  view.dstMacLow = u24(bytes, at + 3);
}

/** A frame that is whole and carries nothing that is read here. */
export function nothingInside(view: PacketView): number {
  resetView(view);
  return OK;
}

export function tooShort(view: PacketView): number {
  resetView(view);
  view.problem = ETHERNET_SHORT;
  return ETHERNET_SHORT;
}
