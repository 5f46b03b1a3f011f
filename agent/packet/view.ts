/**
 * One decoded packet, in numbers and offsets: made once, filled again for every packet, never kept by a reader past the
 * next decode. Filled by the decoders of this room only. Holds no bytes: offsets point into the caller's buffer.
 */

/** Bits of `layers`: which headers were found and read whole. */
export const LAYER_ETHERNET = 1;
export const LAYER_VLAN = 2;
export const LAYER_ARP = 4;
export const LAYER_IPV4 = 8;
export const LAYER_IPV6 = 16;
export const LAYER_TCP = 32;
export const LAYER_UDP = 64;
export const LAYER_ICMP = 128;
export const LAYER_ICMPV6 = 256;
/** SCTP, DCCP or UDP-Lite: ports are known, the rest is not looked at. */
export const LAYER_OTHER_PORTS = 512;

/** What a port, ICMP type, VLAN id or ethertype holds when the packet has none (0 is a value on the wire). */
export const NONE = -1;

/** TCP flag bits, RFC 9293 section 3.1. */
export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_PSH = 8;
export const TCP_ACK = 16;
export const TCP_URG = 32;

/** IANA protocol numbers that the code names. */
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;
export const PROTOCOL_SCTP = 132;

export interface PacketView {
  /** A code of problems.ts; 0 is fine. */
  problem: number;
  layers: number;
  /** After VLAN tags; below 1536 it is an 802.3 length (IEEE 802.3 clause 3.2.6). NONE without an Ethernet header. */
  etherType: number;
  /** VLAN ids (12 bits) from the outside in. */
  vlanOuter: number;
  vlanInner: number;
  /** MAC addresses in two halves of 24 bits, so that both stay small integers: high is the OUI. */
  srcMacHigh: number;
  srcMacLow: number;
  dstMacHigh: number;
  dstMacLow: number;
  /** 4, 6, or 0 when no IP header was read. */
  family: number;
  /** Four uint32 in network order; IPv4 uses the first, the others are 0. */
  src0: number;
  src1: number;
  src2: number;
  src3: number;
  dst0: number;
  dst1: number;
  dst2: number;
  dst3: number;
  /** Upper-layer protocol after IPv6 extension headers; NONE when not reached. */
  protocol: number;
  hopLimit: number;
  srcPort: number;
  dstPort: number;
  icmpType: number;
  icmpCode: number;
  tcpFlags: number;
  isFragment: boolean;
  /** Offset 0 of a fragmented packet: carries the transport header. */
  isFirstFragment: boolean;
  /** In bytes. */
  fragmentOffset: number;
  /** Of the IPv6 fragment header, into the caller's buffer; NONE where there is none. */
  fragmentHeaderOffset: number;
  /** Offsets into the caller's buffer; NONE when the header is not there. */
  ipOffset: number;
  transportOffset: number;
  /** What the transport carries, as far as it was captured; NONE and 0 when there is none. */
  payloadOffset: number;
  payloadLength: number;
  /** Bytes that the IP header claims, header included. */
  ipLength: number;
  /** The packet claims more bytes than were captured. */
  truncated: boolean;
  /** 1 request, 2 reply (RFC 826); NONE when not ARP. */
  arpOperation: number;
  arpSenderMacHigh: number;
  arpSenderMacLow: number;
  arpSenderAddress: number;
  arpTargetMacHigh: number;
  arpTargetMacLow: number;
  arpTargetAddress: number;
}

/**
 * The one allocation. Fields that hold a uint32 begin as a fraction: V8 then stores them unboxed as doubles from the
 * start, and a later value above 2^31 allocates nothing (test/unit/packet/allocations.test.ts holds us to it).
 */
export function createPacketView(): PacketView {
  const view: PacketView = {
    problem: 0,
    layers: 0,
    etherType: NONE,
    vlanOuter: NONE,
    vlanInner: NONE,
    srcMacHigh: 0,
    srcMacLow: 0,
    dstMacHigh: 0,
    dstMacLow: 0,
    family: 0,
    src0: 0.5,
    src1: 0.5,
    src2: 0.5,
    src3: 0.5,
    dst0: 0.5,
    dst1: 0.5,
    dst2: 0.5,
    dst3: 0.5,
    protocol: NONE,
    hopLimit: 0,
    srcPort: NONE,
    dstPort: NONE,
    icmpType: NONE,
    icmpCode: NONE,
    tcpFlags: 0,
    isFragment: false,
    isFirstFragment: false,
    fragmentOffset: 0,
    fragmentHeaderOffset: NONE,
    ipOffset: NONE,
    transportOffset: NONE,
    payloadOffset: NONE,
    payloadLength: 0,
    ipLength: 0,
    truncated: false,
    arpOperation: NONE,
    arpSenderMacHigh: 0,
    arpSenderMacLow: 0,
    arpSenderAddress: 0.5,
    arpTargetMacHigh: 0,
    arpTargetMacLow: 0,
    arpTargetAddress: 0.5,
  };
  resetView(view);
  return view;
}

/** Every field back to "not there", so that nothing of the packet before shows through. */
export function resetView(view: PacketView): void {
  view.problem = 0;
  view.layers = 0;
  view.etherType = NONE;
  view.vlanOuter = NONE;
  view.vlanInner = NONE;
  view.srcMacHigh = 0;
  view.srcMacLow = 0;
  view.dstMacHigh = 0;
  view.dstMacLow = 0;
  view.family = 0;
  view.src0 = 0;
  view.src1 = 0;
  view.src2 = 0;
  view.src3 = 0;
  view.dst0 = 0;
  view.dst1 = 0;
  view.dst2 = 0;
  view.dst3 = 0;
  view.protocol = NONE;
  view.hopLimit = 0;
  view.srcPort = NONE;
  view.dstPort = NONE;
  view.icmpType = NONE;
  view.icmpCode = NONE;
  view.tcpFlags = 0;
  view.isFragment = false;
  view.isFirstFragment = false;
  view.fragmentOffset = 0;
  view.fragmentHeaderOffset = NONE;
  view.ipOffset = NONE;
  view.transportOffset = NONE;
  view.payloadOffset = NONE;
  view.payloadLength = 0;
  view.ipLength = 0;
  view.truncated = false;
  view.arpOperation = NONE;
  view.arpSenderMacHigh = 0;
  view.arpSenderMacLow = 0;
  view.arpSenderAddress = 0;
  view.arpTargetMacHigh = 0;
  view.arpTargetMacLow = 0;
  view.arpTargetAddress = 0;
}

/** To a group or to all (RFC 1112, RFC 919, RFC 4291 section 2.7): every host of the link hears it. */
export function isToGroup(view: PacketView): boolean {
  if (view.family === 6) return view.dst0 >>> 24 === 0xff;
  return view.dst0 >>> 28 === 14 || view.dst0 === 0xffffffff;
}
