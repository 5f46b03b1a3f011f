/**
 * A peer of an allow entry as addresses and networks. Called by the ruleset (set elements) and by explain.ts, so that
 * both mean the same thing by a name. It must never widen: what cannot be resolved is nothing, not everything.
 */
import type { Address, Network } from './address.js';
import type { Peer, Policy } from './schema.js';

/** Addresses learnt from the wire, by device name. */
export type LearnedAddresses = ReadonlyMap<string, readonly Address[]>;

export const NOTHING_LEARNED: LearnedAddresses = new Map();

/** Addresses that a name of the policy (`*.` included) has for a device now: from DNS answers, see enforcer/names/. */
export type NamedAddresses = (device: string, name: string) => readonly Address[];

/** For the compiler: names fill sets of their own while the box runs. */
export const NOTHING_NAMED: NamedAddresses = () => [];

export type ResolvedPeer = { readonly address: Address } | { readonly network: Network };

/**
 * All a peer stands for, each once, in the order of the policy. `any` stays `any`. A group or device that the policy
 * does not have, or a device or name without a known address, gives an empty list: the entry permits nothing until it is
 * known.
 */
export function resolvePeer(
  policy: Pick<Policy, 'groups' | 'devices'>,
  peer: Peer,
  learned: LearnedAddresses = NOTHING_LEARNED,
  addressesOf: (name: string) => readonly Address[] = () => [],
): readonly ResolvedPeer[] | 'any' {
  if (peer === 'any') return 'any';
  if ('address' in peer || 'network' in peer) return [peer];
  if ('device' in peer) return deviceAddresses(policy, peer.device, learned).map((address) => ({ address }));
  const members = 'name' in peer ? [peer] : (ownValue(policy.groups, peer.group) ?? []);
  return distinct(
    members.flatMap((member): readonly ResolvedPeer[] =>
      'name' in member ? addressesOf(member.name).map((address) => ({ address })) : [member],
    ),
  );
}

/** The names a peer stands for, each once: its own, or those of its group. */
export function peerNames(policy: Pick<Policy, 'groups'>, peer: Peer): readonly string[] {
  if (peer === 'any' || 'address' in peer || 'network' in peer || 'device' in peer) return [];
  if ('name' in peer) return [peer.name];
  const members = ownValue(policy.groups, peer.group) ?? [];
  return [...new Set(members.flatMap((member) => ('name' in member ? [member.name] : [])))];
}

/** The configured addresses of a device and what was learnt beside them. A configured list is not narrowed by learning. */
export function deviceAddresses(
  policy: Pick<Policy, 'devices'>,
  device: string,
  learned: LearnedAddresses = NOTHING_LEARNED,
): readonly Address[] {
  const known = ownValue(policy.devices, device);
  if (!known) return [];
  const seen = new Map<string, Address>();
  for (const address of [...known.identity.addresses, ...(learned.get(device) ?? [])])
    seen.set(address.text, address);
  return [...seen.values()];
}

/** A record's own value: names come from a document, and `constructor` is a legal name. */
export function ownValue<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function distinct(members: readonly ResolvedPeer[]): readonly ResolvedPeer[] {
  const seen = new Map<string, ResolvedPeer>();
  for (const member of members)
    seen.set('address' in member ? member.address.text : member.network.text, member);
  return [...seen.values()];
}
