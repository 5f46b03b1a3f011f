/**
 * Packets that are almost right, for fuzzing: seeds with bytes flipped, cut short or overwritten, the same for the same number. Used by
 * `make fuzz` and the unit tests.
 */
import type { CapturedPacket } from '../capture/packet-record.js';

const MAX_PACKET_BYTES = 2_048;
const LINK_TYPES: readonly number[] = [1, 0, 101, 108, 113, 276, 228, 229, 105];
const MUTATIONS_PER_PACKET = 6;

/** `seeds` are frames; `start` any integer. Each call fills and returns the same struct. */
export function createMutator(seeds: readonly Uint8Array[], start: number): () => CapturedPacket {
  const bytes = new Uint8Array(MAX_PACKET_BYTES);
  const packet: CapturedPacket = { bytes, offset: 0, length: 0, linkType: 1, timeMs: 1_700_000_000_000 };
  let state = start | 0;
  // xorshift32 (Marsaglia 2003)
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  if (state === 0) state = 1;
  return () => {
    const seed = seeds[random(seeds.length)] ?? bytes.subarray(0, 0);
    const length = Math.min(seed.length, MAX_PACKET_BYTES);
    bytes.set(seed.subarray(0, length));
    for (let count = random(MUTATIONS_PER_PACKET); count > 0; count--)
      if (length > 0) bytes[random(length)] = random(256);
    packet.length = random(8) === 0 ? random(length + 1) : length;
    packet.linkType = random(16) === 0 ? (LINK_TYPES[random(LINK_TYPES.length)] ?? 1) : 1;
    packet.timeMs += random(2_000) === 0 ? random(400_000) - 100_000 : random(3);
    return packet;
  };
}
