/**
 * Which segments of the activity log may go, and when a new one begins. Pure; used by store/activity-log.ts. A segment goes as a whole, its youngest
 * entry decides, and one a day at most: a clock that is wrong for a while costs a segment, not the log.
 */

/**
 * 45 CFR 164.316(b)(2)(i): six years from creation or from the date when it last was in effect, whichever is later. Two or one of any six years are
 * leap years.
 */
export const SIX_YEARS_DAYS = 2_192;
export const MAX_SEGMENT_BYTES = 1024 * 1024;
/** About 150,000 entries, of 70 a day over six years. Past it the oldest go before their time, which is recorded and counted. */
export const MAX_LOG_BYTES = 64 * 1024 * 1024;
export const DAY_MS = 86_400_000;

export interface SegmentFacts {
  readonly number: number;
  readonly sizeBytes: number;
  /** When its last entry was written. */
  readonly lastMs: number;
}

export type Drop = { readonly number: number; readonly why: 'old' | 'no room' } | null;

/** `segments`, oldest first; the last is being written to and never goes. `isRested`: none went for old age within a day of running. */
export function segmentToDrop(
  segments: readonly SegmentFacts[],
  keepDays: number,
  nowMs: number,
  isRested: boolean,
): Drop {
  const [oldest, ...rest] = segments;
  if (oldest === undefined || rest.length === 0) return null;
  const total = segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (total > MAX_LOG_BYTES) return { number: oldest.number, why: 'no room' };
  const isOld = nowMs - oldest.lastMs > keepDays * DAY_MS;
  return isOld && isRested ? { number: oldest.number, why: 'old' } : null;
}

/** A new one each month, so that a segment grows too old as a whole; a full one at once. */
export function isSegmentDone(sizeBytes: number, begunMs: number, nowMs: number): boolean {
  return sizeBytes >= MAX_SEGMENT_BYTES || (nowMs > begunMs && month(begunMs) !== month(nowMs));
}

function month(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 7);
}
