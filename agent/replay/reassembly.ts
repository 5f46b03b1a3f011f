/**
 * IP fragments of a capture into the packets that they are parts of, as the kernel does before any rule, and so any detector, sees them
 * (nf_defrag_ipv4 and nf_defrag_ipv6): RFC 791 section 3.2, RFC 8200 section 4.5. Fragments that overlap spoil their packet (RFC 5722
 * section 4; Linux does so for IPv4, too). Bounded, counted, pure.
 */
import { s32, u16, u8 } from '../packet/read.js';
import type { PacketView } from '../packet/view.js';

/** Packets of which something is missing, and bytes of them; the oldest makes room. */
const MAX_WAITING = 256;
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** ipfrag_time and RFC 8200 section 4.5. */
const TIMEOUT_MS = { 4: 30_000, 6: 60_000 } as const;
const MAX_PACKET_BYTES = 65_535;
const IPV6_BYTES = 40;
const FRAGMENT_HEADER_BYTES = 8;

interface Part {
  readonly start: number;
  readonly bytes: Uint8Array;
}

interface Waiting {
  readonly untilMs: number;
  /** In order, none over another. */
  readonly parts: Part[];
  /** Frame and IP headers of the first fragment; null until it is here. */
  head: Head | null;
  /** Where the packet ends; Infinity until the last fragment is here. */
  end: number;
  bytes: number;
  isSpoilt: boolean;
}

interface Head {
  readonly bytes: Uint8Array;
  readonly ipOffset: number;
  /** NONE in IPv4. */
  readonly fragmentHeaderOffset: number;
}

export class Reassembly {
  readonly #waiting = new Map<string, Waiting>();
  #bytes = 0;
  #assembled = 0;
  #incomplete = 0;
  #overlapping = 0;
  #malformed = 0;

  /**
   * Takes the fragment that `view` was just filled from; `frame` is where its frame begins in `bytes`. Returns the frame of the whole packet once
   * nothing is missing: a new array, without fragmentation in its header. Else null.
   */
  add(view: PacketView, bytes: Uint8Array, frame: number, nowMs: number): Uint8Array | null {
    this.#expire(nowMs);
    const { ipOffset, family } = view;
    const isIpv4 = family === 4;
    const headerEnd = isIpv4
      ? ipOffset + (u8(bytes, ipOffset) & 0x0f) * 4
      : view.fragmentHeaderOffset + FRAGMENT_HEADER_BYTES;
    const field = isIpv4 ? u16(bytes, ipOffset + 6) : u16(bytes, view.fragmentHeaderOffset + 2);
    const hasMore = (field & (isIpv4 ? 0x2000 : 1)) !== 0;
    const end = ipOffset + view.ipLength;
    const start = view.fragmentOffset;
    const isWhole = !view.truncated && end <= bytes.length && end > headerEnd;
    if (!isWhole || (hasMore && (end - headerEnd) % 8 !== 0) || start + end - headerEnd > MAX_PACKET_BYTES) {
      this.#malformed++;
      return null;
    }
    const key = keyOf(view, bytes);
    const packet =
      this.#waiting.get(key) ?? this.#begin(key, nowMs + (isIpv4 ? TIMEOUT_MS[4] : TIMEOUT_MS[6]));
    if (packet.isSpoilt) return null;
    if (!this.#insert(packet, { start, bytes: bytes.slice(headerEnd, end) }, hasMore)) return null;
    if (start === 0)
      packet.head ??= {
        bytes: bytes.slice(frame, headerEnd),
        ipOffset: ipOffset - frame,
        fragmentHeaderOffset: view.fragmentHeaderOffset - frame,
      };
    if (packet.head === null || packet.bytes !== packet.end) return null;
    this.#forget(key, packet);
    const whole = assemble(packet.head, packet.parts, packet.end, isIpv4);
    if (whole === null) this.#malformed++;
    else this.#assembled++;
    return whole;
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'fragments.assembled': this.#assembled,
      'fragments.incomplete': this.#incomplete,
      'fragments.overlapping': this.#overlapping,
      'fragments.malformed': this.#malformed,
    };
  }

