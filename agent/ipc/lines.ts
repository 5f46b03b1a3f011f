/**
 * Splits a byte stream into lines at LF, for both ends of our unix sockets. Holds at most `maxLineBytes` of an unfinished
 * line; must never look at a byte twice, so that a line fed byte by byte costs linear time.
 */

const LF = 0x0a;

export interface SplitLines {
  /** Whole lines in order, without their LF. */
  readonly lines: readonly Buffer[];
  /** True once a line was longer than the limit: the stream is lost, close it. Stays true. */
  readonly isOverlong: boolean;
}

export class LineSplitter {
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #isOverlong = false;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  push(chunk: Buffer): SplitLines {
    const lines: Buffer[] = [];
    let start = 0;
    while (!this.#isOverlong) {
      const end = chunk.indexOf(LF, start);
      const piece = chunk.subarray(start, end === -1 ? chunk.length : end);
      if (this.#partBytes + piece.length > this.#maxLineBytes) {
        this.#isOverlong = true;
        this.#parts = [];
        break;
      }
      if (end === -1) {
        this.#keep(piece);
        break;
      }
      lines.push(this.#parts.length === 0 ? piece : Buffer.concat([...this.#parts, piece]));
      this.#parts = [];
      this.#partBytes = 0;
      start = end + 1;
    }
    return { lines, isOverlong: this.#isOverlong };
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#parts.push(piece);
    this.#partBytes += piece.length;
  }
}
