/**
 * What is wrong with a document that somebody wrote, as a value: where, what, and how to put it right. Made by
 * the parsers of this room, printed by the CLI, sent in answers of the enforcer.
 */

export interface Problem {
  /** Where: `devices.pump-3.allow[2].ports[0]`, `line 3, column 5` for text that is not YAML, or `document`. */
  readonly path: string;
  /** What is wrong, ending in the line of the document where one is known: `70000 is above 65535 (line 12)`. */
  readonly message: string;
  readonly hint?: string;
}

/** More problems than this are counted, not listed: nobody reads them, and an answer must have a bound. */
export const MAX_PROBLEMS = 500;

export type PathPart = string | number;

/** `['devices', 'pump-3', 'allow', 2]` as `devices.pump-3.allow[2]`; the root is `document`. */
export function formatPath(path: readonly PathPart[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? quoteOddName(part) : `.${quoteOddName(part)}`;
  }
  return text === '' ? 'document' : text;
}

/** At most MAX_PROBLEMS of `total`, with a last one that says how many were left off. */
export function boundProblems(problems: readonly Problem[], total = problems.length): readonly Problem[] {
  if (total <= MAX_PROBLEMS) return problems;
  const more = total - MAX_PROBLEMS + 1;
  return [
    ...problems.slice(0, MAX_PROBLEMS - 1),
    { path: 'document', message: `and ${more} more problems, not listed` },
  ];
}

/** The candidate that was probably meant, or null. Bounded: long names and long lists are not compared. */
export function nearestName(wrong: string, candidates: Iterable<string>): string | null {
  const MAX_NAME_CHARS = 64;
  const MAX_COMPARED = 2_000;
  if (wrong.length > MAX_NAME_CHARS) return null;
  let nearest: string | null = null;
  let nearestDistance = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  let compared = 0;
  for (const candidate of candidates) {
    if (compared++ >= MAX_COMPARED) break;
    if (Math.abs(candidate.length - wrong.length) >= nearestDistance) continue;
    const distance = editDistance(wrong.toLowerCase(), candidate.toLowerCase());
    if (distance < nearestDistance) [nearest, nearestDistance] = [candidate, distance];
  }
  return nearest;
}

export function didYouMean(wrong: string, candidates: Iterable<string>): string | undefined {
  const nearest = nearestName(wrong, candidates);
  return nearest === null ? undefined : `did you mean "${nearest}"?`;
}

/** What a person wrote, short enough and plain enough to print in a message (no control characters reach a terminal). */
export function quoteValue(value: unknown): string {
  const MAX_QUOTED_CHARS = 60;
  const text =
    typeof value === 'bigint' ? String(value) : ((JSON.stringify(value) as string | undefined) ?? 'nothing');
  return text.length <= MAX_QUOTED_CHARS ? text : `${text.slice(0, MAX_QUOTED_CHARS)}…`;
}

const PLAIN_NAME = /^[A-Za-z0-9_-]([A-Za-z0-9._-]{0,62})?$/;

function quoteOddName(name: string): string {
  return PLAIN_NAME.test(name) ? name : quoteValue(name);
}

/** Damerau-Levenshtein with adjacent transpositions (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
