/**
 * Ethernet and VLAN tags, then whatever they carry. Called for captured frames (replay, captures with a link layer).
 * Never throws: a frame that ends early is a numbered problem.
 */
import { readArp } from './decode-arp.js';
import { readIp } from './decode-ip.js';
import { ETHERNET_SHORT, OK, VLAN_SHORT, VLAN_TOO_DEEP } from './problems.js';
import { u16, u24 } from './read.js';
import { LAYER_ETHERNET, LAYER_VLAN, NONE, resetView, type PacketView } from './view.js';

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;
/** IEEE 802.1Q customer tag, 802.1ad service tag, and the number used before 802.1ad. */
export const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_SERVICE_VLAN = 0x88a8;
const ETHERTYPE_OLD_SERVICE_VLAN = 0x9100;

const ETHERNET_HEADER_BYTES = 14;
const VLAN_TAG_BYTES = 4;
/** Tags read before a frame is called undecodable: a service and a customer tag. */
const MAX_VLAN_TAGS = 2;

/** `length` bytes from `offset` are one frame without its check sequence. Returns the problem code, 0 when fine. */
export function decodeEthernet(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  resetView(view);
  const end = Math.min(offset + length, bytes.length);
  view.problem = readEthernet(view, bytes, offset, end);
  return view.problem;
}

function readEthernet(view: PacketView, bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < ETHERNET_HEADER_BYTES) return ETHERNET_SHORT;
  view.layers |= LAYER_ETHERNET;
  view.dstMacHigh = u24(bytes, offset);
  view.dstMacLow = u24(bytes, offset + 3);
  view.srcMacHigh = u24(bytes, offset + 6);
  view.srcMacLow = u24(bytes, offset + 9);
  let etherType = u16(bytes, offset + 12);
  let at = offset + ETHERNET_HEADER_BYTES;
  view.etherType = etherType;
  for (let tags = 0; isVlanTag(etherType); tags++) {
    if (tags === MAX_VLAN_TAGS) return VLAN_TOO_DEEP;
    if (end - at < VLAN_TAG_BYTES) return VLAN_SHORT;
    const id = u16(bytes, at) & 0x0fff;
    if (view.vlanOuter === NONE) view.vlanOuter = id;
    else view.vlanInner = id;
    view.layers |= LAYER_VLAN;
    etherType = u16(bytes, at + 2);
    view.etherType = etherType;
    at += VLAN_TAG_BYTES;
  }
  if (etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6) return readIp(view, bytes, at, end);
  if (etherType === ETHERTYPE_ARP) return readArp(view, bytes, at, end);
  view.payloadOffset = at;
  view.payloadLength = end - at;
  return OK;
}

function isVlanTag(etherType: number): boolean {
  return (
    etherType === ETHERTYPE_VLAN ||
    etherType === ETHERTYPE_SERVICE_VLAN ||
    etherType === ETHERTYPE_OLD_SERVICE_VLAN
  );
}
