/**
 * A capture file in chunks of any size, packets out: finds out which format it is and keeps what a chunk left unfinished.
 * Bounded: one record and one chunk. Never throws; a file that ends early or makes no sense is a `problem`. Pure.
 */
import { createPcapFormat, isPcapMagic } from './pcap.js';
import { createPcapngFormat, SECTION_HEADER } from './pcapng.js';
import { readU32 } from './byte-reader.js';
import type { PacketSink } from './packet-record.js';
import { CORRUPT, type RecordFormat } from './record-format.js';

export type CaptureProblem = 'none' | 'not-a-capture' | 'corrupt' | 'ends-early';

const MAGIC_BYTES = 4;

/** The first four bytes tell a capture from a flow log. */
export function isCapture(bytes: Uint8Array): boolean {
  if (bytes.length < MAGIC_BYTES) return false;
  return readU32(bytes, 0, true) === SECTION_HEADER || isPcapMagic(bytes, 0);
}

export class CaptureReader {
  problem: CaptureProblem = 'none';
  readonly #sink: PacketSink;
  #format: RecordFormat | null = null;
  /** What was read and not used yet. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** The chunk may be reused by the caller afterwards. */
  push(chunk: Uint8Array): void {
    if (this.problem !== 'none') return;
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    if (this.#format === null) {
      if (bytes.length < MAGIC_BYTES) {
        this.#rest = copyOf(bytes, 0);
        return;
      }
      if (!isCapture(bytes)) {
        this.problem = 'not-a-capture';
        return;
      }
      this.#format = isPcapMagic(bytes, 0) ? createPcapFormat(this.#sink) : createPcapngFormat(this.#sink);
    }
    let at = 0;
    for (;;) {
      const taken = this.#format.read(bytes, at, bytes.length);
      if (taken === CORRUPT) {
        this.problem = 'corrupt';
        return;
      }
      if (taken === 0) break;
      at += taken;
    }
    this.#rest = copyOf(bytes, at);
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
