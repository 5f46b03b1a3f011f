/**
 * ARP (RFC 826) and neighbour discovery (RFC 4861 sections 4.1 to 4.4): which address a MAC answers to. Decoded by packet/; this says what it
 * means. Never a probe's target (RFC 5227): that address is not taken yet.
 */
import { formatAddress, formatMac } from '../../packet/format.js';
import { s32, u24, u8 } from '../../packet/read.js';
import type { PacketView } from '../../packet/view.js';

/** An address that its owner has told on the link. */
export interface Claim {
  readonly mac: string;
  readonly address: string;
  readonly source: 'arp' | 'nd';
  readonly isRouter: boolean;
}

export function readArpClaim(view: PacketView): Claim | null {
  if (view.arpSenderAddress === 0 || isGroup(view.arpSenderMacHigh)) return null;
  if (view.arpSenderMacHigh === 0 && view.arpSenderMacLow === 0) return null;
  return {
    mac: formatMac(view.arpSenderMacHigh, view.arpSenderMacLow),
    address: formatAddress(4, view.arpSenderAddress, 0, 0, 0),
    source: 'arp',
    isRouter: false,
  };
}

const ROUTER_ADVERTISEMENT = 134;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;
const OPTION_SOURCE_MAC = 1;
const OPTION_TARGET_MAC = 2;
const MAX_OPTIONS = 8;
const ROUTER_FLAG = 0x80;
/** RFC 4861 section 11.2: what a router passed on has less. */
const ON_LINK_HOP_LIMIT = 255;

/** `start` is behind the first four bytes of the ICMPv6 message, as a view gives its payload. */
export function readNeighbourClaim(
  view: PacketView,
  bytes: Uint8Array,
  start: number,
  end: number,
): Claim | null {
  if (view.hopLimit !== ON_LINK_HOP_LIMIT || view.icmpCode !== 0) return null;
  if (view.icmpType === NEIGHBOUR_ADVERTISEMENT) {
    if (end - start < 20) return null;
    const mac = linkAddress(bytes, start + 20, end, OPTION_TARGET_MAC) ?? senderMac(view);
    const address = ipv6(bytes, start + 4);
    return mac === null
      ? null
      : { mac, address, source: 'nd', isRouter: (u8(bytes, start) & ROUTER_FLAG) !== 0 };
  }
  const isRouter = view.icmpType === ROUTER_ADVERTISEMENT;
  if (!isRouter && view.icmpType !== NEIGHBOUR_SOLICITATION) return null;
  // Duplicate address detection asks from the unspecified address.
  if (view.src0 === 0) return null;
  const mac = linkAddress(bytes, start + (isRouter ? 12 : 20), end, OPTION_SOURCE_MAC) ?? senderMac(view);
  if (mac === null) return null;
  const address = formatAddress(6, view.src0, view.src1, view.src2, view.src3);
  return { mac, address, source: 'nd', isRouter };
}

function linkAddress(bytes: Uint8Array, from: number, end: number, type: number): string | null {
  let at = from;
  for (let seen = 0; seen < MAX_OPTIONS && at + 8 <= end; seen++) {
    const length = u8(bytes, at + 1) * 8;
    if (length === 0) return null;
    if (u8(bytes, at) === type && length === 8 && !isGroup(u24(bytes, at + 2)))
      return formatMac(u24(bytes, at + 2), u24(bytes, at + 5));
    at += length;
  }
  return null;
}

function senderMac(view: PacketView): string | null {
  if (isGroup(view.srcMacHigh) || (view.srcMacHigh === 0 && view.srcMacLow === 0)) return null;
  return formatMac(view.srcMacHigh, view.srcMacLow);
}

function isGroup(macHigh: number): boolean {
  return (macHigh & 0x010000) !== 0;
}

function ipv6(bytes: Uint8Array, at: number): string {
  return formatAddress(
    6,
    s32(bytes, at) >>> 0,
    s32(bytes, at + 4) >>> 0,
    s32(bytes, at + 8) >>> 0,
    s32(bytes, at + 12) >>> 0,
  );
}
