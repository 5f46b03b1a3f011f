/** The end of an exception as a person writes it. Pure; used by schema.ts. */

/** Entries with an end in a policy, as written: all of them are in the status. */
export const MAX_EXCEPTIONS = 1_000;

const DAY_MS = 86_400_000;

export interface Until {
  /** As written. */
  readonly text: string;
  readonly endsMs: number;
}

/** A date (ISO 8601) ends with that day, in UTC; a time (RFC 3339) has its own offset. Null: neither. */
export function parseUntil(text: string): Until | null {
  const isDate = /^\d{4}-\d\d-\d\d$/.test(text);
  if (!isDate && !/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)) return null;
  const startMs = Date.parse(isDate ? `${text}T00:00:00Z` : text.toUpperCase());
  if (Number.isNaN(startMs) || startMs < 0) return null;
  return isDay(text.slice(0, 10)) ? { text, endsMs: isDate ? startMs + DAY_MS : startMs } : null;
}

/** What is wrong with a text that parseUntil does not take. */
export function untilProblem(text: unknown): string {
  const day = typeof text === 'string' ? /^(\d{4}-\d\d-\d\d)(?:$|[Tt])/.exec(text)?.[1] : undefined;
  return day !== undefined && !isDay(day)
    ? `there is no day ${day}`
    : 'write a date, 2027-03-01 (to the end of that day, UTC), or a time with its offset, 2027-03-01T12:00:00Z';
}

/** Date.parse makes the 2nd of March of the 30th of February. */
function isDay(text: string): boolean {
  const startMs = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(startMs) && new Date(startMs).toISOString().startsWith(text);
}
