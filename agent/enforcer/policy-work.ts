/**
 * The work on a policy that takes seconds and a few hundred MB at ten thousand devices: reading, compiling, writing out.
 * Started by policy-workshop.ts as a thread for one job, so that no verdict waits and no memory stays. It touches neither
 * kernel nor disk.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { BoxConfig } from '../policy/config.js';
import { exceptionsOf, type Exception } from '../policy/exceptions.js';
import { parsePolicy } from '../policy/parse-policy.js';
import type { Problem } from '../policy/problem.js';
import type { LearnedAddresses } from '../policy/resolve-peers.js';
import { packPolicy, unpackPolicy, type PackedPolicy } from '../policy/packed-policy.js';
import { assignIds, type DeviceIds } from '../ruleset/assign-ids.js';
import { compileRuleset } from '../ruleset/compile-ruleset.js';
import { diffRulesets } from '../ruleset/diff-ruleset.js';
import { renderRuleset } from '../ruleset/render-ruleset.js';
import type { Element, Ruleset } from '../ruleset/ruleset.js';
import { shapeOf, type RulesetShape } from '../ruleset/ruleset-shape.js';
import { createLearnIndex, relearn } from './learned-addresses.js';

/** What a ruleset is compiled from, with the box's configuration. */
export interface Source {
  readonly packed: PackedPolicy;
  readonly ids: DeviceIds;
  readonly learned: LearnedAddresses;
  readonly generation: number;
  /** Exceptions that ended by then count no more. */
  readonly endedByMs: number;
}

export type Job =
  | {
      readonly kind: 'prepare';
      readonly config: BoxConfig;
      readonly text: string;
      readonly ids: DeviceIds;
      readonly learned: LearnedAddresses;
      readonly generation: number;
      readonly endedByMs: number;
      /** What the kernel has, where that is known. */
      readonly before: Source | null;
    }
  | {
      readonly kind: 'write';
      readonly config: BoxConfig;
      readonly to: Source;
      /** What the kernel has, where that is known. */
      readonly before: Source | null;
      /** Given: the tables anew, with these in their runtime sets. */
      readonly runtime: ReadonlyMap<string, readonly Element[]> | null;
    };

/** How the kernel comes to a ruleset: a few elements, or all of it. */
export interface Loading {
  readonly kind: 'change' | 'refill' | 'replace';
  readonly text: string;
}

export interface Prepared {
  readonly source: Source;
  readonly shape: RulesetShape;
  readonly exceptions: readonly Exception[];
  /** What loads at boot. */
  readonly boot: string;
  /** For `nft -c`. Where elements are all that changes, the rest is in the kernel already, and was checked on its way there. */
  readonly check: string;
  readonly loading: Loading;
}

export type Done =
  | { readonly kind: 'prepared'; readonly prepared: Prepared }
  | { readonly kind: 'written'; readonly shape: RulesetShape; readonly loading: Loading }
  | { readonly kind: 'bad-policy'; readonly problems: readonly Problem[] }
  /** A stated limit is passed. */
  | { readonly kind: 'too-large'; readonly message: string };

function work(job: Job): Done {
  const { config, before } = job;
  const compile = ({ packed, ids, learned, generation, endedByMs }: Source): Ruleset =>
    compileRuleset({ policy: unpackPolicy(packed, endedByMs), ids, learned, generation, config });
  if (job.kind === 'write') {
    const next = compile(job.to);
    const loading: Loading = job.runtime
      ? { kind: 'replace', text: renderRuleset(next, { how: 'replace', runtime: job.runtime }) }
      : loadingFrom(before && compile(before), next);
    return { kind: 'written', shape: shapeOf(next), loading };
  }
  const parsed = parsePolicy(job.text, config.variables);
  if (!parsed.ok) return { kind: 'bad-policy', problems: parsed.problems };
  const { policy } = parsed;
  const source: Source = {
    packed: packPolicy(policy),
    ids: assignIds(Object.keys(policy.devices), job.ids),
    learned: relearn(createLearnIndex(policy), job.learned),
    generation: job.generation,
    endedByMs: job.endedByMs,
  };
  const next = compile(source);
  const loading = loadingFrom(before && compile(before), next);
  const boot = renderRuleset(next, { how: 'replace' });
  const check = loading.kind === 'change' ? loading.text : renderRuleset(next, { how: 'check' });
  const exceptions = exceptionsOf(policy);
  return { kind: 'prepared', prepared: { source, shape: shapeOf(next), exceptions, boot, check, loading } };
}

function loadingFrom(before: Ruleset | null, next: Ruleset): Loading {
  const change = before && diffRulesets(before, next);
  return change
    ? { kind: 'change', text: change.text }
    : { kind: 'refill', text: renderRuleset(next, { how: 'refill' }) };
}

export function doJob(job: Job): Done {
  try {
    return work(job);
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'too-large', message: error.message };
    throw error;
  }
}

// Also imported by the main thread, for small jobs; there is no parent then.
parentPort?.postMessage(doJob(workerData as Job));
