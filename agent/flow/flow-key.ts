/**
 * The key of a packet's flow, from a decoded packet. ICMP that asks and its answer share one, as in nf_conntrack; an ICMP
 * error leads to the flow of the packet that it quotes (RFC 792, RFC 4443 section 2.4). Pure, allocates nothing.
 */
import { s32, u16, u8 } from '../packet/read.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, type PacketView } from '../packet/view.js';

/** One packet's place in a flow: made once by the caller, filled before every call. */
export interface FlowKey {
  family: number;
  src0: number;
  src1: number;
  src2: number;
  src3: number;
  dst0: number;
  dst1: number;
  dst2: number;
  dst3: number;
  protocol: number;
  /** 0 where there is none. */
  srcPort: number;
  dstPort: number;
}

export function createFlowKey(): FlowKey {
  const words = { src0: 0.5, src1: 0.5, src2: 0.5, src3: 0.5, dst0: 0.5, dst1: 0.5, dst2: 0.5, dst3: 0.5 };
  return { family: 0, ...words, protocol: 0, srcPort: 0, dstPort: 0 };
}

/** For a packet with an IP header. */
export function fillFlowKey(key: FlowKey, view: PacketView, bytes: Uint8Array): void {
  key.family = view.family;
  key.src0 = view.src0;
  key.src1 = view.src1;
  key.src2 = view.src2;
  key.src3 = view.src3;
  key.dst0 = view.dst0;
  key.dst1 = view.dst1;
  key.dst2 = view.dst2;
  key.dst3 = view.dst3;
  key.protocol = Math.max(0, view.protocol);
  key.srcPort = Math.max(0, view.srcPort);
  key.dstPort = Math.max(0, view.dstPort);
  if (view.icmpType < 0) return;
  const request = requestTypeOf(view.protocol, view.icmpType);
  // Identifier and kind of question in one: two questions with one identifier stay two flows.
  const id = view.payloadLength >= 2 ? u16(bytes, view.payloadOffset) : 0;
  const port = request < 0 ? (view.icmpType << 8) | view.icmpCode : questionPort(id, request, view.icmpCode);
  key.srcPort = port & 0xffff;
  key.dstPort = port & 0xffff;
}

/** As in nf_conntrack, the code tells flows apart too; no system sends another than 0. */
function questionPort(id: number, request: number, code: number): number {
  return (id ^ (request * 0x0101) ^ (code << 4)) & 0xffff;
}

/** The question's type for questions and answers; -1 for anything else. */
function requestTypeOf(protocol: number, type: number): number {
  if (protocol === PROTOCOL_ICMPV6) return type === 128 || type === 129 ? 128 : -1;
  switch (type) {
    case 0:
    case 8:
      return 8;
    case 13:
    case 14:
      return 13;
    case 15:
    case 16:
      return 15;
    case 17:
    case 18:
      return 17;
    default:
      return -1;
  }
}

/** Unreachable, too big or source quench, redirect, time exceeded, parameter problem. */
export function isIcmpError(view: PacketView): boolean {
  const { protocol, icmpType } = view;
  if (protocol === PROTOCOL_ICMPV6) return icmpType >= 1 && icmpType <= 4;
  if (protocol !== PROTOCOL_ICMP) return false;
  return icmpType === 3 || icmpType === 4 || icmpType === 5 || icmpType === 11 || icmpType === 12;
}

/** The key of the packet that an ICMP error quotes. False: too little is quoted, or not of the same family. */
export function fillQuotedKey(key: FlowKey, view: PacketView, bytes: Uint8Array): boolean {
  // Type, code and checksum are 4 bytes, 4 more are unused or of the kind; the view's payload begins after the first 2.
  const at = view.transportOffset + 8;
  const end = view.payloadOffset + view.payloadLength;
  if (view.transportOffset < 0 || end - at < 20) return false;
  const isV4 = view.family === 4;
  if (u8(bytes, at) >> 4 !== view.family) return false;
  const headerBytes = isV4 ? (u8(bytes, at) & 0x0f) * 4 : 40;
  if (headerBytes < 20 || end - at < headerBytes + 4) return false;
  const addresses = at + (isV4 ? 12 : 8);
  const word = (index: number): number => s32(bytes, addresses + index * 4) >>> 0;
  key.family = view.family;
  key.protocol = u8(bytes, at + (isV4 ? 9 : 6));
  key.src0 = word(0);
  key.src1 = isV4 ? 0 : word(1);
  key.src2 = isV4 ? 0 : word(2);
  key.src3 = isV4 ? 0 : word(3);
  key.dst0 = word(isV4 ? 1 : 4);
  key.dst1 = isV4 ? 0 : word(5);
  key.dst2 = isV4 ? 0 : word(6);
  key.dst3 = isV4 ? 0 : word(7);
  const transport = at + headerBytes;
  if (key.protocol === PROTOCOL_ICMP || key.protocol === PROTOCOL_ICMPV6) {
    if (end - transport < 6) return false;
    const request = requestTypeOf(key.protocol, u8(bytes, transport));
    key.srcPort = questionPort(u16(bytes, transport + 4), Math.max(0, request), u8(bytes, transport + 1));
    key.dstPort = key.srcPort;
    return true;
  }
  key.srcPort = u16(bytes, transport);
  key.dstPort = u16(bytes, transport + 2);
  return true;
}
