/**
 * The classic capture file (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds. All records of a
 * buffer that may end anywhere. Called by capture-reader.ts. Never throws.
 */
import { readU16, readU32 } from './byte-reader.js';
import {
  boundedTime,
  createCapturedPacket,
  MAX_RECORD_BYTES,
  type ComingPackets,
  type PacketSink,
} from './packet-record.js';
import { CORRUPT, type RecordFormat } from './record-format.js';

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** Packets shown at once: as many as a processor can wait for at the same time. */
const SHOWN_AT_ONCE = 16;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;

export function isPcapMagic(bytes: Uint8Array, at: number): boolean {
  return [true, false].some((order) => {
    const magic = readU32(bytes, at, order);
    return magic === MAGIC_MICROSECONDS || magic === MAGIC_NANOSECONDS;
  });
}

export function createPcapFormat(sink: PacketSink, coming: ComingPackets | null): RecordFormat {
  const packet = createCapturedPacket();
  let isOpen = false;
  let isBigEndian = false;
  let fractionsPerMs = 1_000;

  /** Returns where those end that were shown. A record that is not whole is for the reading to find. */
  function show(to: ComingPackets, bytes: Uint8Array, data: DataView, at: number, end: number): number {
    let next = at;
    for (let count = 0; count < SHOWN_AT_ONCE && end - next >= RECORD_HEADER_BYTES; count++) {
      const offset = next + RECORD_HEADER_BYTES;
      const captured = data.getUint32(next + 8, !isBigEndian);
      if (captured > end - offset) {
        next = end;
        break;
      }
      to.show(bytes, offset, captured, packet.linkType);
      next = offset + captured;
    }
    to.fetch();
    return next;
  }

  return {
    read(bytes, at, end) {
      if (!isOpen) {
        if (end - at < FILE_HEADER_BYTES) return 0;
        isBigEndian = bytes[at] === 0xa1;
        fractionsPerMs = readU32(bytes, at, isBigEndian) === MAGIC_NANOSECONDS ? 1_000_000 : 1_000;
        // The upper bits tell the length of a frame check sequence.
        packet.linkType = readU16(bytes, isBigEndian ? at + 22 : at + 20, isBigEndian);
        isOpen = true;
        return FILE_HEADER_BYTES;
      }
      packet.bytes = bytes;
      // One check for four bytes where readU32 has four: a seventh of what a packet costs.
      const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const isLittle = !isBigEndian;
      let next = at;
      let shown = at;
      while (end - next >= RECORD_HEADER_BYTES) {
        if (coming !== null && next >= shown) shown = show(coming, bytes, data, next, end);
        const captured = data.getUint32(next + 8, isLittle);
        // What comes before it is handed over first; then this is asked for again, as the first.
        if (captured > MAX_RECORD_BYTES) return next === at ? CORRUPT : next - at;
        const offset = next + RECORD_HEADER_BYTES;
        if (end - offset < captured) break;
        const seconds = data.getUint32(next, isLittle);
        const fraction = data.getUint32(next + 4, isLittle);
        packet.timeMs = boundedTime(seconds * 1000 + fraction / fractionsPerMs);
        packet.offset = offset;
        packet.length = captured;
        sink(packet);
        next = offset + captured;
      }
      return next - at;
    },
    counters: () => ({}),
  };
}
