/**
 * One entry of the activity log (45 CFR 164.312(b)): who did what to what, when. Entries are chained: each carries the hash of the one before and a
 * SHA-256 over its own canonical form, so that none can be changed, taken out or moved without the rest showing it. Pure: the hash is handed in.
 */
import { z } from 'zod';
import { canonicalJson, wellFormed } from './canonical-json.js';

/** Of UTF-8 text, as 64 hexadecimal digits. */
export type Sha256 = (text: string) => string;

/** What the first entry of all continues. */
export const NOTHING_BEFORE = '0'.repeat(64);
const MAX_WHO = 160;
const MAX_OBJECT = 200;
const MAX_DETAIL = 1_500;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const seq = z.int().min(1);

const activityEntry = z.strictObject({
  seq,
  /** When it happened, UTC. */
  at: time,
  /** When it was written down: later, where the agent was away or the disk full. */
  noted: time,
  /** As the command said, with the user that the kernel names for the other end of the socket. */
  who: z.string().min(1).max(MAX_WHO),
  what: z.string().regex(/^[a-z][a-z-]{1,39}$/),
  /** A device, or whatever else it was done to; empty where there is none. */
  object: z.string().max(MAX_OBJECT),
  detail: z.string().max(MAX_DETAIL),
  /** Only of `segment-dropped`: the last entry that is no longer there. */
  refers: z.strictObject({ seq, hash }).optional(),
  /** Hash of the entry before. */
  prev: hash,
  /** SHA-256 of the canonical form of all the above. */
  hash,
});
export type ActivityEntry = z.infer<typeof activityEntry>;

/** An entry before it is chained. */
export interface NewActivity {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  readonly object?: string;
  readonly detail: string;
  readonly refers?: Head;
}

/** The last entry of a log, which stands for all before it. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

export const NO_HEAD: Head = { seq: 0, hash: NOTHING_BEFORE };

/** `line` has no line feed. */
export function seal(
  item: NewActivity,
  before: Head,
  notedMs: number,
  sha256: Sha256,
): { readonly entry: ActivityEntry; readonly line: string } {
  const open = {
    seq: before.seq + 1,
    at: timeText(item.atMs),
    noted: timeText(notedMs),
    who: cut(item.who === '' ? 'unknown' : item.who, MAX_WHO),
    what: item.what,
    object: cut(item.object ?? '', MAX_OBJECT),
    detail: cut(item.detail, MAX_DETAIL),
    ...(item.refers !== undefined && { refers: item.refers }),
    prev: before.hash,
  };
  const entry = activityEntry.parse({ ...open, hash: sha256(canonicalJson(open)) });
  return { entry, line: canonicalJson(entry) };
}

export type ReadLine =
  | { readonly ok: true; readonly entry: ActivityEntry }
  /** `entry`: what it says, where it can still be read as an entry. */
  | { readonly ok: false; readonly problem: string; readonly entry: ActivityEntry | null };

/** Whether a line is, byte for byte, what was once sealed. */
export function readEntry(line: string, sha256: Sha256): ReadLine {
  const parsed = activityEntry.safeParse(parseJson(line));
  if (!parsed.success) return { ok: false, problem: 'it is not an entry', entry: null };
  const { hash: stated, ...open } = parsed.data;
  if (sha256(canonicalJson(open)) !== stated)
    return { ok: false, problem: 'its hash does not fit what it says', entry: parsed.data };
  if (canonicalJson(parsed.data) !== line)
    return { ok: false, problem: 'it is not written as it was', entry: parsed.data };
  return { ok: true, entry: parsed.data };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function cut(text: string, length: number): string {
  const whole = wellFormed(text);
  return whole.length <= length ? whole : wellFormed(`${whole.slice(0, length - 1)}…`);
}

/** A clock out of the years that ISO 8601 writes with four digits is taken for its nearest. */
function timeText(atMs: number): string {
  return new Date(Math.min(Math.max(0, Math.floor(atMs)), 253_402_300_799_999)).toISOString();
}
