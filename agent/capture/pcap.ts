/**
 * The classic capture file (draft-ietf-opsawg-pcap): both byte orders, microseconds and nanoseconds. One record at a
 * time out of a buffer that may end anywhere. Called by capture-reader.ts. Never throws.
 */
import { readU16, readU32 } from './byte-reader.js';
import { boundedTime, createCapturedPacket, MAX_RECORD_BYTES, type PacketSink } from './packet-record.js';
import { CORRUPT, type RecordFormat } from './record-format.js';

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;

export function isPcapMagic(bytes: Uint8Array, at: number): boolean {
  return [true, false].some((order) => {
    const magic = readU32(bytes, at, order);
    return magic === MAGIC_MICROSECONDS || magic === MAGIC_NANOSECONDS;
  });
}

export function createPcapFormat(sink: PacketSink): RecordFormat {
  const packet = createCapturedPacket();
  let isOpen = false;
  let isBigEndian = false;
  let fractionsPerMs = 1_000;
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
      if (end - at < RECORD_HEADER_BYTES) return 0;
      const captured = readU32(bytes, at + 8, isBigEndian);
      if (captured > MAX_RECORD_BYTES) return CORRUPT;
      if (end - at < RECORD_HEADER_BYTES + captured) return 0;
      const seconds = readU32(bytes, at, isBigEndian);
      const fraction = readU32(bytes, at + 4, isBigEndian);
      packet.timeMs = boundedTime(seconds * 1000 + fraction / fractionsPerMs);
      packet.bytes = bytes;
      packet.offset = at + RECORD_HEADER_BYTES;
      packet.length = captured;
      sink(packet);
      return RECORD_HEADER_BYTES + captured;
    },
    counters: () => ({}),
  };
}
