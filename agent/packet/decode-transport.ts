/**
 * TCP (RFC 9293), UDP (RFC 768), ICMP (RFC 792), ICMPv6 (RFC 4443), and the ports of SCTP, DCCP and UDP-Lite. Called by
 * decode-ip.ts with the view's protocol set. Never throws. Checksums are not looked at: hardware fills them in late.
 */
import {
  CAPTURE_CUT,
  ICMP_SHORT,
  OK,
  TCP_HEADER_LENGTH,
  TCP_SHORT,
  TRANSPORT_SHORT,
  UDP_LENGTH,
  UDP_SHORT,
} from './problems.js';
import { u16, u8 } from './read.js';
import {
  LAYER_ICMP,
  LAYER_ICMPV6,
  LAYER_OTHER_PORTS,
  LAYER_TCP,
  LAYER_UDP,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type PacketView,
} from './view.js';

/** RFC 4340 section 5.1, RFC 3828 section 3.1, RFC 9260 section 3.1: all begin with the two ports. */
const PROTOCOL_DCCP = 33;
const PROTOCOL_UDP_LITE = 136;

const TCP_MIN_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
/** RFC 4443 section 2.1; RFC 792's shortest messages have 8, but type and code are all that is needed. */
const ICMP_MIN_BYTES = 4;
const PORTS_BYTES = 4;

/** `end` is where the capture ends, `claimedEnd` where the packet says it does: too little by the first is cut, by the second malformed. */
export function readTransport(
  view: PacketView,
  bytes: Uint8Array,
  at: number,
  end: number,
  claimedEnd: number,
): number {
  if (view.isFragment && !view.isFirstFragment) {
    setPayload(view, at, end, claimedEnd);
    return OK;
  }
  view.transportOffset = at;
  const capturedBytes = Math.min(end, claimedEnd) - at;
  const claimedBytes = claimedEnd - at;
  switch (view.protocol) {
    case PROTOCOL_TCP: {
      if (claimedBytes < TCP_MIN_HEADER_BYTES) return TCP_SHORT;
      // Ports and flags are in the first 14 bytes: a short copy range still tells who and what.
      if (capturedBytes < 14) return CAPTURE_CUT;
      view.srcPort = u16(bytes, at);
      view.dstPort = u16(bytes, at + 2);
      view.tcpFlags = u8(bytes, at + 13);
      const headerBytes = (u8(bytes, at + 12) >> 4) * 4;
      if (headerBytes < TCP_MIN_HEADER_BYTES || headerBytes > claimedBytes) return TCP_HEADER_LENGTH;
      view.layers |= LAYER_TCP;
      if (headerBytes > capturedBytes) return CAPTURE_CUT;
      setPayload(view, at + headerBytes, end, claimedEnd);
      return OK;
    }
    case PROTOCOL_UDP: {
      if (claimedBytes < UDP_HEADER_BYTES) return UDP_SHORT;
      if (capturedBytes < UDP_HEADER_BYTES) return CAPTURE_CUT;
      view.srcPort = u16(bytes, at);
      view.dstPort = u16(bytes, at + 2);
      // Zero is a jumbogram's (RFC 2675 section 4). A first fragment rightly claims more than it carries.
      const udpBytes = u16(bytes, at + 4);
      const isLengthOk =
        udpBytes === 0
          ? view.family === 6
          : udpBytes >= UDP_HEADER_BYTES && (view.isFragment || udpBytes <= claimedBytes);
      if (!isLengthOk) return UDP_LENGTH;
      view.layers |= LAYER_UDP;
      const udpEnd = udpBytes === 0 ? claimedEnd : Math.min(at + udpBytes, claimedEnd);
      setPayload(view, at + UDP_HEADER_BYTES, end, udpEnd);
      return OK;
    }
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6: {
      if (claimedBytes < ICMP_MIN_BYTES) return ICMP_SHORT;
      if (capturedBytes < ICMP_MIN_BYTES) return CAPTURE_CUT;
      view.icmpType = u8(bytes, at);
      view.icmpCode = u8(bytes, at + 1);
      view.layers |= view.protocol === PROTOCOL_ICMP ? LAYER_ICMP : LAYER_ICMPV6;
      setPayload(view, at + ICMP_MIN_BYTES, end, claimedEnd);
      return OK;
    }
    case PROTOCOL_SCTP:
    case PROTOCOL_DCCP:
    case PROTOCOL_UDP_LITE: {
      if (claimedBytes < PORTS_BYTES) return TRANSPORT_SHORT;
      if (capturedBytes < PORTS_BYTES) return CAPTURE_CUT;
      view.srcPort = u16(bytes, at);
      view.dstPort = u16(bytes, at + 2);
      view.layers |= LAYER_OTHER_PORTS;
      setPayload(view, at + PORTS_BYTES, end, claimedEnd);
      return OK;
    }
    default:
      setPayload(view, at, end, claimedEnd);
      return OK;
  }
}

function setPayload(view: PacketView, at: number, end: number, claimedEnd: number): void {
  view.payloadOffset = at;
  view.payloadLength = Math.max(0, Math.min(end, claimedEnd) - at);
}
