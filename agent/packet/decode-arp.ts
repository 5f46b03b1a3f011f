/**
 * ARP for IPv4 over Ethernet (RFC 826): the only kind that the box forwards or that a spoofer uses. Called with the bytes
 * after the Ethernet header, as NFLOG gives them in the bridge and arp families. Never throws.
 */
import { ARP_NOT_ETHERNET_IPV4, ARP_SHORT, OK } from './problems.js';
import { u16, u24, s32, u8 } from './read.js';
import { LAYER_ARP, resetView, type PacketView } from './view.js';

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

const ARP_BYTES = 28;
const HARDWARE_ETHERNET = 1;
const PROTOCOL_TYPE_IPV4 = 0x0800;

/** Returns the problem code, 0 when fine. */
export function decodeArp(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  resetView(view);
  view.problem = readArp(view, bytes, offset, Math.min(offset + length, bytes.length));
  return view.problem;
}

/** For decoders of this room: fills a view that is already reset; `end` is exclusive and within the buffer. */
export function readArp(view: PacketView, bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < 8) return ARP_SHORT;
  view.arpOperation = u16(bytes, offset + 6);
  const isEthernetIpv4 =
    u16(bytes, offset) === HARDWARE_ETHERNET &&
    u16(bytes, offset + 2) === PROTOCOL_TYPE_IPV4 &&
    u8(bytes, offset + 4) === 6 &&
    u8(bytes, offset + 5) === 4;
  if (!isEthernetIpv4) return ARP_NOT_ETHERNET_IPV4;
  if (end - offset < ARP_BYTES) return ARP_SHORT;
  view.arpSenderMacHigh = u24(bytes, offset + 8);
  view.arpSenderMacLow = u24(bytes, offset + 11);
  view.arpSenderAddress = s32(bytes, offset + 14) >>> 0;
  view.arpTargetMacHigh = u24(bytes, offset + 18);
  view.arpTargetMacLow = u24(bytes, offset + 21);
  view.arpTargetAddress = s32(bytes, offset + 24) >>> 0;
  view.layers |= LAYER_ARP;
  return OK;
}