  #begin(key: string, untilMs: number): Waiting {
    const packet: Waiting = { untilMs, parts: [], head: null, end: Infinity, bytes: 0, isSpoilt: false };
    this.#waiting.set(key, packet);
    this.#makeRoom();
    return packet;
  }

  /** False: the packet is spoilt. */
  #insert(packet: Waiting, part: Part, hasMore: boolean): boolean {
    const { parts } = packet;
    const end = part.start + part.bytes.length;
    let at = parts.length;
    while (at > 0 && (parts[at - 1]?.start ?? 0) >= part.start) at--;
    const next = parts[at];
    const previous = parts[at - 1];
    // Sent twice, or seen twice by who captured.
    if (next?.start === part.start && next.bytes.length === part.bytes.length) return true;
    const isOver =
      (previous !== undefined && previous.start + previous.bytes.length > part.start) ||
      (next !== undefined && next.start < end) ||
      end > packet.end ||
      (!hasMore && packet.end !== Infinity) ||
      (!hasMore && next !== undefined);
    if (isOver) {
      this.#overlapping++;
      this.#bytes -= packet.bytes;
      packet.bytes = 0;
      packet.parts.length = 0;
      packet.isSpoilt = true;
      return false;
    }
    if (!hasMore) packet.end = end;
    parts.splice(at, 0, part);
    packet.bytes += part.bytes.length;
    this.#bytes += part.bytes.length;
    this.#makeRoom();
    return true;
  }

  #makeRoom(): void {
    for (const [key, packet] of this.#waiting) {
      if (this.#waiting.size <= MAX_WAITING && this.#bytes <= MAX_WAITING_BYTES) return;
      this.#giveUp(key, packet);
    }
  }

  #expire(nowMs: number): void {
    for (const [key, packet] of this.#waiting) {
      if (packet.untilMs > nowMs) return;
      this.#giveUp(key, packet);
    }
  }

  #giveUp(key: string, packet: Waiting): void {
    if (!packet.isSpoilt) this.#incomplete++;
    this.#forget(key, packet);
  }

  #forget(key: string, packet: Waiting): void {
    if (this.#waiting.delete(key)) this.#bytes -= packet.bytes;
  }
}

/** RFC 791 section 3.2: addresses, protocol and identification; RFC 8200 section 4.5: the same without the protocol. */
function keyOf(view: PacketView, bytes: Uint8Array): string {
  return view.family === 4
    ? `${view.src0} ${view.dst0} ${view.protocol} ${u16(bytes, view.ipOffset + 4)}`
    : `${view.src0} ${view.src1} ${view.src2} ${view.src3} ${view.dst0} ${view.dst1} ${view.dst2} ${view.dst3} ${s32(bytes, view.fragmentHeaderOffset + 4)}`;
}

/** Null where the packet would be longer than its header can say. */
function assemble(head: Head, parts: readonly Part[], dataBytes: number, isIpv4: boolean): Uint8Array | null {
  const whole = new Uint8Array(head.bytes.length + dataBytes);
  whole.set(head.bytes);
  for (const { start, bytes } of parts) whole.set(bytes, head.bytes.length + start);
  const ipBytes = whole.length - head.ipOffset;
  const claimed = isIpv4 ? ipBytes : ipBytes - IPV6_BYTES;
  if (claimed > MAX_PACKET_BYTES) return null;
  put16(whole, head.ipOffset + (isIpv4 ? 2 : 4), claimed);
  // Offset 0 and no more to come: in IPv6 the header stays, as of an atomic fragment (RFC 6946).
  put16(whole, isIpv4 ? head.ipOffset + 6 : head.fragmentHeaderOffset + 2, 0);
  return whole;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}
