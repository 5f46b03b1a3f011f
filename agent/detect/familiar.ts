/**
 * What each device is used to, as sets of numbers (peers, services or networks), with the time since which it is watched. Outlives a
 * change of settings, and a restart through the agent's store. Bounded over all devices and for each.
 */
import { MAX_MEMORY_VALUES, type Memory } from './memory.js';
import type { DetectorName } from './settings.js';

const HOUR_MS = 3_600_000;

export interface Circle {
  sinceMs: number;
  readonly known: Set<number>;
  /** When the last few new ones came, oldest first. */
  readonly newMs: number[];
  isChanged: boolean;
}

export class Familiar {
  kept = 0;
  notKept = 0;
  readonly #most: number;
  readonly #devices = new Map<string, Circle>();

  /** `most`: about 40 bytes each. */
  constructor(most: number) {
    this.#most = most;
  }

  circle(device: string, nowMs: number): Circle {
    let circle = this.#devices.get(device);
    if (!circle)
      this.#devices.set(device, (circle = { sinceMs: nowMs, known: new Set(), newMs: [], isChanged: true }));
    return circle;
  }

  /** The one met first makes room within its own device; where there is no room at all, it is counted. */
  add(circle: Circle, key: number, mostPerDevice: number): void {
    if (circle.known.size >= mostPerDevice) {
      const [first] = circle.known;
      if (first !== undefined) circle.known.delete(first);
      this.kept -= 1;
    }
    if (this.kept >= this.#most) {
      this.notKept += 1;
      return;
    }
    circle.known.add(key);
    circle.isChanged = true;
    this.kept += 1;
  }

  /** Notes a new one; returns how many were new within an hour, at most `limit`. */
  countNew(circle: Circle, limit: number, nowMs: number): number {
    circle.newMs.push(nowMs);
    while ((circle.newMs[0] ?? nowMs) < nowMs - HOUR_MS || circle.newMs.length > limit) circle.newMs.shift();
    return circle.newMs.length;
  }

  /** What changed since it was last taken (or all, and then none counts as taken); the latest where there are too many for one memory. */
  *memories(detector: DetectorName, isAll: boolean): Generator<Memory> {
    for (const [device, circle] of this.#devices) {
      if (!circle.isChanged && !isAll) continue;
      if (!isAll) circle.isChanged = false;
      const latest = [...circle.known].slice(-(MAX_MEMORY_VALUES - 1));
      yield { detector, device, key: '', values: [circle.sinceMs, ...latest] };
    }
  }

  restoreMemory({ device, values }: Memory, mostPerDevice: number): void {
    const [sinceMs = 0, ...keys] = values;
    const circle = this.circle(device, sinceMs);
    circle.sinceMs = Math.min(circle.sinceMs, sinceMs);
    for (const key of keys) if (!circle.known.has(key)) this.add(circle, key, mostPerDevice);
  }
}
