/**
 * What each device is used to, as sets of numbers (peers, services or networks), with the time since which it is watched. Outlives a
 * change of settings, and a restart through the agent's store. Bounded over all devices and for each.
 */
import { MAX_MEMORY_VALUES, type Memory } from '../memory.js';
import type { DetectorName } from '../settings.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Days with many new ones, within a month (holidays are shorter), that make them usual: browsers, resolvers and mail relays have them daily. */
const RESTLESS_DAYS = 3;
const RESTLESS_MS = 30 * DAY_MS;
/** Never makes room for others. */
export const PINNED = -1;
/** The key of a memory that holds the days with many new ones; the other has what is known. */
const RESTLESS = 'days';

export interface Circle {
  sinceMs: number;
  readonly known: Set<number>;
  /** The last few new ones, oldest first, and when they came. */
  readonly recent: { readonly key: number; readonly ms: number }[];
  /** The last few days on which there were many, oldest first; none is the first day, when everything is new. */
  readonly restlessMs: number[];
  isChanged: boolean;
  isRestlessChanged: boolean;
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
    if (!circle) {
      circle = {
        sinceMs: nowMs,
        known: new Set(),
        recent: [],
        restlessMs: [],
        isChanged: true,
        isRestlessChanged: false,
      };
      this.#devices.set(device, circle);
    }
    return circle;
  }

  /** The one met first makes room within its own device; where there is no room at all, it is counted. */
  add(circle: Circle, key: number, mostPerDevice: number): void {
    if (circle.known.size >= mostPerDevice) {
      const [first, second] = circle.known;
      const oldest = first === PINNED ? second : first;
      if (oldest !== undefined) circle.known.delete(oldest);
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

  /** Notes a new one, the same once; returns how many were new within an hour, at most `many`. */
  countNew(circle: Circle, key: number, many: number, nowMs: number): number {
    const { recent } = circle;
    while ((recent[0]?.ms ?? nowMs) < nowMs - HOUR_MS) recent.shift();
    if (!recent.some((one) => one.key === key)) recent.push({ key, ms: nowMs });
    if (recent.length > many) recent.shift();
    if (recent.length >= many) this.#noteRestless(circle, nowMs);
    return recent.length;
  }

  /** Many new ones are usual for this device: they were on several days before today. */
  isRestless(circle: Circle, nowMs: number): boolean {
    const today = dayOf(circle, nowMs);
    const before = circle.restlessMs.filter((ms) => ms >= nowMs - RESTLESS_MS && dayOf(circle, ms) < today);
    return before.length >= RESTLESS_DAYS;
  }

  #noteRestless(circle: Circle, nowMs: number): void {
    const { restlessMs } = circle;
    const day = dayOf(circle, nowMs);
    if (day < 1 || day === dayOf(circle, restlessMs.at(-1) ?? circle.sinceMs)) return;
    restlessMs.push(nowMs);
    if (restlessMs.length > RESTLESS_DAYS + 1) restlessMs.shift();
    circle.isRestlessChanged = true;
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

  /** Days with many new ones, apart: what is known may be kept elsewhere. */
  *restlessMemories(detector: DetectorName, isAll: boolean): Generator<Memory> {
    for (const [device, circle] of this.#devices) {
      if (circle.restlessMs.length === 0 || (!circle.isRestlessChanged && !isAll)) continue;
      if (!isAll) circle.isRestlessChanged = false;
      yield { detector, device, key: RESTLESS, values: [circle.sinceMs, ...circle.restlessMs] };
    }
  }

  restoreMemory({ device, key: part, values }: Memory, mostPerDevice: number): void {
    const [sinceMs = 0, ...keys] = values;
    const circle = this.circle(device, sinceMs);
    circle.sinceMs = Math.min(circle.sinceMs, sinceMs);
    if (part === RESTLESS) {
      const all = [...new Set([...keys, ...circle.restlessMs])].sort((a, b) => a - b);
      circle.restlessMs.splice(0, Infinity, ...all.slice(-(RESTLESS_DAYS + 1)));
      return;
    }
    for (const key of keys) if (!circle.known.has(key)) this.add(circle, key, mostPerDevice);
  }
}

/** Counted from when it was first seen. */
function dayOf(circle: Circle, ms: number): number {
  return Math.floor((ms - circle.sinceMs) / DAY_MS);
}
