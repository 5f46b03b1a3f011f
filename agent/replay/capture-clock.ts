/**
 * The clock of a capture as detectors may see it: it never goes back. Packets a little out of order get the time of the
 * one before; a clock that was set back (or two captures joined) goes on from where it was. Pure.
 */
/** Out of order up to this is a queue in the capturing machine; more is another clock. */
const DISORDER_MS = 5_000;

export class CaptureClock {
  /** Times that the clock was set back. */
  jumps = 0;
  #nowMs = Number.NEGATIVE_INFINITY;
  #offsetMs = 0;

  /** Whole milliseconds, as a finding has them. */
  now(timeMs: number): number {
    const shiftedMs = Math.floor(timeMs) + this.#offsetMs;
    if (shiftedMs >= this.#nowMs) {
      this.#nowMs = shiftedMs;
      return shiftedMs;
    }
    if (this.#nowMs - shiftedMs > DISORDER_MS) {
      this.jumps++;
      this.#offsetMs += this.#nowMs - shiftedMs;
    }
    return this.#nowMs;
  }
}
