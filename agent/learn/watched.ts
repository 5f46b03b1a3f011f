/**
 * When the box watched: stretches of time in which its processes were up and told of everything. What was not watched was not learnt, and the
 * coverage meter must not claim it. Pure; times are Unix milliseconds.
 */

/** Each restart begins a stretch. Past it the oldest goes, and the meter claims less. */
const MAX_STRETCHES = 512;
const HOUR_MS = 3_600_000;
const HOURS_OF_A_WEEK = 168;
/** An hour counts once this much of it was watched. */
const ENOUGH_OF_AN_HOUR_MS = HOUR_MS / 2;
/** 1970-01-01 was a Thursday; weeks begin on Monday. */
const MONDAY_OFFSET_HOURS = 3 * 24;

export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

export class WatchLog {
  readonly #joinMs: number;
  #stretches: Stretch[];

  /** Looks no further apart than `joinMs` are one stretch. */
  constructor(joinMs: number, stretches: readonly Stretch[] = []) {
    this.#joinMs = joinMs;
    this.#stretches = [...stretches].slice(-MAX_STRETCHES);
  }

  /** A sign of life. A clock that was set back begins a new stretch. */
  see(atMs: number): void {
    const last = this.#stretches.at(-1);
    if (last !== undefined && atMs >= last.fromMs && atMs - last.toMs <= this.#joinMs) {
      this.#stretches[this.#stretches.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, atMs) };
      return;
    }
    this.#stretches.push({ fromMs: atMs, toMs: atMs });
    if (this.#stretches.length > MAX_STRETCHES) this.#stretches.shift();
  }

  stretches(): readonly Stretch[] {
    return this.#stretches;
  }
}

/** What of `stretches` is not before `sinceMs`. */
export function since(stretches: readonly Stretch[], sinceMs: number): readonly Stretch[] {
  return stretches.flatMap(({ fromMs, toMs }) =>
    toMs <= sinceMs ? [] : [{ fromMs: Math.max(fromMs, sinceMs), toMs }],
  );
}

export function totalMs(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}

/** Which hours of the week were watched, Monday 00:00 first. `offsetMinutes`: local time minus UTC. */
export function hoursOfWeek(stretches: readonly Stretch[], offsetMinutes: number): readonly boolean[] {
  const watchedMs = new Array<number>(HOURS_OF_A_WEEK).fill(0);
  for (const { fromMs, toMs } of stretches) {
    // A week and more has every hour; the rest of it adds nothing.
    const endMs = Math.min(toMs, fromMs + (HOURS_OF_A_WEEK + 1) * HOUR_MS);
    for (let atMs = fromMs; atMs < endMs;) {
      const hour = Math.floor((atMs + offsetMinutes * 60_000) / HOUR_MS);
      const nextMs = Math.min(endMs, (hour + 1) * HOUR_MS - offsetMinutes * 60_000);
      const slot = (((hour + MONDAY_OFFSET_HOURS) % HOURS_OF_A_WEEK) + HOURS_OF_A_WEEK) % HOURS_OF_A_WEEK;
      watchedMs[slot] = Math.max(watchedMs[slot] ?? 0, nextMs - atMs);
      atMs = nextMs;
    }
  }
  return watchedMs.map((ms) => ms >= ENOUGH_OF_AN_HOUR_MS);
}

/** The last stretch, pauses of at most `pauseMs` left out of account; null where nothing was watched. */
export function lastRun(stretches: readonly Stretch[], pauseMs: number): Stretch | null {
  let run: Stretch | null = null;
  for (const stretch of stretches)
    run =
      run !== null && stretch.fromMs - run.toMs <= pauseMs && stretch.fromMs >= run.fromMs
        ? { fromMs: run.fromMs, toMs: Math.max(run.toMs, stretch.toMs) }
        : stretch;
  return run;
}
