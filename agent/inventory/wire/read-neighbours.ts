/**
 * ARP (RFC 826) and neighbour discovery (RFC 4861 sections 4.1 to 4.4): which address a MAC answers to. Decoded by packet/; this says what it
 * means. Never a probe's target (RFC 5227): that address is not taken yet.
 */
import { formatAddress, formatMac } from '../../packet/format.js';
import {
  findLinkAddress,
  isGroupMac,
  isNeighbourMessage,
  NEIGHBOUR_ADVERTISEMENT,
  ON_LINK_HOP_LIMIT,
  OPTION_SOURCE_MAC,
  ROUTER_ADVERTISEMENT,
  targetOffset,
  linkAddressOffset,
} from '../../packet/neighbour.js';
import { s32, u24, u8 } from '../../packet/read.js';
import { NONE, type PacketView } from '../../packet/view.js';

/** An address that its owner has told on the link. */
export interface Claim {
  readonly mac: string;
  readonly address: string;
  readonly source: 'arp' | 'nd';
  readonly isRouter: boolean;
}

export function readArpClaim(view: PacketView): Claim | null {
  if (view.arpSenderAddress === 0 || isGroupMac(view.arpSenderMacHigh)) return null;
  if (view.arpSenderMacHigh === 0 && view.arpSenderMacLow === 0) return null;
  return {
    mac: formatMac(view.arpSenderMacHigh, view.arpSenderMacLow),
    address: formatAddress(4, view.arpSenderAddress, 0, 0, 0),
    source: 'arp',
    isRouter: false,
  };
}

const ROUTER_FLAG = 0x80;

/** `start` is behind the first four bytes of the ICMPv6 message, as a view gives its payload. */
export function readNeighbourClaim(
  view: PacketView,
  bytes: Uint8Array,
  start: number,
  end: number,
): Claim | null {
  if (view.icmpType === ROUTER_ADVERTISEMENT) {
    if (view.hopLimit !== ON_LINK_HOP_LIMIT || view.icmpCode !== 0) return null;
    return claimOfSource(view, bytes, findLinkAddress(bytes, start + 12, end, OPTION_SOURCE_MAC), true);
  }
  if (!isNeighbourMessage(view)) return null;
  const option = linkAddressOffset(view, bytes);
  if (view.icmpType !== NEIGHBOUR_ADVERTISEMENT) return claimOfSource(view, bytes, option, false);
  const mac = macAt(view, bytes, option);
  const isRouter = (u8(bytes, start) & ROUTER_FLAG) !== 0;
  return mac === null ? null : { mac, address: ipv6(bytes, targetOffset(view)), source: 'nd', isRouter };
}

function claimOfSource(view: PacketView, bytes: Uint8Array, option: number, isRouter: boolean): Claim | null {
  // Duplicate address detection asks from the unspecified address.
  if (view.src0 === 0) return null;
  const mac = macAt(view, bytes, option);
  const address = formatAddress(6, view.src0, view.src1, view.src2, view.src3);
  return mac === null ? null : { mac, address, source: 'nd', isRouter };
}

/** What an option says, or who sent the frame. */
function macAt(view: PacketView, bytes: Uint8Array, option: number): string | null {
  return option === NONE ? senderMac(view) : formatMac(u24(bytes, option), u24(bytes, option + 3));
}

function senderMac(view: PacketView): string | null {
  if (isGroupMac(view.srcMacHigh) || (view.srcMacHigh === 0 && view.srcMacLow === 0)) return null;
  return formatMac(view.srcMacHigh, view.srcMacLow);
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
