/**
 * The candidates of one field of one device, and which of them is best. The rule: the operator's entry; else the highest weight, which is
 * the confidence plus 5 for each further source that says the same (at most 15); on a tie the one seen last. Then, as long as a more exact form of
 * the chosen value weighs at most 25 less (`Windows 7` for `Windows`), that one. What contradicts it and weighs at most 25 less than the
 * heaviest is a conflict, and is shown. Pure.
 */
import type { Source } from './observation.js';

export interface Candidate {
  readonly value: string;
  readonly source: Source;
  /** 0 to 100. */
  readonly confidence: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
}

export interface Best {
  readonly value: string;
  readonly source: Source;
  readonly confidence: number;
  /** Values that contradict it and are nearly as likely, the likeliest first. */
  readonly conflicts: readonly string[];
}

const MAX_CONFIDENCE = 99;
const OPERATOR_CONFIDENCE = 100;
const AGREEMENT_STEP = 5;
const MAX_AGREEMENT = 15;
const MARGIN = 25;
const MAX_CONFLICTS = 4;

/** Null where nothing is known. `operatorEntry` is kept apart from what the wire said, which then only shows as conflicts. */
export function bestOf(candidates: readonly Candidate[], operatorEntry: string | null): Best | null {
  const ranked = rank(candidates);
  const [first] = ranked;
  if (operatorEntry !== null)
    return {
      value: operatorEntry,
      source: 'operator',
      confidence: OPERATOR_CONFIDENCE,
      conflicts: conflictsWith(operatorEntry, ranked, (first?.weight ?? 0) - MARGIN),
    };
  if (first === undefined) return null;
  const atLeast = first.weight - MARGIN;
  const exact = ranked.reduce(
    (chosen, other) => (other.weight >= atLeast && isMoreExact(other.value, chosen.value) ? other : chosen),
    first,
  );
  return {
    value: exact.value,
    source: exact.source,
    confidence: exact.weight,
    conflicts: conflictsWith(exact.value, ranked, atLeast),
  };
}

interface Ranked {
  readonly value: string;
  readonly source: Source;
  readonly weight: number;
  readonly lastMs: number;
}

/** One for each value, its strongest source, the agreement of the others counted in. */
function rank(candidates: readonly Candidate[]): readonly Ranked[] {
  const byValue = new Map<string, { strongest: Candidate; sources: Set<Source>; lastMs: number }>();
  for (const candidate of candidates) {
    const key = keyOf(candidate.value);
    const group = byValue.get(key);
    if (group === undefined) {
      byValue.set(key, {
        strongest: candidate,
        sources: new Set([candidate.source]),
        lastMs: candidate.lastMs,
      });
      continue;
    }
    group.sources.add(candidate.source);
    group.lastMs = Math.max(group.lastMs, candidate.lastMs);
    if (candidate.confidence > group.strongest.confidence) group.strongest = candidate;
  }
  return [...byValue.values()]
    .map(({ strongest, sources, lastMs }) => ({
      value: strongest.value,
      source: strongest.source,
      weight: Math.min(
        MAX_CONFIDENCE,
        strongest.confidence + Math.min(MAX_AGREEMENT, (sources.size - 1) * AGREEMENT_STEP),
      ),
      lastMs,
    }))
    .sort((a, b) => b.weight - a.weight || b.lastMs - a.lastMs);
}

function conflictsWith(value: string, ranked: readonly Ranked[], atLeast: number): readonly string[] {
  return ranked
    .filter((other) => other.weight >= atLeast && !agree(keyOf(value), keyOf(other.value)))
    .slice(0, MAX_CONFLICTS)
    .map((other) => other.value);
}

/** How values are compared: `Windows 7` and `windows 7` are one. */
export function keyOf(value: string): string {
  return value.toLowerCase().replace(/\s+/g, ' ').trim();
}

/** `Windows 7` and `Windows`, `pump-3.clinic.local` and `pump-3`, `Ubuntu` and `Linux`, `Windows 7` and `Windows 7 or 8`. */
function isMoreExact(a: string, b: string): boolean {
  const [exact, rough] = [keyOf(a), keyOf(b)];
  if (exact === rough) return false;
  if (exact.includes(' or ')) return alternatives(exact).every((one) => isMoreExact(one, rough));
  return alternatives(rough).some(
    (one) =>
      exact.startsWith(`${one} `) ||
      exact.startsWith(`${one}.`) ||
      (rough !== one && exact === one) ||
      (FAMILIES[one]?.some((member) => exact.startsWith(member)) ?? false),
  );
}

/** What runs the kernel of another name, or is meant by it: no contradiction. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  linux: ['android', 'ubuntu', 'debian', 'raspbian', 'red hat', 'centos', 'suse', 'qts'],
  unix: ['linux', 'freebsd', 'qts', 'macos', 'ubuntu', 'debian', 'sunos', 'openbsd', 'netbsd'],
  'windows 10 and later': ['windows 11', 'windows server 2016', 'windows server 2019', 'windows server 202'],
  'apple ios': ['ios'],
};

/** `windows 7 or server 2008 r2`: both, each with its family's name. `windows 10 or later` stands for those of FAMILIES. */
function alternatives(value: string): readonly string[] {
  const parts = value.split(' or ');
  const [first = ''] = parts;
  const family = first.split(' ')[0] ?? '';
  return parts.map((part, index) => {
    if (index === 0) return part;
    if (part === 'later') return `${first} and later`;
    return family === 'windows' && !part.startsWith('windows') ? `windows ${part}` : part;
  });
}

/** Neither a more exact form nor an alternative contradicts: `Windows 7 or Server 2008 R2` and `Windows 7`. */
function agree(a: string, b: string): boolean {
  return alternatives(a).some((one) =>
    alternatives(b).some((other) => one === other || isMoreExact(one, other) || isMoreExact(other, one)),
  );
}
