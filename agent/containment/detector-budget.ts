/**
 * How many devices detectors may contain: so many an hour for the box and for each detector, so that one wrong threshold does
 * not contain a ward. Pure; asked by enforcer/detector-containment.ts.
 */
const HOUR_MS = 3_600_000;

export type Spent = readonly { readonly detector: string; readonly atMs: number }[];

export interface Limits {
  readonly box: number;
  readonly detector: number;
}

export interface Asked {
  /** What was spent within the hour, and this one where there was room for it. */
  readonly spent: Spent;
  /** Whose budget is used up, or null when it was granted. */
  readonly exhausted: 'box' | 'detector' | null;
}

/** `nowMs` on the steady clock. */
export function spend(spent: Spent, detector: string, limits: Limits, nowMs: number): Asked {
  const recent = spent.filter(({ atMs }) => nowMs - atMs < HOUR_MS);
  if (recent.length >= limits.box) return { spent: recent, exhausted: 'box' };
  const own = recent.filter((one) => one.detector === detector);
  if (own.length >= limits.detector) return { spent: recent, exhausted: 'detector' };
  return { spent: [...recent, { detector, atMs: nowMs }], exhausted: null };
}
