/**
 * What `tcpdump -i nflog:GROUP` writes on a Linux firewall (https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html): the
 * attributes of nfnetlink_log, in the byte order of the machine that captured, one of them the packet from its IP header on.
 * Never throws.
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../packet/decode-ethernet.js';
import { le16, u16, u8 } from '../packet/read.js';
import { NONE, type PacketView } from '../packet/view.js';
import { decodePayload, nothingInside, setSourceMac, tooShort } from './link-payload.js';

const HEADER_BYTES = 4;
const ATTRIBUTE_BYTES = 4;
/** linux/netfilter/nfnetlink_log.h. */
const PACKET_HEADER = 1;
const HARDWARE_ADDRESS = 8;
const PAYLOAD = 9;
const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 10;
const MAC_BYTES = 6;

export function decodeNflog(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  if (length < HEADER_BYTES + ATTRIBUTE_BYTES) return tooShort(view);
  const family = u8(bytes, offset);
  let etherType = family === FAMILY_IPV4 ? ETHERTYPE_IPV4 : family === FAMILY_IPV6 ? ETHERTYPE_IPV6 : NONE;
  let macAt = NONE;
  const end = offset + length;
  // There are fewer than 256 types: in the other byte order the first one is not.
  const read = le16(bytes, offset + HEADER_BYTES + 2) < 0x100 ? le16 : u16;
  for (let at = offset + HEADER_BYTES; at + ATTRIBUTE_BYTES <= end;) {
    const size = read(bytes, at);
    const type = read(bytes, at + 2);
    const value = at + ATTRIBUTE_BYTES;
    if (size < ATTRIBUTE_BYTES || at + size > end) return tooShort(view);
    if (type === PAYLOAD) {
      const problem = decodePayload(view, etherType, bytes, value, size - ATTRIBUTE_BYTES);
      if (macAt !== NONE) setSourceMac(view, bytes, macAt);
      return problem;
    }
    // The protocol of a bridged frame; what follows is big-endian whoever captured.
    if (type === PACKET_HEADER && size >= ATTRIBUTE_BYTES + 2) etherType = u16(bytes, value);
    if (
      type === HARDWARE_ADDRESS &&
      size >= ATTRIBUTE_BYTES + 4 + MAC_BYTES &&
      u16(bytes, value) === MAC_BYTES
    )
      macAt = value + 4;
    at += Math.ceil(size / 4) * 4;
  }
  return nothingInside(view);
}
