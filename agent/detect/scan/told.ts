/** What slow-sweep.ts and pooled-scan.ts know of what was told already, so that nothing is told twice. Bounded, allocate nothing after they were made. Pure. */
import type { FanOut } from '../fan-out.js';
import { SlotTable } from '../slot-table.js';

/** Of a scanner, or a pair; 37 bytes each. */
const SCANS = 1_024;
/** For how long the connections of a scan may still end (port-scan-opening.ts). */
const LATE_MS = 900_000;

/** Scans that another count tells: what fails now belongs to them. */
export class ToldElsewhere {
  readonly #scans = new SlotTable(SCANS);
  readonly #toldMs = new Float64Array(SCANS);

  get evicted(): number {
    return this.#scans.evicted;
  }

  note(who: number, other: number, nowMs: number): void {
    this.#toldMs[this.#scans.intern(who, other, 0)] = nowMs;
  }

  isOf(who: number, other: number, nowMs: number): boolean {
    const slot = this.#scans.find(who, other, 0);
    return slot >= 0 && Math.abs(nowMs - (this.#toldMs[slot] ?? 0)) < LATE_MS;
  }
}

/** Members of each group of a fan-out that were told. */
export class ToldMembers {
  readonly #fanOut: FanOut;
  readonly #told: Int32Array;

  /** `members` as the fan-out has. */
  constructor(fanOut: FanOut, members: number) {
    this.#fanOut = fanOut;
    this.#told = new Int32Array(members);
  }

  /** Those that left the window, before one more is added: the next scan is not measured by the last one. */
  forget(who: number, part: number, of: number, nowMs: number): void {
    this.#fanOut.expire(nowMs);
    const slot = this.#fanOut.find(who, part, of);
    if (slot >= 0) this.#told[slot] = Math.min(this.#told[slot] ?? 0, this.#fanOut.distinct(slot));
  }

  /** As FanOut's `add`. */
  add(who: number, part: number, of: number, member: number, nowMs: number): number {
    const slot = this.#fanOut.add(who, part, of, member, nowMs);
    if (this.#fanOut.events(slot) === 1) this.#told[slot] = 0;
    return slot;
  }

  /** How many were not told. */
  fresh(slot: number): number {
    return this.#fanOut.distinct(slot) - (this.#told[slot] ?? 0);
  }

  /** All of them up to now. */
  tell(slot: number): void {
    this.#told[slot] = this.#fanOut.distinct(slot);
  }
}
