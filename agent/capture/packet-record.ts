/** What every capture reader hands over: one captured packet, in a struct that is filled again for the next. Pure. */

export interface CapturedPacket {
  /** Valid until the reader goes on. */
  bytes: Uint8Array;
  offset: number;
  length: number;
  /** LINKTYPE_ value (https://www.tcpdump.org/linktypes.html). */
  linkType: number;
  /** Milliseconds since 1970, with a fraction; the capture's own clock, which can jump. */
  timeMs: number;
}

/**
 * Shown several packets at once, shortly before the sink gets them: what will be looked up for them can be fetched while nothing waits for
 * it. A hint, and no more: some packets are never shown.
 */
export interface ComingPackets {
  show(bytes: Uint8Array, offset: number, length: number, linkType: number): void;
  /** Those shown since the last call come now. */
  fetch(): void;
}

export type PacketSink = (packet: Readonly<CapturedPacket>) => void;

/** Larger than any packet that a capture tool writes (tcpdump's MAXIMUM_SNAPLEN is 262,144). */
export const MAX_RECORD_BYTES = 1 << 20;
/** The last instant that a date can hold (ECMA-262 section 21.4.1.1); a corrupt time stays a time. */
const MAX_TIME_MS = 8.64e15;

export function createCapturedPacket(): CapturedPacket {
  return { bytes: new Uint8Array(0), offset: 0, length: 0, linkType: 0, timeMs: 0.5 };
}

export function boundedTime(timeMs: number): number {
  return Math.min(Math.max(timeMs, 0), MAX_TIME_MS);
}
