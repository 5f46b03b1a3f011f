/**
 * Link layers of captures other than Ethernet, then IP or ARP (https://www.tcpdump.org/linktypes.html): BSD loopback, raw IP,
 * Linux cooked v1 and v2. Fills the same view as packet/decode-ethernet.ts. Never throws.
 */
import { decodeArp } from '../packet/decode-arp.js';
import { decodeEthernet, ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../packet/decode-ethernet.js';
import { decodeIp } from '../packet/decode-ip.js';
import { ETHERNET_SHORT, OK } from '../packet/problems.js';
import { u16, u24, u8 } from '../packet/read.js';
import { resetView, type PacketView } from '../packet/view.js';

/** The frame was not looked at: this link type is not read. No problem code of packet/problems.ts is negative. */
export const UNSUPPORTED_LINK = -1;

const LINK_NULL = 0;
export const LINK_ETHERNET = 1;
const LINK_LOOP = 108;
const LINK_COOKED = 113;
const LINK_COOKED_2 = 276;
/** LINKTYPE_RAW, and the numbers that BSD systems wrote for it; LINKTYPE_IPV4 and LINKTYPE_IPV6. */
const RAW_LINKS: readonly number[] = [101, 12, 14, 228, 229];

const COOKED_BYTES = 16;
const COOKED_2_BYTES = 20;
const LOOPBACK_BYTES = 4;
const MAC_BYTES = 6;
/** AF_INET is 2 everywhere; IPv6 is 24, 28 or 30 in the BSDs and 10 in Linux: the IP version says which. */
const LOOPBACK_FAMILIES: readonly number[] = [2, 10, 24, 28, 30];

/** Returns a code of packet/problems.ts, or UNSUPPORTED_LINK. */
export function decodeLink(
  view: PacketView,
  linkType: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): number {
  if (linkType === LINK_ETHERNET) return decodeEthernet(view, bytes, offset, length);
  if (linkType === LINK_COOKED) return decodeCooked(view, bytes, offset, length, COOKED_BYTES, 14, 4, 6);
  if (linkType === LINK_COOKED_2) return decodeCooked(view, bytes, offset, length, COOKED_2_BYTES, 0, 10, 12);
  if (RAW_LINKS.includes(linkType)) return decodeIp(view, bytes, offset, length);
  if (linkType !== LINK_NULL && linkType !== LINK_LOOP) return UNSUPPORTED_LINK;
  if (length < LOOPBACK_BYTES) return tooShort(view);
  // In the byte order of whoever captured: a family is below 256, so it is the first or the last byte.
  const family = u8(bytes, offset) | u8(bytes, offset + 3);
  if (!LOOPBACK_FAMILIES.includes(family)) return nothingInside(view);
  return decodeIp(view, bytes, offset + LOOPBACK_BYTES, length - LOOPBACK_BYTES);
}

/** `typeAt`, `lengthAt` (last byte of the address length in v1, the only one in v2) and `macAt` differ between the versions. */
function decodeCooked(
  view: PacketView,
  bytes: Uint8Array,
  offset: number,
  length: number,
  headerBytes: number,
  typeAt: number,
  lengthAt: number,
  macAt: number,
): number {
  if (length < headerBytes) return tooShort(view);
  const etherType = u16(bytes, offset + typeAt);
  const problem = decodeInside(view, etherType, bytes, offset + headerBytes, length - headerBytes);
  const addressBytes =
    headerBytes === COOKED_BYTES ? u16(bytes, offset + lengthAt) : u8(bytes, offset + lengthAt + 1);
  view.etherType = etherType;
  if (addressBytes === MAC_BYTES) {
    view.srcMacHigh = u24(bytes, offset + macAt);
    view.srcMacLow = u24(bytes, offset + macAt + 3);
  }
  return problem;
}

function decodeInside(
  view: PacketView,
  etherType: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): number {
  if (etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6)
    return decodeIp(view, bytes, offset, length);
  if (etherType === ETHERTYPE_ARP) return decodeArp(view, bytes, offset, length);
  return nothingInside(view);
}

function nothingInside(view: PacketView): number {
  resetView(view);
  return OK;
}

function tooShort(view: PacketView): number {
  resetView(view);
  view.problem = ETHERNET_SHORT;
  return ETHERNET_SHORT;
}
