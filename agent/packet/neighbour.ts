/**
 * Neighbour solicitations and advertisements (RFC 4861 sections 4.3 and 4.4), which are to IPv6 what ARP is to IPv4: what is where in one that
 * packet/decode-ip.ts has decoded. Offsets are into the bytes of the view. Allocates nothing, never throws.
 */
import { u24, u8 } from './read.js';
import { LAYER_ICMPV6, NONE, type PacketView } from './view.js';

/** Section 4.2; no neighbour message, but under the same rules. */
export const ROUTER_ADVERTISEMENT = 134;
export const NEIGHBOUR_SOLICITATION = 135;
export const NEIGHBOUR_ADVERTISEMENT = 136;
/** Link-layer address of the sender, and of the target (section 4.6.1). */
export const OPTION_SOURCE_MAC = 1;
export const OPTION_TARGET_MAC = 2;
/** "This replaces what you know": not set for anycast addresses and by proxies (sections 7.2.7 and 7.2.8). */
const OVERRIDE_FLAG = 0x20;
/** Section 7.1: what a router passed on has less, and is not listened to. */
export const ON_LINK_HOP_LIMIT = 255;
/** Flags or nothing, and the target: behind type, code and checksum, as a view gives the payload. */
const FLAGS_BYTES = 4;
const TARGET_BYTES = 16;
const MAX_OPTIONS = 8;

/** One that a host would listen to. */
export function isNeighbourMessage(view: PacketView): boolean {
  return (
    (view.icmpType === NEIGHBOUR_SOLICITATION || view.icmpType === NEIGHBOUR_ADVERTISEMENT) &&
    (view.layers & LAYER_ICMPV6) !== 0 &&
    view.icmpCode === 0 &&
    view.hopLimit === ON_LINK_HOP_LIMIT &&
    !view.isFragment &&
    view.payloadLength >= FLAGS_BYTES + TARGET_BYTES
  );
}

export function targetOffset(view: PacketView): number {
  return view.payloadOffset + FLAGS_BYTES;
}

export function isOverride(view: PacketView, bytes: Uint8Array): boolean {
  return (u8(bytes, view.payloadOffset) & OVERRIDE_FLAG) !== 0;
}

/** The MAC in the option that belongs to the message; NONE where it has none. */
export function linkAddressOffset(view: PacketView, bytes: Uint8Array): number {
  const type = view.icmpType === NEIGHBOUR_ADVERTISEMENT ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC;
  const from = targetOffset(view) + TARGET_BYTES;
  return findLinkAddress(bytes, from, view.payloadOffset + view.payloadLength, type);
}

/** Among options from `from` on: where the six bytes of an option of this type are; NONE where there is none, or a group's address in it. */
export function findLinkAddress(bytes: Uint8Array, from: number, end: number, type: number): number {
  let at = from;
  for (let seen = 0; seen < MAX_OPTIONS && at + 8 <= end; seen++) {
    const length = u8(bytes, at + 1) * 8;
    if (length === 0) return NONE;
    if (u8(bytes, at) === type && length === 8 && !isGroupMac(u24(bytes, at + 2))) return at + 2;
    at += length;
  }
  return NONE;
}

/** `macHigh`: the first 24 bits. */
export function isGroupMac(macHigh: number): boolean {
  return (macHigh & 0x010000) !== 0;
}
