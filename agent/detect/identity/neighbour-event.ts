/**
 * Neighbour discovery (RFC 4861) told as ARP is, so that whatever is found in ARP is found in IPv6 too: who asks for whom, and who says that an
 * address is at a MAC. Used by event.ts. Allocates nothing.
 */
import {
  isOverride,
  linkAddressOffset,
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
  targetOffset,
} from '../../packet/neighbour.js';
import { ARP_REPLY, ARP_REQUEST } from '../../packet/decode-arp.js';
import { s32, u24 } from '../../packet/read.js';
import { isToGroup, LAYER_ARP, NONE, type PacketView } from '../../packet/view.js';
import type { AddressTable } from '../address-table.js';

/** RFC 826's operation. */
export function operationOf(view: PacketView): number {
  return view.icmpType === NEIGHBOUR_SOLICITATION ? ARP_REQUEST : ARP_REPLY;
}

/** Ticket of whose address is told: of an advertisement the target, not the source. */
export function neighbourSender(view: PacketView, bytes: Uint8Array, addresses: AddressTable): number {
  return view.icmpType === NEIGHBOUR_ADVERTISEMENT
    ? targetOf(view, bytes, addresses)
    : addresses.intern(6, view.src0, view.src1, view.src2, view.src3);
}

/** Ticket of who is asked for, or of who is answered; an advertisement to all is an announcement, and about its own sender. */
export function neighbourTarget(view: PacketView, bytes: Uint8Array, addresses: AddressTable): number {
  return view.icmpType === NEIGHBOUR_SOLICITATION || isToGroup(view)
    ? targetOf(view, bytes, addresses)
    : addresses.intern(6, view.dst0, view.dst1, view.dst2, view.dst3);
}

function targetOf(view: PacketView, bytes: Uint8Array, addresses: AddressTable): number {
  const at = targetOffset(view);
  return addresses.intern(
    6,
    s32(bytes, at) >>> 0,
    s32(bytes, at + 4) >>> 0,
    s32(bytes, at + 8) >>> 0,
    s32(bytes, at + 12) >>> 0,
  );
}

/**
 * Sets the MAC that an EVENT_ARP claims its address for. Where neighbour discovery has no option, it is the frame's, which the event has already.
 * NONE for an advertisement that replaces nothing, as of an anycast address, which several may have.
 */
export function claimMac(
  event: { macHigh: number; macLow: number },
  view: PacketView,
  bytes: Uint8Array,
): void {
  if ((view.layers & LAYER_ARP) !== 0) {
    event.macHigh = view.arpSenderMacHigh;
    event.macLow = view.arpSenderMacLow;
    return;
  }
  if (view.icmpType === NEIGHBOUR_ADVERTISEMENT && !isOverride(view, bytes)) {
    event.macHigh = NONE;
    event.macLow = NONE;
    return;
  }
  const at = linkAddressOffset(view, bytes);
  if (at === NONE) return;
  event.macHigh = u24(bytes, at);
  event.macLow = u24(bytes, at + 3);
}
