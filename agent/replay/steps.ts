/**
 * The seconds between two packets: detectors and the flow table are told of those in which something is due, and of the last one before
 * the next event. The others are skipped, with the very same result: a capture of weeks is mostly seconds in which nothing happens.
 */

const STEP_MS = 1_000;
/** A longer silence says that the capture was put together from pieces: time then goes on in steps that count as a pause of the box. */
const TORN_GAP_MS = 25 * 86_400_000;
const STEPS_PER_TORN_GAP = 3_600;
/** Fractions of a millisecond are rounded: a step too many does nothing. */
const MARGIN_MS = 1;

export interface StepOptions {
  /** Ends flows that are over; what comes of it goes through `event` first. */
  readonly expire: (atMs: number) => void;
  readonly flowsDueMs: () => number;
  readonly tick: (atMs: number) => void;
  readonly detectorsDueMs: () => number;
}

export class Steps {
  readonly #options: StepOptions;
  /** The last step that was taken or skipped; counted from the first packet on. */
  #tickedMs = Number.NEGATIVE_INFINITY;
  /** The step that the detectors were not told of, as nothing was due in it; 0: none. */
  #owedMs = 0;
  /** When the detectors have something to tell; NaN: not asked since the last event. */
  #dueMs = Number.NaN;

  constructor(options: StepOptions) {
    this.#options = options;
  }

  get hasBegun(): boolean {
    return this.#tickedMs !== Number.NEGATIVE_INFINITY;
  }

  begin(nowMs: number): void {
    this.#tickedMs = nowMs;
  }

  /** Every step up to now. Times never go back. */
  advance(nowMs: number): void {
    const gapMs = nowMs - this.#tickedMs;
    if (gapMs < STEP_MS) return;
    const isTorn = gapMs > TORN_GAP_MS;
    const stepMs = isTorn ? gapMs / STEPS_PER_TORN_GAP : STEP_MS;
    for (let left = Math.floor(gapMs / stepMs); left > 0; left--) {
      if (!isTorn) {
        const idle = Math.min(left, this.#idleSteps());
        if (idle > 0) this.#owedMs = this.#tickedMs += idle * STEP_MS;
        left -= idle;
        if (left === 0) break;
      }
      this.#tickedMs += stepMs;
      this.#step(Math.min(this.#tickedMs, nowMs), isTorn);
    }
  }

  /** Before every event, and when the steps end: the detectors are told how late it is. */
  event(): void {
    if (this.#owedMs !== 0) this.#tick();
    this.#dueMs = Number.NaN;
  }

  #idleSteps(): number {
    const dueMs = Math.min(this.#detectorsDueMs(), this.#options.flowsDueMs());
    return Math.max(0, Math.ceil((dueMs - MARGIN_MS - this.#tickedMs) / STEP_MS) - 1);
  }

  #step(atMs: number, isAlways: boolean): void {
    this.#options.expire(atMs);
    this.#owedMs = atMs;
    if (isAlways || atMs >= this.#detectorsDueMs() - MARGIN_MS) this.#tick();
  }

  #tick(): void {
    const atMs = this.#owedMs;
    this.#owedMs = 0;
    this.#dueMs = Number.NaN;
    this.#options.tick(atMs);
  }

  #detectorsDueMs(): number {
    if (Number.isNaN(this.#dueMs)) this.#dueMs = this.#options.detectorsDueMs();
    return this.#dueMs;
  }
}
