/**
 * IPv4 (RFC 791) and IPv6 (RFC 8200) headers, extension headers and fragments; the transport is read by decode-transport.ts.
 * Called with what NFLOG and NFQUEUE give: bytes from the IP header on. Never throws, and never trusts a length that the
 * packet claims beyond what was captured.
 */
import { readTransport } from './decode-transport.js';
import {
  CAPTURE_CUT,
  FRAGMENT_BEYOND_END,
  IPV4_HEADER_LENGTH,
  IPV4_SHORT,
  IPV4_TOTAL_LENGTH,
  IPV6_EXTENSION_SHORT,
  IPV6_SHORT,
  IPV6_TOO_MANY_EXTENSIONS,
  IP_EMPTY,
  IP_VERSION,
} from './problems.js';
import { u16, s32, u8 } from './read.js';
import { LAYER_IPV4, LAYER_IPV6, resetView, type PacketView } from './view.js';

const IPV4_MIN_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;
/** Extension headers walked in one packet. RFC 8200 section 4.1 names seven, each at most once but destination options (twice). */
const MAX_EXTENSION_HEADERS = 8;
/** Fragments may not reach past the largest datagram: RFC 791 section 3.1, RFC 8200 section 4.5. */
const MAX_DATAGRAM_BYTES = 65_535;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
/** RFC 4302: its length counts 4-byte units, unlike the others. */
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const MOBILITY = 135;
const HOST_IDENTITY = 139;
const SHIM6 = 140;

/** `length` bytes from `offset`, beginning with the IP header; the version nibble decides. Returns the problem code, 0 when fine. */
export function decodeIp(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  resetView(view);
  view.problem = readIp(view, bytes, offset, Math.min(offset + length, bytes.length));
  return view.problem;
}

/** For decoders of this room: fills a view that is already reset; `end` is exclusive and within the buffer. */
export function readIp(view: PacketView, bytes: Uint8Array, offset: number, end: number): number {
  if (end <= offset) return IP_EMPTY;
  view.ipOffset = offset;
  const version = u8(bytes, offset) >> 4;
  if (version === 4) return readIpv4(view, bytes, offset, end);
  if (version === 6) return readIpv6(view, bytes, offset, end);
  return IP_VERSION;
}

function readIpv4(view: PacketView, bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < IPV4_MIN_HEADER_BYTES) return IPV4_SHORT;
  const headerBytes = (u8(bytes, offset) & 0x0f) * 4;
  if (headerBytes < IPV4_MIN_HEADER_BYTES) return IPV4_HEADER_LENGTH;
  view.family = 4;
  view.src0 = s32(bytes, offset + 12) >>> 0;
  view.dst0 = s32(bytes, offset + 16) >>> 0;
  view.protocol = u8(bytes, offset + 9);
  view.hopLimit = u8(bytes, offset + 8);
  // Zero where the sender's hardware cuts the segments later and the capture was taken before it (TSO, BIG TCP).
  const claimed = u16(bytes, offset + 2);
  const totalBytes = claimed === 0 ? end - offset : claimed;
  view.ipLength = totalBytes;
  if (totalBytes < headerBytes) return IPV4_TOTAL_LENGTH;
  const claimedEnd = offset + totalBytes;
  view.truncated = claimedEnd > end;
  if (offset + headerBytes > end) return CAPTURE_CUT;
  view.layers |= LAYER_IPV4;

  const fragmentField = u16(bytes, offset + 6);
  const fragmentOffset = (fragmentField & 0x1fff) * 8;
  const moreFragments = (fragmentField & 0x2000) !== 0;
  const payloadBytes = totalBytes - headerBytes;
  if (fragmentOffset > 0 || moreFragments) {
    view.isFragment = true;
    view.isFirstFragment = fragmentOffset === 0;
    view.fragmentOffset = fragmentOffset;
    if (fragmentOffset + payloadBytes > MAX_DATAGRAM_BYTES) return FRAGMENT_BEYOND_END;
  }
  return readTransport(view, bytes, offset + headerBytes, end, claimedEnd);
}

