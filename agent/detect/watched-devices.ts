/**
 * Since when devices are watched: by this run of the box, and at all. What goes on from the beginning was there before the box. Used by
 * brute-force.ts and port-look.ts; the second outlives a restart through their memories. Bounded.
 */
import type { DetectContext } from './detector.js';
import { subjectOf, UNKNOWN_DEVICE, type DetectEvent } from './event.js';
import type { Memory } from './memory.js';
import type { DetectorName } from './settings.js';
import { SlotTable } from './slot-table.js';

const DEVICES = 2_048;

export class WatchedDevices {
  readonly #context: DetectContext;
  readonly #detector: DetectorName;
  readonly #known = new Watched();
  /** Unknown ones are an address each: apart, so that a flood of them makes no known device new. */
  readonly #strangers = new Watched();

  constructor(context: DetectContext, detector: DetectorName) {
    this.#context = context;
    this.#detector = detector;
  }

  /** EVENT_END. */
  note(event: DetectEvent, nowMs: number): void {
    this.#of(subjectOf(event)).note(event, nowMs);
  }

  /** A connection that ends now began so soon after this run first saw its device. */
  isSoonAfterStart(event: DetectEvent, nowMs: number, withinMs: number): boolean {
    const subject = subjectOf(event);
    const watched = this.#of(subject);
    const slot = watched.devices.find(subject, 0, 0);
    return slot >= 0 && nowMs - event.durationMs - (watched.runMs[slot] ?? 0) <= withinMs;
  }

  /** What a subject (event.ts) did at a time, so soon after its device was ever seen. */
  isSoonAfterFirst(subject: number, atMs: number, withinMs: number): boolean {
    const watched = this.#of(subject);
    const slot = watched.devices.find(subject, 0, 0);
    return slot >= 0 && atMs - (watched.firstMs[slot] ?? 0) <= withinMs;
  }

  *memories(isAll: boolean): Generator<Memory> {
    const { devices, firstMs, isChanged } = this.#known;
    for (let slot = 0; slot < devices.size; slot++) {
      const { name } = this.#context.describe(devices.keyA(slot));
      if (name === null || (isChanged[slot] === 0 && !isAll)) continue;
      if (!isAll) isChanged[slot] = 0;
      yield { detector: this.#detector, device: name, key: '', values: [firstMs[slot] ?? 0] };
    }
  }

  restore(device: number, firstMs: number): void {
    if (device > UNKNOWN_DEVICE) this.#known.restore(device, firstMs);
  }

  get evicted(): number {
    return this.#known.devices.evicted + this.#strangers.devices.evicted;
  }

  #of(subject: number): Watched {
    return subject > UNKNOWN_DEVICE ? this.#known : this.#strangers;
  }
}

class Watched {
  readonly devices = new SlotTable(DEVICES);
  readonly runMs = new Float64Array(DEVICES);
  readonly firstMs = new Float64Array(DEVICES);
  readonly isChanged = new Uint8Array(DEVICES);

  /** Takes the event, as a computed number would be boxed for each call. */
  note(event: DetectEvent, nowMs: number): void {
    const slot = this.devices.intern(subjectOf(event), 0, 0);
    if (this.devices.isNew) this.#begin(slot, nowMs - event.durationMs, nowMs - event.durationMs);
    else if (this.runMs[slot] === 0) this.runMs[slot] = nowMs - event.durationMs;
  }

  restore(device: number, firstMs: number): void {
    const slot = this.devices.intern(device, 0, 0);
    // It is not known yet when this run sees it.
    if (this.devices.isNew) this.#begin(slot, 0, firstMs);
    else this.firstMs[slot] = Math.min(this.firstMs[slot] ?? firstMs, firstMs);
  }

  #begin(slot: number, runMs: number, firstMs: number): void {
    this.runMs[slot] = runMs;
    this.firstMs[slot] = firstMs;
    this.isChanged[slot] = 1;
  }
}
