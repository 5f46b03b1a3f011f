/** Durations and times as a person writes and reads them. Pure: the clock is a parameter. */

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
/** The longest that a containment may be ordered for, see messages/enforcer-messages.ts: a year. */
export const MAX_DURATION_SECONDS = 31_536_000;

/** `90s`, `15m`, `2h`, `7d` in seconds; null for anything else, zero, or more than a year. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  const unit = UNIT_SECONDS[match?.[2] ?? ''];
  if (!match || unit === undefined) return null;
  const seconds = Number(match[1]) * unit;
  return seconds >= 1 && seconds <= MAX_DURATION_SECONDS ? seconds : null;
}

/** The largest unit, rounded down, and the next one where it says something: `45 s`, `3 min`, `2 h 5 min`, `9 d 3 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return pair(whole, 60, 'min', 1, 's', whole < 300);
  if (whole < 86_400) return pair(whole, 3_600, 'h', 60, 'min', true);
  return pair(whole, 86_400, 'd', 3_600, 'h', whole < 30 * 86_400);
}

/** `3 min ago`, `in 2 h 5 min`, `now`. */
export function formatRelative(atMs: number, nowMs: number): string {
  const seconds = Math.round((atMs - nowMs) / 1000);
  if (seconds === 0) return 'now';
  if (seconds > 0) return `in ${formatDuration(seconds)}`;
  const past = -seconds;
  if (past < 3_600 && past >= 60) return `${Math.floor(past / 60)} min ago`;
  return `${formatDuration(past)} ago`;
}

/** Local time with its offset (RFC 3339), to the second: `2026-11-24T09:30:00+01:00`. */
export function formatTime(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const offsetMinutes = -date.getTimezoneOffset();
  const sign = offsetMinutes < 0 ? '-' : '+';
  const offset = `${sign}${two(Math.floor(Math.abs(offsetMinutes) / 60))}:${two(Math.abs(offsetMinutes) % 60)}`;
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${offset}`;
}

/** `2026-11-24T09:30:00+01:00 (3 min ago)`. */
export function formatTimeAndAge(atMs: number, nowMs: number): string {
  return `${formatTime(atMs)} (${formatRelative(atMs, nowMs)})`;
}

function pair(
  seconds: number,
  unit: number,
  name: string,
  lesserUnit: number,
  lesserName: string,
  withLesser: boolean,
): string {
  const lesser = Math.floor((seconds % unit) / lesserUnit);
  const text = `${Math.floor(seconds / unit)} ${name}`;
  return withLesser && lesser > 0 ? `${text} ${lesser} ${lesserName}` : text;
}
