/** A stretch of time as a person writes it: `30d` back from now, or `2026-01-01..2026-03-31` with both days in it. Pure; days are UTC. */
import { parseDuration } from './durations.js';

export interface Period {
  readonly fromMs: number;
  /** The first moment after it. */
  readonly toMs: number;
}

const DAY_MS = 86_400_000;
/** Durations of years, which a containment cannot have. */
const DAYS = /^(\d{1,5})d$/;

/** Null for anything else. An open end (`2026-01-01..`) is now. */
export function parsePeriod(text: string, nowMs: number): Period | null {
  const [from, to, ...rest] = text.split('..');
  if (to === undefined) {
    const fromMs = momentBefore(text, nowMs);
    return fromMs === null ? null : { fromMs, toMs: nowMs };
  }
  const fromMs = dayOf(from ?? '');
  const lastMs = to === '' ? nowMs - DAY_MS : dayOf(to);
  if (rest.length > 0 || fromMs === null || lastMs === null || lastMs + DAY_MS <= fromMs) return null;
  return { fromMs, toMs: Math.min(lastMs + DAY_MS, Math.max(nowMs, fromMs + 1)) };
}

/** A day (`2026-01-01`), or how long ago (`36h`, `400d`); null for anything else. */
export function parseMoment(text: string, nowMs: number): number | null {
  return dayOf(text) ?? momentBefore(text, nowMs);
}

function momentBefore(text: string, nowMs: number): number | null {
  const days = DAYS.exec(text)?.[1];
  const seconds = days === undefined ? parseDuration(text) : Number(days) * 86_400;
  return seconds === null || seconds === 0 ? null : nowMs - seconds * 1000;
}

function dayOf(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const atMs = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(atMs) || !new Date(atMs).toISOString().startsWith(text) ? null : atMs;
}
