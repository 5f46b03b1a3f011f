/** Whether somebody still mends the software of a device, by the table of dates or by what a person entered. Pure; the day is given. */
import type { SupportEntry } from './support-table.js';

export const SUPPORT_STATES = ['ended', 'ending', 'supported', 'by contract', 'unknown'] as const;
export type SupportState = (typeof SUPPORT_STATES)[number];

export interface Support {
  readonly state: SupportState;
  /** What was looked up, as the table calls it; null where it does not know it. */
  readonly product: string | null;
  /** YYYY-MM-DD. */
  readonly ends: string | null;
  /** Where the date is from. */
  readonly source: string;
}

export const DAY_MS = 86_400_000;
/** So long before, replacement has to be in a budget. */
export const ENDING_DAYS = 365;

/** `entered`: the date that a person entered or the policy has, which wins. `software`: the system, or what a device runs instead. */
export function supportOf(
  software: string | null,
  entered: { readonly ends: string; readonly source: string } | null,
  table: readonly SupportEntry[],
  nowMs: number,
): Support {
  const found = software === null ? null : findProduct(software, table);
  if (entered !== null)
    return {
      state: stateOf(entered.ends, nowMs),
      product: found?.product ?? software,
      ends: entered.ends,
      source: entered.source,
    };
  if (found === null) return { state: 'unknown', product: null, ends: null, source: 'not in the table' };
  const state = found.ends === null ? 'by contract' : stateOf(found.ends, nowMs);
  return { state, product: found.product, ends: found.ends, source: found.source };
}

/** `Windows 10 or later` may be anything newer: not known. Of `A or B` the first is looked up. */
export function findProduct(software: string, table: readonly SupportEntry[]): SupportEntry | null {
  const text = software.toLowerCase().replace(/\s+/g, ' ');
  if (text.endsWith(' or later')) return null;
  const first = text.split(' or ')[0] ?? text;
  let best: SupportEntry | null = null;
  let length = 0;
  for (const entry of table)
    for (const name of entry.names)
      if (name.length > length && hasWords(first, name.toLowerCase())) {
        best = entry;
        length = name.length;
      }
  return best;
}

/** `windows 8` is in `windows 8 pro` and in neither `windows 8.1` nor `windows 80`; `linux 2` is in `linux 2.6`. */
function hasWords(text: string, name: string): boolean {
  const at = text.indexOf(name);
  if (at < 0 || (at > 0 && /[a-z0-9]/.test(text.charAt(at - 1)))) return false;
  const rest = text.slice(at + name.length);
  if (/^[a-z0-9]/.test(rest)) return false;
  return !/^\.\d/.test(rest) || !name.startsWith('windows');
}

function stateOf(ends: string, nowMs: number): SupportState {
  const daysLeft = daysUntil(ends, nowMs);
  if (daysLeft < 0) return 'ended';
  return daysLeft <= ENDING_DAYS ? 'ending' : 'supported';
}

/** Whole days until the end of that day, UTC; negative once it is over. */
export function daysUntil(date: string, nowMs: number): number {
  return Math.floor((Date.parse(`${date}T23:59:59Z`) - nowMs) / DAY_MS);
}
