/**
 * When an open finding is told again, and when it ends: the whole state machine, as one pure decision over plain data.
 * Called by finding-book.ts. A thing is told when it is new, seldom while it grows, and once more when it is over.
 */

/** The first update after a finding was opened; every later one waits twice as long as the one before. */
export const FIRST_UPDATE_MS = 5_000;
/** Never seldomer than this while it grows: that is for the box's own list; upstream hears daily at last (finding-news.ts). */
export const LONGEST_UPDATE_MS = 3_600_000;
/** After so many it would be longer. */
const MOST_DOUBLINGS = Math.floor(Math.log2(LONGEST_UPDATE_MS / FIRST_UPDATE_MS));

export interface FindingLife {
  /** How often it was told. 0: not yet. */
  readonly tellings: number;
  readonly toldMs: number;
  /** The last sighting. */
  readonly lastMs: number;
  /** Seen again since it was told. */
  readonly isChanged: boolean;
  /** Without a sighting for this long, it is over. */
  readonly quietMs: number;
}

export type Telling = 'nothing' | 'opened' | 'updated' | 'closed';

export function nextTelling(life: FindingLife, nowMs: number): Telling {
  if (life.tellings === 0) return 'opened';
  if (nowMs - life.lastMs >= life.quietMs) return 'closed';
  if (life.isChanged && nowMs - life.toldMs >= updateIntervalMs(life.tellings)) return 'updated';
  return 'nothing';
}

/** The earliest time at which something is to be told. */
export function tellingDueMs(life: FindingLife): number {
  const closedMs = life.lastMs + life.quietMs;
  return life.isChanged ? Math.min(closedMs, life.toldMs + updateIntervalMs(life.tellings)) : closedMs;
}

export function updateIntervalMs(tellings: number): number {
  const doublings = Math.max(0, tellings - 1);
  return doublings > MOST_DOUBLINGS ? LONGEST_UPDATE_MS : FIRST_UPDATE_MS << doublings;
}
