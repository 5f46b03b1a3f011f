/**
 * The next generation capture file (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces with their own
 * clock resolution, enhanced, simple and obsolete packet blocks. Called by capture-reader.ts. Never throws.
 */
import { readU16, readU32 } from './byte-reader.js';
import { boundedTime, createCapturedPacket, MAX_RECORD_BYTES, type PacketSink } from './packet-record.js';
import { CORRUPT, type RecordFormat } from './record-format.js';

export const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const OPTION_END = 0;
const OPTION_RESOLUTION = 9;
const OPTION_TIME_OFFSET = 14;

/** Type, two lengths. */
const FRAME_BYTES = 12;
/** Interfaces of one section; the packets of others are counted. */
const MAX_INTERFACES = 1_024;
/** Blocks other than packets (name resolution, secrets) may be longer than a packet. */
const MAX_BLOCK_BYTES = 16 * MAX_RECORD_BYTES;

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly unitsPerMs: number;
  readonly offsetMs: number;
}

export function createPcapngFormat(sink: PacketSink): RecordFormat {
  return new Pcapng(sink);
}

class Pcapng implements RecordFormat {
  readonly #sink: PacketSink;
  readonly #packet = createCapturedPacket();
  #interfaces: Interface[] = [];
  #isBigEndian = false;
  #unknownInterfaces = 0;
  #badBlocks = 0;
  #otherBlocks = 0;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  read(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < FRAME_BYTES) return 0;
    // The number reads the same in both orders.
    const isSection = readU32(bytes, at, true) === SECTION_HEADER;
    if (isSection) {
      this.#isBigEndian = readU32(bytes, at + 8, true) === BYTE_ORDER_MAGIC;
      if (readU32(bytes, at + 8, this.#isBigEndian) !== BYTE_ORDER_MAGIC) return CORRUPT;
      this.#interfaces = [];
    }
    const length = readU32(bytes, at + 4, this.#isBigEndian);
    if (length < FRAME_BYTES || length % 4 !== 0 || length > MAX_BLOCK_BYTES) return CORRUPT;
    if (end - at < length) return 0;
    if (readU32(bytes, at + length - 4, this.#isBigEndian) !== length) return CORRUPT;
    if (!isSection) this.#block(readU32(bytes, at, this.#isBigEndian), bytes, at + 8, at + length - 4);
    return length;
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'pcapng.unknownInterface': this.#unknownInterfaces,
      'pcapng.badBlocks': this.#badBlocks,
      'pcapng.otherBlocks': this.#otherBlocks,
    };
  }

  #block(type: number, bytes: Uint8Array, at: number, end: number): void {
    const big = this.#isBigEndian;
    switch (type) {
      case INTERFACE_DESCRIPTION:
        this.#describeInterface(bytes, at, end);
        return;
      case ENHANCED_PACKET:
        if (end - at < 20) this.#badBlocks++;
        else this.#timed(readU32(bytes, at, big), bytes, at, end);
        return;
      case OBSOLETE_PACKET:
        if (end - at < 20) this.#badBlocks++;
        else this.#timed(readU16(bytes, at, big), bytes, at, end);
        return;
      case SIMPLE_PACKET: {
        const first = this.#interfaces[0];
        if (end - at < 4) this.#badBlocks++;
        else if (first === undefined) this.#unknownInterfaces++;
        else {
          // No time of its own: the last one stands. Padding is cut by the original and the snap length.
          const limit = first.snapLength === 0 ? Number.POSITIVE_INFINITY : first.snapLength;
          this.#emit(first, bytes, at + 4, Math.min(readU32(bytes, at, big), end - at - 4, limit));
        }
        return;
      }
      default:
        this.#otherBlocks++;
    }
  }

  #timed(id: number, bytes: Uint8Array, at: number, end: number): void {
    const described = this.#interfaces[id];
    const length = readU32(bytes, at + 12, this.#isBigEndian);
    if (described === undefined) this.#unknownInterfaces++;
    else if (length > end - at - 20) this.#badBlocks++;
    else {
      const high = readU32(bytes, at + 4, this.#isBigEndian);
      const units = high * 0x1_0000_0000 + readU32(bytes, at + 8, this.#isBigEndian);
      this.#packet.timeMs = boundedTime(units / described.unitsPerMs + described.offsetMs);
      this.#emit(described, bytes, at + 20, length);
    }
  }

  #emit(described: Interface, bytes: Uint8Array, offset: number, length: number): void {
    const packet = this.#packet;
    packet.bytes = bytes;
    packet.offset = offset;
    packet.length = length;
    packet.linkType = described.linkType;
    this.#sink(packet);
  }

  #describeInterface(bytes: Uint8Array, at: number, end: number): void {
    if (end - at < 8 || this.#interfaces.length >= MAX_INTERFACES) {
      this.#badBlocks++;
      return;
    }
    const big = this.#isBigEndian;
    let unitsPerMs = 1_000;
    let offsetMs = 0;
    for (let option = at + 8; option + 4 <= end;) {
      const code = readU16(bytes, option, big);
      const length = readU16(bytes, option + 2, big);
      const value = option + 4;
      if (code === OPTION_END || value + length > end) break;
      if (code === OPTION_RESOLUTION && length >= 1) unitsPerMs = unitsPerMsOf(bytes[value] ?? 6);
      if (code === OPTION_TIME_OFFSET && length >= 8) {
        const high = readU32(bytes, big ? value : value + 4, big) | 0;
        offsetMs = (high * 0x1_0000_0000 + readU32(bytes, big ? value + 4 : value, big)) * 1000;
      }
      option = value + length + ((4 - (length % 4)) % 4);
    }
    this.#interfaces.push({
      linkType: readU16(bytes, at, big),
      snapLength: readU32(bytes, at + 4, big),
      unitsPerMs,
      offsetMs,
    });
  }
}

/** Section 4.2: the top bit chooses powers of two. */
function unitsPerMsOf(resolution: number): number {
  const exponent = resolution & 0x7f;
  return ((resolution & 0x80) === 0 ? 10 ** exponent : 2 ** exponent) / 1000;
}