function readIpv6(view: PacketView, bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < IPV6_HEADER_BYTES) return IPV6_SHORT;
  view.family = 6;
  view.src0 = s32(bytes, offset + 8) >>> 0;
  view.src1 = s32(bytes, offset + 12) >>> 0;
  view.src2 = s32(bytes, offset + 16) >>> 0;
  view.src3 = s32(bytes, offset + 20) >>> 0;
  view.dst0 = s32(bytes, offset + 24) >>> 0;
  view.dst1 = s32(bytes, offset + 28) >>> 0;
  view.dst2 = s32(bytes, offset + 32) >>> 0;
  view.dst3 = s32(bytes, offset + 36) >>> 0;
  view.hopLimit = u8(bytes, offset + 7);
  view.layers |= LAYER_IPV6;
  const nextHeader = u8(bytes, offset + 6);
  // Zero with a hop-by-hop header is a jumbogram (RFC 2675) or a segment cut later by hardware: what was captured counts.
  const claimed = u16(bytes, offset + 4);
  const payloadBytes = claimed === 0 && nextHeader !== 59 ? end - offset - IPV6_HEADER_BYTES : claimed;
  view.ipLength = IPV6_HEADER_BYTES + payloadBytes;
  const claimedEnd = offset + view.ipLength;
  view.truncated = claimedEnd > end;
  return readIpv6Extensions(view, bytes, offset + IPV6_HEADER_BYTES, end, claimedEnd, nextHeader);
}

function readIpv6Extensions(
  view: PacketView,
  bytes: Uint8Array,
  start: number,
  end: number,
  claimedEnd: number,
  firstHeader: number,
): number {
  let at = start;
  let header = firstHeader;
  for (let seen = 0; isExtension(header); seen++) {
    if (seen === MAX_EXTENSION_HEADERS) return IPV6_TOO_MANY_EXTENSIONS;
    // The smallest extension header is 8 bytes.
    if (at + 8 > claimedEnd) return IPV6_EXTENSION_SHORT;
    if (at + 8 > end) return CAPTURE_CUT;
    const next = u8(bytes, at);
    if (header === FRAGMENT) {
      const field = u16(bytes, at + 2);
      const fragmentOffset = field & 0xfff8;
      view.fragmentHeaderOffset = at;
      at += 8;
      // RFC 6946: offset 0 without "more" is an atomic fragment, a whole packet.
      if (fragmentOffset > 0 || (field & 1) !== 0) {
        view.isFragment = true;
        view.isFirstFragment = fragmentOffset === 0;
        view.fragmentOffset = fragmentOffset;
        if (fragmentOffset + (claimedEnd - at) > MAX_DATAGRAM_BYTES) return FRAGMENT_BEYOND_END;
      }
      header = next;
      // What follows a later fragment's header is data, whatever the number says.
      if (view.isFragment && !view.isFirstFragment) break;
      continue;
    }
    const bytesHere = header === AUTHENTICATION ? (u8(bytes, at + 1) + 2) * 4 : (u8(bytes, at + 1) + 1) * 8;
    if (at + bytesHere > claimedEnd) return IPV6_EXTENSION_SHORT;
    if (at + bytesHere > end) return CAPTURE_CUT;
    at += bytesHere;
    header = next;
  }
  view.protocol = header;
  return readTransport(view, bytes, at, end, claimedEnd);
}

function isExtension(header: number): boolean {
  return (
    header === HOP_BY_HOP ||
    header === ROUTING ||
    header === FRAGMENT ||
    header === AUTHENTICATION ||
    header === DESTINATION_OPTIONS ||
    header === MOBILITY ||
    header === HOST_IDENTITY ||
    header === SHIM6
  );
}
