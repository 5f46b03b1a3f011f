/** Small words that the sections of a report share. Pure. */
import type { Level } from '../risk/scale.js';
import type { Cell } from './document.js';

/** `2026-11-25 10:30 UTC` of an ISO 8601 time. */
export function moment(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}

export function day(time: string): string {
  return time.slice(0, 10);
}

export function orDash(text: string | null): string {
  return text === null || text === '' ? '-' : text;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

export function levelCell(level: Level, text: string): Cell {
  if (level === 'very high' || level === 'high') return { text, tone: 'bad' };
  return level === 'moderate' ? { text, tone: 'warn' } : text;
}

/** `pump-3` before `pump-15`. */
export function naturally(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const [one = '', other = ''] = [left[at], right[at]];
    const byNumber = /^\d/.test(one) && /^\d/.test(other) ? Number(one) - Number(other) : 0;
    if (byNumber !== 0) return byNumber;
    if (one !== other) return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

/** `a, b, c and 4 more`. */
export function listed(all: readonly string[], most: number): string {
  const shown = all.length <= most + 1 ? all : all.slice(0, most);
  return `${shown.join(', ')}${all.length > shown.length ? ` and ${all.length - shown.length} more` : ''}`;
}
