/**
 * The addresses that the names of a policy had while a device was watched, from what it looked up: so that a proof and a proposal know what an entry
 * with a name would have permitted. On a box the enforcer adds them to the kernel (default `names`). Pure.
 */
import { parseAddress } from '../policy/address.js';
import { coversName, isUnderDomain } from '../policy/host-name.js';
import type { NamedAddresses } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { Habit, LearntDevice } from './habit.js';
import { isInside, isPrivate } from './site.js';

/** Nothing for a device that asked none of the policy's resolvers: others' answers do not count. */
export function namesOf(policy: Policy, device: LearntDevice, habits: readonly Habit[]): NamedAddresses {
  const isTrusted = policy.site.resolvers.some(({ text }) => device.resolvers.includes(text));
  const looked = isTrusted ? habits.filter(({ names }) => names.length > 0) : [];
  return (_device, name) => {
    const found = new Map<string, string>();
    for (const { peer, names } of looked)
      for (const each of names)
        if (coversName(name, each) && !needsDomain(policy, each, peer)) found.set(peer, each);
    return [...found.keys()].flatMap((text) => parseAddress(text) ?? []);
  };
}

/** An address inside goes with a name under site.domains only (default `name-addresses`). */
export function needsDomain(policy: Policy, name: string, address: string): boolean {
  if (!isInside(policy, address) && !isPrivate(address)) return false;
  return !policy.site.domains.some((domain) => isUnderDomain(name, domain));
}
