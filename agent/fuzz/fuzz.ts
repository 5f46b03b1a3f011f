/** One target, fed for a while. Clocks are handed in. Used by main.ts and the test. */
import { createRandom, mutate, wordsOf } from './mutate.js';
import type { FuzzTarget } from './targets.js';

/** Inputs kept beside the corpus because they met new ground. */
const MAX_KEPT = 4_000;
/** Processor time of one input of at most 16 KiB: more would hang whoever waits for it. */
const MAX_INPUT_MS = 1_500;

export interface FuzzResult {
  readonly runs: number;
  /** Different things that became of an input. */
  readonly ground: number;
  readonly slowestMs: number;
  readonly crash: { readonly input: Uint8Array; readonly error: unknown } | null;
}

export interface FuzzOptions {
  readonly corpus: readonly Uint8Array[];
  readonly seed: number;
  /** Processor time of this process. */
  readonly cpuMs: () => number;
  /** Asked before each run. */
  readonly goesOn: (runs: number) => boolean;
}

export function fuzz(target: FuzzTarget, { corpus, seed, cpuMs, goesOn }: FuzzOptions): FuzzResult {
  const random = createRandom(seed);
  const pool = [...corpus];
  const words = target.isText ? wordsOf(corpus) : [];
  const ground = new Set<string>();
  let runs = 0;
  let slowestMs = 0;
  while (goesOn(runs)) {
    // What is in the corpus is read as it is, first.
    const input = pool[runs] !== undefined && runs < corpus.length ? pool[runs] : mutate(pool, words, random);
    runs += 1;
    if (input === undefined) break;
    const began = cpuMs();
    try {
      const met = target.run(input);
      const tookMs = cpuMs() - began;
      slowestMs = Math.max(slowestMs, tookMs);
      if (tookMs > MAX_INPUT_MS) throw new Error(`it took ${Math.round(tookMs)} ms`);
      if (!ground.has(met) && ground.size < MAX_KEPT) {
        ground.add(met);
        pool.push(input);
      }
    } catch (error) {
      return { runs, ground: ground.size, slowestMs, crash: { input, error } };
    }
  }
  return { runs, ground: ground.size, slowestMs, crash: null };
}
