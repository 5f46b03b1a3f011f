/**
 * The short way for most packets of a capture: Ethernet with a VLAN tag at most, whole IPv4 headers, TCP or UDP, of a flow that is there
 * already. Nothing is decoded that the flow does not need; all others go the long way (packet/, flow-table.ts), which says what they are. It
 * only leaves out work: whatever it tracks, the long way would have tracked alike (test/unit/replay/plain-packet.test.ts). Pure.
 */
import { LINK_ETHERNET } from '../capture/decode-link.js';
import type { ComingPackets } from '../capture/packet-record.js';
import type { FlowTable } from '../flow/flow-table.js';
import { ETHERTYPE_IPV4, ETHERTYPE_VLAN } from '../packet/decode-ethernet.js';
import { s32, u16, u8 } from '../packet/read.js';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../packet/view.js';

const ETHERNET_BYTES = 14;
const VLAN_TAG_BYTES = 4;
const IPV4_BYTES = 20;
const TCP_BYTES = 20;
const UDP_BYTES = 8;
/** "More fragments" and the offset (RFC 791 section 3.1). */
const FRAGMENT_BITS = 0x3fff;

/** Tracks the packet and returns true, `table` says the rest; false: it is not plain, and nothing was done. `table.nowMs` is set. Allocates nothing. */
export function trackPlainPacket(
  table: FlowTable,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  const end = Math.min(offset + length, bytes.length);
  let ip = offset + ETHERNET_BYTES;
  if (end - ip < IPV4_BYTES) return false;
  let etherType = u16(bytes, offset + 12);
  if (etherType === ETHERTYPE_VLAN) {
    etherType = u16(bytes, offset + 16);
    ip += VLAN_TAG_BYTES;
    if (end - ip < IPV4_BYTES) return false;
  }
  if (etherType !== ETHERTYPE_IPV4) return false;
  const first = u8(bytes, ip);
  const headerBytes = (first & 0x0f) * 4;
  const totalBytes = u16(bytes, ip + 2);
  if (first >> 4 !== 4 || headerBytes < IPV4_BYTES || totalBytes <= headerBytes) return false;
  if ((u16(bytes, ip + 6) & FRAGMENT_BITS) !== 0) return false;
  const at = ip + headerBytes;
  const claimedBytes = totalBytes - headerBytes;
  const capturedBytes = Math.min(end - at, claimedBytes);
  const protocol = u8(bytes, ip + 9);
  let tcpFlags = 0;
  let hasData = false;
  if (protocol === PROTOCOL_TCP) {
    if (capturedBytes < TCP_BYTES) return false;
    const tcpBytes = (u8(bytes, at + 12) >> 4) * 4;
    if (tcpBytes < TCP_BYTES || tcpBytes > capturedBytes) return false;
    tcpFlags = u8(bytes, at + 13);
    hasData = capturedBytes > tcpBytes;
  } else {
    if (protocol !== PROTOCOL_UDP || capturedBytes < UDP_BYTES) return false;
    const udpBytes = u16(bytes, at + 4);
    if (udpBytes < UDP_BYTES || udpBytes > claimedBytes) return false;
    // Who asks for an address has none to be told apart by: each is looked at (replay.ts).
    if (u16(bytes, at) === 68 && u16(bytes, at + 2) === 67) return false;
  }
  return table.trackKnown(
    s32(bytes, ip + 12),
    s32(bytes, ip + 16),
    protocol,
    u16(bytes, at),
    u16(bytes, at + 2),
    tcpFlags,
    hasData,
    totalBytes,
  );
}

/** Tells the table whose plain packets come. A guess: nothing is checked that `trackPlainPacket` would not find again. */
export class PlainPacketsComing implements ComingPackets {
  readonly #table: FlowTable;

  constructor(table: FlowTable) {
    this.#table = table;
  }

  show(bytes: Uint8Array, offset: number, length: number, linkType: number): void {
    if (linkType !== LINK_ETHERNET || length < ETHERNET_BYTES + IPV4_BYTES + UDP_BYTES) return;
    const isTagged = u16(bytes, offset + 12) === ETHERTYPE_VLAN;
    const ip = offset + ETHERNET_BYTES + (isTagged ? VLAN_TAG_BYTES : 0);
    const first = u8(bytes, ip);
    const protocol = u8(bytes, ip + 9);
    if (first >> 4 !== 4 || (protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP)) return;
    const at = ip + (first & 0x0f) * 4;
    this.#table.expect(
      s32(bytes, ip + 12),
      s32(bytes, ip + 16),
      protocol,
      u16(bytes, at),
      u16(bytes, at + 2),
    );
  }

  fetch(): void {
    this.#table.fetch();
  }
}
