/**
 * What a bench is, and the arithmetic they share. One bench is one file with one `Bench` in it, listed in benches.ts. Every
 * figure that compares is a ratio of things measured in turn within one run, because machines are shared and noisy.
 */

/** One line of output; `bench` is put in front of it. */
export type Line = Readonly<Record<string, unknown>>;

export interface BenchContext {
  /** A directory of its own, removed afterwards. */
  readonly dir: string;
  readonly report: (line: Line) => void;
}

export interface Bench {
  /** A word for `make bench ONLY=…`. */
  readonly name: string;
  readonly what: string;
  /** Ended, with all that it started, when it takes longer. */
  readonly limitMinutes: number;
  /** Runs in a process of its own. What it throws becomes a line with `error`, and the next bench runs. */
  run(context: BenchContext): Promise<void>;
}

/** Every kind once a round, in turn: noise that lasts longer than a round meets all of them. */
export async function interleaved<K extends string>(
  kinds: readonly K[],
  rounds: number,
  measure: (kind: K, round: number) => Promise<number>,
): Promise<Readonly<Record<K, number[]>>> {
  const results = Object.fromEntries(kinds.map((kind) => [kind, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round < rounds; round += 1)
    for (const kind of kinds) results[kind].push(await measure(kind, round));
  return results;
}

/** The median of the ratios of each round, its spread, and both medians. */
export function compare(ours: readonly number[], theirs: readonly number[]): Line {
  const ratios = ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
  return {
    ratio: median(ratios),
    spread: [rounded(Math.min(...ratios)), rounded(Math.max(...ratios))],
    ours: median(ours),
    theirs: median(theirs),
    rounds: ours.length,
  };
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** `share` 0 to 1. NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN);
}

export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

export function mib(bytes: number): number {
  return Math.round((bytes / 1024 / 1024) * 10) / 10;
}
