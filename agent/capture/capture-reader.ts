/**
 * A capture file in chunks of any size, packets out: finds out which format it is and keeps what a chunk left unfinished.
 * Bounded: one record and one chunk. Never throws; a file that ends early or makes no sense is a `problem`. Pure.
 */
import { createPcapFormat, isPcapMagic } from './pcap.js';
import { createPcapngFormat, SECTION_HEADER } from './pcapng.js';
import { readU32 } from './byte-reader.js';
import type { ComingPackets, PacketSink } from './packet-record.js';
import { CORRUPT, type RecordFormat } from './record-format.js';

export type CaptureProblem = 'none' | 'not-a-capture' | 'corrupt' | 'ends-early';

const MAGIC_BYTES = 4;
/** How much of a chunk is put behind an unfinished record at first; four times as much where that does not finish it. */
const JOINED_BYTES = 2_048;
const NOTHING = new Uint8Array(0);

/** The first four bytes tell a capture from a flow log. */
export function isCapture(bytes: Uint8Array): boolean {
  if (bytes.length < MAGIC_BYTES) return false;
  return readU32(bytes, 0, true) === SECTION_HEADER || isPcapMagic(bytes, 0);
}

export class CaptureReader {
  problem: CaptureProblem = 'none';
  readonly #sink: PacketSink;
  readonly #coming: ComingPackets | null;
  #format: RecordFormat | null = null;
  /** What was read and not used yet. */
  #rest: Uint8Array = NOTHING;

  /** Packets of a pcap are shown to `coming` before the sink gets them. */
  constructor(sink: PacketSink, coming: ComingPackets | null = null) {
    this.#sink = sink;
    this.#coming = coming;
  }

  /** The chunk may be reused by the caller afterwards. */
  push(chunk: Uint8Array): void {
    let at = 0;
    // What the chunk before left unfinished, with as much of this one as that needs: chunks are long, and copied nowhere.
    for (let more = JOINED_BYTES; this.#rest.length > 0; more *= 4) {
      const left = this.#rest.length;
      const joined = new Uint8Array(left + Math.min(more, chunk.length));
      joined.set(this.#rest);
      joined.set(chunk.subarray(0, more), left);
      const taken = this.#take(joined);
      if (taken > 0) {
        at = taken - left;
        this.#rest = NOTHING;
      } else if (more >= chunk.length) {
        this.#rest = joined;
        return;
      }
    }
    at += this.#take(chunk, at);
    if (at < chunk.length) this.#rest = copyOf(chunk, at);
  }

  /** Every whole record from there on; returns their bytes. */
  #take(bytes: Uint8Array, from = 0): number {
    if (this.problem !== 'none') return bytes.length - from;
    if (this.#format === null) {
      if (bytes.length < MAGIC_BYTES) return 0;
      if (!isCapture(bytes)) {
        this.problem = 'not-a-capture';
        return bytes.length;
      }
      this.#format = isPcapMagic(bytes, 0)
        ? createPcapFormat(this.#sink, this.#coming)
        : createPcapngFormat(this.#sink);
    }
    let at = from;
    for (;;) {
      const taken = this.#format.read(bytes, at, bytes.length);
      if (taken === 0) return at - from;
      if (taken === CORRUPT) {
        this.problem = 'corrupt';
        return bytes.length - from;
      }
      at += taken;
    }
  }

  end(): void {
    if (this.problem !== 'none') return;
    if (this.#format === null) this.problem = 'not-a-capture';
    else if (this.#rest.length > 0) this.problem = 'ends-early';
  }

  counters(): Readonly<Record<string, number>> {
    return this.#format?.counters() ?? {};
  }
}

/** Not slice(): that of a Buffer is a view of the chunk, which its owner writes over. */
function copyOf(bytes: Uint8Array, from: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from));
}
