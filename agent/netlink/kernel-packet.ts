/**
 * What a packet that the kernel hands to userspace looks like, whichever way it comes: logged (nfnetlink_log) or held for
 * a verdict (nfnetlink_queue). The two say the same with differently numbered attributes. Offsets into a reused buffer.
 */
import type { AttributeCursor } from './attributes.js';
import type { MessageCursor } from './messages.js';

/** One packet. The object and the buffer are reused: copy what is to be kept. */
export interface KernelPacket {
  mark: number;
  /** EtherType, 0 where the kernel did not say. */
  hwProtocol: number;
  /** nfproto of the hook: 2 IPv4, 10 IPv6, 7 bridge, 3 ARP, 5 netdev. */
  family: number;
  /** 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting. */
  hook: number;
  /** Interface indices; 0 for none. With bridged packets `in`/`out` is the bridge and `physIn`/`physOut` its port. */
  inIfindex: number;
  outIfindex: number;
  physInIfindex: number;
  physOutIfindex: number;
  buffer: Buffer;
  /** The network header and what follows, copyBytes at most. Length 0: none was copied. */
  payloadOffset: number;
  payloadLength: number;
  /** Source hardware address; offset -1 where there is none. */
  hwAddrOffset: number;
  hwAddrLength: number;
  /** The link-layer header; offset -1 where there is none. */
  hwHeaderOffset: number;
  hwHeaderLength: number;
  /** 802.1Q TCI of a bridged packet whose tag the card took off; -1 for none. */
  vlanTci: number;
  /** Microseconds since the epoch, 0 where the kernel did not stamp the packet. */
  timestampUs: number;
}

export function emptyKernelPacket(): KernelPacket {
  return {
    mark: 0,
    hwProtocol: 0,
    family: 0,
    hook: 0,
    inIfindex: 0,
    outIfindex: 0,
    physInIfindex: 0,
    physOutIfindex: 0,
    buffer: Buffer.alloc(0),
    payloadOffset: 0,
    payloadLength: 0,
    hwAddrOffset: -1,
    hwAddrLength: 0,
    hwHeaderOffset: -1,
    hwHeaderLength: 0,
    vlanTci: -1,
    timestampUs: 0,
  };
}

/** So that nothing of one packet is left over in the next. */
export function clearKernelPacket(packet: KernelPacket, message: MessageCursor): void {
  packet.mark = 0;
  packet.hwProtocol = 0;
  packet.family = message.family;
  packet.hook = 0;
  packet.inIfindex = 0;
  packet.outIfindex = 0;
  packet.physInIfindex = 0;
  packet.physOutIfindex = 0;
  packet.buffer = message.buffer;
  packet.payloadOffset = 0;
  packet.payloadLength = 0;
  packet.hwAddrOffset = -1;
  packet.hwAddrLength = 0;
  packet.hwHeaderOffset = -1;
  packet.hwHeaderLength = 0;
  packet.vlanTci = -1;
  packet.timestampUs = 0;
}

/** NFULA_HWADDR and NFQA_HWADDR: be16 length, u16 padding, 8 bytes of address. */
export function readHardwareAddress(packet: KernelPacket, attribute: AttributeCursor): void {
  const length = attribute.u16be();
  if (length > 8 || attribute.length < 4 + length) {
    attribute.malformed = true;
    return;
  }
  if (length === 0) return;
  packet.hwAddrOffset = attribute.offset + 4;
  packet.hwAddrLength = length;
}

export function readLinkHeader(packet: KernelPacket, attribute: AttributeCursor): void {
  if (attribute.length === 0) return;
  packet.hwHeaderOffset = attribute.offset;
  packet.hwHeaderLength = attribute.length;
}

/** NFULA_VLAN and NFQA_VLAN, nested: 1 protocol, 2 TCI. */
export function readVlan(packet: KernelPacket, attribute: AttributeCursor, inner: AttributeCursor): void {
  inner.enter(attribute);
  while (inner.next()) if (inner.type === 2) packet.vlanTci = inner.u16be();
}

/** NFULA_TIMESTAMP and NFQA_TIMESTAMP: be64 seconds, be64 microseconds. */
export function readTimestamp(packet: KernelPacket, attribute: AttributeCursor): void {
  packet.timestampUs = attribute.u64be() * 1_000_000 + attribute.u64be(8);
}
