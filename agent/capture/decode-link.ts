/**
 * Link layers of captures other than Ethernet, then IP or ARP (https://www.tcpdump.org/linktypes.html): BSD loopback, raw IP,
 * Linux cooked v1 and v2, PPP, PPPoE, 802.11 and what nfnetlink_log gives. Fills the same view as packet/decode-ethernet.ts. Never throws.
 */
import { decodeEthernet, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../packet/decode-ethernet.js';
import { decodeIp } from '../packet/decode-ip.js';
import { u16, u8 } from '../packet/read.js';
import type { PacketView } from '../packet/view.js';
import { decodeNflog } from './decode-nflog.js';
import { decodeRadiotap, decodeWireless } from './decode-wireless.js';
import { decodePayload, nothingInside, setSourceMac, tooShort } from './link-payload.js';

/** The frame was not looked at: this link type is not read. No problem code of packet/problems.ts is negative. */
export const UNSUPPORTED_LINK = -1;

export const LINK_ETHERNET = 1;

type LinkDecoder = (view: PacketView, bytes: Uint8Array, offset: number, length: number) => number;

/** By LINKTYPE_ value; the low ones of raw IP are what BSD systems wrote for it. */
const DECODERS: ReadonlyMap<number, LinkDecoder> = new Map([
  [0, decodeLoopback],
  [LINK_ETHERNET, decodeEthernet],
  [9, decodePpp],
  [12, decodeIp],
  [14, decodeIp],
  [50, decodePpp],
  [51, decodePppoe],
  [101, decodeIp],
  [105, decodeWireless],
  [108, decodeLoopback],
  [113, decodeCooked],
  [127, decodeRadiotap],
  [228, decodeIp],
  [229, decodeIp],
  [239, decodeNflog],
  [276, decodeCooked2],
]);

const COOKED_BYTES = 16;
const COOKED_2_BYTES = 20;
const LOOPBACK_BYTES = 4;
const PPPOE_BYTES = 6;
const MAC_BYTES = 6;
/** AF_INET is 2 everywhere; IPv6 is 24, 28 or 30 in the BSDs and 10 in Linux: the IP version says which. */
const LOOPBACK_FAMILIES: readonly number[] = [2, 10, 24, 28, 30];
/** RFC 1662 section 3.1: all stations, unnumbered information. */
const PPP_ADDRESS_AND_CONTROL = 0xff03;
/** RFC 1332 section 2.1 and RFC 5072 section 3. */
const PPP_IPV4 = 0x0021;
const PPP_IPV6 = 0x0057;

/** Returns a code of packet/problems.ts, or UNSUPPORTED_LINK. */
export function decodeLink(
  view: PacketView,
  linkType: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): number {
  if (linkType === LINK_ETHERNET) return decodeEthernet(view, bytes, offset, length);
  return DECODERS.get(linkType)?.(view, bytes, offset, length) ?? UNSUPPORTED_LINK;
}

function decodeLoopback(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  if (length < LOOPBACK_BYTES) return tooShort(view);
  // In the byte order of whoever captured: a family is below 256, so it is the first or the last byte.
  const family = u8(bytes, offset) | u8(bytes, offset + 3);
  if (!LOOPBACK_FAMILIES.includes(family)) return nothingInside(view);
  return decodeIp(view, bytes, offset + LOOPBACK_BYTES, length - LOOPBACK_BYTES);
}

function decodeCooked(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  if (length < COOKED_BYTES) return tooShort(view);
  const inside = offset + COOKED_BYTES;
  const problem = decodePayload(view, u16(bytes, offset + 14), bytes, inside, length - COOKED_BYTES);
  if (u16(bytes, offset + 4) === MAC_BYTES) setSourceMac(view, bytes, offset + 6);
  return problem;
}

function decodeCooked2(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  if (length < COOKED_2_BYTES) return tooShort(view);
  const inside = offset + COOKED_2_BYTES;
  const problem = decodePayload(view, u16(bytes, offset), bytes, inside, length - COOKED_2_BYTES);
  if (u8(bytes, offset + 11) === MAC_BYTES) setSourceMac(view, bytes, offset + 12);
  return problem;
}

/** With or without address and control (RFC 1661 section 6.6), the protocol in one byte where it is odd (section 6.5). */
function decodePpp(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  const end = offset + length;
  let at = offset;
  if (length >= 2 && u16(bytes, at) === PPP_ADDRESS_AND_CONTROL) at += 2;
  if (end - at < 2) return tooShort(view);
  const isShort = (u8(bytes, at) & 1) === 1;
  const protocol = isShort ? u8(bytes, at) : u16(bytes, at);
  at += isShort ? 1 : 2;
  if (protocol === PPP_IPV4) return decodePayload(view, ETHERTYPE_IPV4, bytes, at, end - at);
  if (protocol === PPP_IPV6) return decodePayload(view, ETHERTYPE_IPV6, bytes, at, end - at);
  return nothingInside(view);
}

/** RFC 2516 section 4: code 0 is a session, what a session carries is PPP. */
function decodePppoe(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  if (length < PPPOE_BYTES) return tooShort(view);
  if (u8(bytes, offset + 1) !== 0) return nothingInside(view);
  return decodePpp(view, bytes, offset + PPPOE_BYTES, length - PPPOE_BYTES);
}
