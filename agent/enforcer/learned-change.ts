/**
 * What learnt addresses change in a ruleset, as elements, from the devices concerned alone: at ten thousand devices a lease
 * must not compile them all. Decides nothing; called by policy-keeper.ts.
 */
import type { LearnedAddresses } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import { compileRuleset, type CompileInput } from '../ruleset/compile-ruleset.js';
import { diffRulesets } from '../ruleset/diff-ruleset.js';
import { shapeOf, type RulesetShape } from '../ruleset/ruleset-shape.js';

export interface LearnedChange {
  /** For `nft -f`. */
  readonly text: string;
  /** The part that was looked at, before and after: for withPartChanged. */
  readonly before: RulesetShape;
  readonly after: RulesetShape;
}

/** Null when it is too much for a change of elements. */
export function learnedChange(
  source: CompileInput,
  learned: LearnedAddresses,
  devices: ReadonlySet<string>,
): LearnedChange | null {
  const part = { ...source, policy: partAround(source.policy, devices) };
  const before = compileRuleset(part);
  const after = compileRuleset({ ...part, learned });
  const change = diffRulesets(before, after);
  return change && { text: change.text, before: shapeOf(before), after: shapeOf(after) };
}

/**
 * These devices, those whose lists name them, and whom those name: overlapping entries of a list are cut to fit each other,
 * so a list is compiled whole or not at all. The lists of those who are only named come out short, before and after alike.
 */
function partAround(policy: Policy, devices: ReadonlySet<string>): Policy {
  const lists = new Set(devices);
  for (const [name, { allow }] of Object.entries(policy.devices))
    if (allow.some(({ peer }) => devices.has(peerDevice(peer) ?? ''))) lists.add(name);
  const part = Object.create(null) as Record<string, Policy['devices'][string]>;
  const add = (name: string): void => {
    const device = policy.devices[name];
    if (device) part[name] = device;
  };
  for (const name of lists) {
    add(name);
    for (const { peer } of policy.devices[name]?.allow ?? []) add(peerDevice(peer) ?? '');
  }
  return { ...policy, devices: part };
}

function peerDevice(peer: Policy['devices'][string]['allow'][number]['peer']): string | null {
  return typeof peer === 'object' && 'device' in peer ? peer.device : null;
}
