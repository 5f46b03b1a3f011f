/**
 * Would the policy, enforced, break anything of what a device was seen to do? Every habit goes through the allow sets of the compiled ruleset, the
 * very elements that the kernel gets. Pure; used by `cordon learn prove`, and by the tests beside the kernel's own verdicts.
 */
import type { Finding } from '../messages/vocabulary.js';
import { parseAddress } from '../policy/address.js';
import { formatAddressKind } from '../policy/address-kind.js';
import type { BoxConfig } from '../policy/config.js';
import {
  deviceAddresses,
  ownValue,
  peerNames,
  resolvePeer,
  type LearnedAddresses,
  type NamedAddresses,
} from '../policy/resolve-peers.js';
import type { Policy, PolicyDevice } from '../policy/schema.js';
import { assignIds, NO_IDS } from '../ruleset/assign-ids.js';
import { compileRuleset } from '../ruleset/compile-ruleset.js';
import { createElementEvaluator, type ElementEvaluator } from '../ruleset/evaluate-elements.js';
import type { Habit, LearntDevice } from './habit.js';
import { namesOf } from './names.js';
import { isInfrastructure, ownersOf, singleEntry, sourceOf } from './propose.js';
import type { ProposedEntry } from './proposal.js';
import { findingsAbout } from './suspect.js';

export interface ProveInput {
  readonly policy: Policy;
  readonly config: BoxConfig;
  /** Its name in the policy. */
  readonly name: string;
  readonly device: LearntDevice;
  readonly habits: readonly Habit[];
  readonly findings: readonly Finding[];
  readonly learned: LearnedAddresses;
}

export interface Proved {
  readonly habit: Habit;
  /**
   * `breaks`: enforced, it would be refused. `refused-rightly`: so it would, and a finding is about it. `unknown`: who opened it was not seen.
   */
  readonly fate: 'passes' | 'breaks' | 'refused-rightly' | 'unknown';
  /** What permits it: `policy devices.pump-1.allow[2]`, `infrastructure`. */
  readonly by: string | null;
  /** Whose list refuses it: this device's, or that of the guarded device at the other end. */
  readonly refusedBy: string | null;
  /** In that list, it would let it through. */
  readonly wouldAllow: ProposedEntry | null;
  readonly findings: readonly Finding[];
}

/** One verdict for each habit, what breaks first. Throws RangeError where a limit of the compiler is passed. */
export function prove(input: ProveInput): readonly Proved[] {
  const { policy, name, device, habits, findings, learned } = input;
  const enforced = withNames(withMode(policy, name, 'enforce'), name, namesOf(policy, device, habits));
  const ids = assignIds(Object.keys(policy.devices), NO_IDS);
  const evaluate = createElementEvaluator(
    compileRuleset({ policy: enforced, config: input.config, ids, learned }),
  );
  const owners = ownersOf(policy, learned, name);
  const own = deviceAddresses(policy, name, learned).map(({ text }) => text);
  const proved = habits.map((habit): Proved => {
    const about = findingsAbout(device, habit, findings);
    const rest = { habit, findings: about };
    if (isInfrastructure(habit)) return { ...rest, fate: 'passes', by: 'infrastructure', ...NOT_REFUSED };
    if (habit.count > 0 && habit.midstream >= habit.count)
      return { ...rest, fate: 'unknown', by: null, ...NOT_REFUSED };
    const by = permittedBy(evaluate, ids.get(name), habit);
    const fate = about.length > 0 ? 'refused-rightly' : 'breaks';
    if (by === null)
      return { ...rest, fate, by: null, refusedBy: name, wouldAllow: singleEntry(habit, owners).entry };
    const other = owners.get(habit.peer);
    if (other === undefined || ownValue(enforced.devices, other)?.mode !== 'enforce')
      return { ...rest, fate: 'passes', by, ...NOT_REFUSED };
    const [address = device.addresses.at(-1) ?? ''] = own.filter((text) => isSameFamily(text, habit.peer));
    const mirrored: Habit = { ...habit, direction: habit.direction === 'out' ? 'in' : 'out', peer: address };
    if (permittedBy(evaluate, ids.get(other), mirrored) !== null)
      return { ...rest, fate: 'passes', by, ...NOT_REFUSED };
    const wouldAllow = singleEntry(mirrored, new Map([[address, name]])).entry;
    return { ...rest, fate, by: null, refusedBy: other, wouldAllow };
  });
  return proved.sort(
    (a, b) => FATES.indexOf(a.fate) - FATES.indexOf(b.fate) || b.habit.count - a.habit.count,
  );
}

const FATES: readonly Proved['fate'][] = ['breaks', 'unknown', 'refused-rightly', 'passes'];
const NOT_REFUSED = { refusedBy: null, wouldAllow: null } as const;

/** Group frames of the network reach no device, whatever its list says (default `broadcast`). */
function permittedBy(evaluate: ElementEvaluator, deviceId: number | undefined, habit: Habit): string | null {
  const peer = parseAddress(habit.peer);
  if (deviceId === undefined || peer === null) return null;
  if (habit.direction === 'in' && formatAddressKind(peer) !== null) return null;
  const { protocol, direction } = habit;
  return evaluate({
    deviceId,
    opened: direction === 'out',
    peer,
    protocol,
    port: habit.port ?? 0,
    source: sourceOf(habit),
  });
}

function isSameFamily(a: string, b: string): boolean {
  return a.includes(':') === b.includes(':');
}

/**
 * The policy with a device's names as the addresses that they had: a group of them in the place of each entry, so that the entry keeps its number. The
 * enforcer puts the same into sets of their own.
 */
function withNames(policy: Policy, name: string, named: NamedAddresses): Policy {
  const device = ownValue(policy.devices, name);
  if (!device) return policy;
  const groups = Object.assign(Object.create(null) as Policy['groups'], policy.groups);
  const allow = device.allow.map((entry, index) => {
    if (peerNames(policy, entry.peer).length === 0) return entry;
    const peers = resolvePeer(policy, entry.peer, undefined, (each) => named(name, each));
    // No group of a policy has a name with a space.
    const group = `names of ${index}`;
    groups[group] = peers === 'any' ? [] : [...peers];
    return { ...entry, peer: { group } };
  });
  const devices = Object.assign(Object.create(null) as Policy['devices'], policy.devices);
  devices[name] = { ...device, allow };
  return { ...policy, groups, devices };
}

/** The policy with a device in another mode. */
export function withMode(policy: Policy, name: string, mode: PolicyDevice['mode']): Policy {
  const device = ownValue(policy.devices, name);
  if (!device) return policy;
  const devices = Object.assign(Object.create(null) as Policy['devices'], policy.devices);
  devices[name] = { ...device, mode };
  return { ...policy, devices };
}
