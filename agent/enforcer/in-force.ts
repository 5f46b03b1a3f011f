/**
 * What is kept of the policy in force, and how it comes from what was prepared and from disk. Used by policy-keeper.ts, which
 * alone changes it.
 */
import { createHash } from 'node:crypto';
import { RequestError } from '../ipc/errors.js';
import type { BoxConfig } from '../policy/config.js';
import { parseAddress } from '../policy/address.js';
import type { LearnedAddresses } from '../policy/resolve-peers.js';
import type { Exception } from '../policy/exceptions.js';
import { countInForce, unpackPolicy, type PackedPolicy } from '../policy/packed-policy.js';
import type { Policy } from '../policy/schema.js';
import { readVariables } from '../policy/site-variables.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import { RULESET_FORMAT } from '../ruleset/ruleset.js';
import type { RulesetShape } from '../ruleset/ruleset-shape.js';
import type { Prepared, Source } from './policy-work.js';
import type { GenerationState } from './state-store.js';

/** A box that was never given a policy refuses everything behind it but the infrastructure. */
export const CLOSED_POLICY = 'version: 1\nsite: { name: "no policy yet" }\n';

export const CLOSED_STATE: GenerationState = {
  format: RULESET_FORMAT,
  generation: 0,
  previous: null,
  sha256: sha256(CLOSED_POLICY),
  appliedAtMs: 0,
  by: 'start',
  ids: {},
};

/** The text of the policy is on disk, the ruleset in the kernel: here is what is needed at any moment. */
export interface InForce {
  readonly state: GenerationState;
  readonly packed: PackedPolicy;
  /** Exceptions of `packed` that ended by then are no part of `policy` and of the kernel. */
  readonly endedByMs: number;
  readonly exceptions: readonly Exception[];
  /** A view of `packed`: what counts of it. */
  readonly policy: Policy;
  /** Of all devices: asked for with every status, and a list is made anew each time it is looked at. */
  readonly entries: number;
  readonly ids: DeviceIds;
  readonly shape: RulesetShape;
}

export function inForce(state: GenerationState, { source, shape, exceptions }: Prepared): InForce {
  const { packed, ids, endedByMs } = source;
  const policy = unpackPolicy(packed, endedByMs);
  return {
    state,
    packed,
    endedByMs,
    exceptions,
    policy,
    entries: countInForce(packed, endedByMs),
    ids,
    shape,
  };
}

export function sourceOf({ packed, ids, state, endedByMs }: InForce, learned: LearnedAddresses): Source {
  return { packed, ids, learned, generation: state.generation, endedByMs };
}

/** With the variables that the generation was applied with, whatever the configuration says by now. */
export function configFor({ variables }: Pick<GenerationState, 'variables'>, config: BoxConfig): BoxConfig {
  return variables === undefined ? config : { ...config, variables: readVariables(variables) };
}

/** The same text with other variables is another policy. */
export function hashesText({ sha256: ofText, variables }: GenerationState): string {
  const own = JSON.stringify(variables ?? {});
  return `sha256 ${ofText}${own === '{}' ? '' : `, with variables of the box, sha256 ${sha256(own)}`}`;
}

export function firstProblem({ message, problems }: RequestError): string {
  const first = problems?.[0];
  return first ? `${first.path} ${first.message}` : message;
}

export function learnedFrom(devices: Readonly<Record<string, readonly string[]>>): LearnedAddresses {
  return new Map(
    Object.entries(devices).map(([device, addresses]) => [
      device,
      addresses.map(parseAddress).filter((address) => address !== null),
    ]),
  );
}

export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new RequestError(
      'disk',
      `cannot keep the policy on disk: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
