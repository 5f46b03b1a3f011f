/**
 * Since when devices are watched: by this run of the box, and at all. What goes on from the beginning was there before the box. Used by
 * brute-force.ts; the second outlives a restart through its memories. Bounded.
 */
import type { DetectContext } from '../detector.js';
import { subjectOf, type DetectEvent } from '../event.js';
import type { Memory } from '../memory.js';
import { SlotTable } from '../slot-table.js';

const DEVICES = 2_048;

export class WatchedDevices {
  readonly #context: DetectContext;
  readonly #devices = new SlotTable(DEVICES);
  readonly #runMs = new Float64Array(DEVICES);
  readonly #firstMs = new Float64Array(DEVICES);
  readonly #isChanged = new Uint8Array(DEVICES);

  constructor(context: DetectContext) {
    this.#context = context;
  }

  /** EVENT_END. */
  note(event: DetectEvent, nowMs: number): void {
    const slot = this.#devices.intern(subjectOf(event), 0, 0);
    if (this.#devices.isNew) this.#begin(slot, nowMs - event.durationMs, nowMs - event.durationMs);
    else if (this.#runMs[slot] === 0) this.#runMs[slot] = nowMs - event.durationMs;
  }

  /** A connection that ends now began so soon after this run first saw its device. */
  isSoonAfterStart(event: DetectEvent, nowMs: number, withinMs: number): boolean {
    const slot = this.#devices.find(subjectOf(event), 0, 0);
    return slot >= 0 && nowMs - event.durationMs - (this.#runMs[slot] ?? 0) <= withinMs;
  }

  /** The same since its device was ever seen. */
  isSoonAfterFirst(event: DetectEvent, nowMs: number, withinMs: number): boolean {
    const slot = this.#devices.find(subjectOf(event), 0, 0);
    return slot >= 0 && nowMs - event.durationMs - (this.#firstMs[slot] ?? 0) <= withinMs;
  }

  *memories(isAll: boolean): Generator<Memory> {
    for (let slot = 0; slot < this.#devices.size; slot++) {
      const { name } = this.#context.describe(this.#devices.keyA(slot));
      if (name === null || (this.#isChanged[slot] === 0 && !isAll)) continue;
      if (!isAll) this.#isChanged[slot] = 0;
      yield { detector: 'bruteForce', device: name, key: '', values: [this.#firstMs[slot] ?? 0] };
    }
  }

  restore(device: number, firstMs: number): void {
    const slot = this.#devices.intern(device, 0, 0);
    // It is not known yet when this run sees it.
    if (this.#devices.isNew) this.#begin(slot, 0, firstMs);
    else this.#firstMs[slot] = Math.min(this.#firstMs[slot] ?? firstMs, firstMs);
  }

  get evicted(): number {
    return this.#devices.evicted;
  }

  #begin(slot: number, runMs: number, firstMs: number): void {
    this.#runMs[slot] = runMs;
    this.#firstMs[slot] = firstMs;
    this.#isChanged[slot] = 1;
  }
}
