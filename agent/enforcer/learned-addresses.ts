/**
 * Addresses that devices without fixed ones use, learnt from their own packets and ARP. Pure. It decides what may be
 * believed: a device that claims the address of a peer, of another device or of half a network must not be able to turn
 * that into a refusal of somebody else's traffic.
 */
import { isInNetwork, type Address } from '../policy/address.js';
import type { LearnedAddresses } from '../policy/resolve-peers.js';
import { ownValue } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';

/** IPv4 and IPv6 together: a lease, a link-local address and some temporary ones (RFC 8981). The oldest leaves first. */
export const MAX_LEARNED_PER_DEVICE = 12;

export type LearnResult =
  | { readonly kind: 'known' }
  | { readonly kind: 'learned'; readonly learned: LearnedAddresses }
  | {
      readonly kind: 'refused';
      readonly why: 'fixed' | 'a-peer' | 'another-device' | 'outside' | 'not-usable' | 'unknown-device';
    };

/** What learning must not collide with, gathered once per policy. */
export interface LearnIndex {
  readonly policy: Policy;
  /** Addresses that allow entries and groups name. */
  readonly peers: ReadonlySet<string>;
  /** Fixed addresses, and whose they are. */
  readonly fixed: ReadonlyMap<string, string>;
}

/** `named`: addresses that names of the policy stand for now. */
export function createLearnIndex(policy: Policy, named: Iterable<string> = []): LearnIndex {
  const peers = new Set<string>(named);
  const fixed = new Map<string, string>();
  for (const members of Object.values(policy.groups))
    for (const member of members) if ('address' in member) peers.add(member.address.text);
  for (const [name, device] of Object.entries(policy.devices)) {
    for (const address of device.identity.addresses) fixed.set(address.text, name);
    for (const { peer } of device.allow)
      if (typeof peer === 'object' && 'address' in peer) peers.add(peer.address.text);
  }
  return { policy, peers, fixed };
}

export function learnAddress(
  index: LearnIndex,
  learned: LearnedAddresses,
  device: string,
  address: Address,
): LearnResult {
  const owner =
    index.fixed.get(address.text) ??
    [...learned].find(([, addresses]) => addresses.some((each) => each.text === address.text))?.[0];
  return judge(index, learned, owner, device, address);
}

/** What is left of learnt addresses under another policy: what could be learnt again. */
export function relearn(index: LearnIndex, learned: LearnedAddresses): LearnedAddresses {
  const result = new Map<string, readonly Address[]>();
  const owners = new Map(index.fixed);
  for (const [device, addresses] of learned) {
    const kept: Address[] = [];
    for (const address of addresses) {
      const outcome = judge(index, result, owners.get(address.text), device, address);
      if (outcome.kind !== 'learned') continue;
      owners.set(address.text, device);
      kept.push(address);
    }
    if (kept.length > 0) result.set(device, kept.slice(-MAX_LEARNED_PER_DEVICE));
  }
  return result;
}

function judge(
  index: LearnIndex,
  learned: LearnedAddresses,
  owner: string | undefined,
  device: string,
  address: Address,
): LearnResult {
  const { policy } = index;
  const entry = ownValue(policy.devices, device);
  if (!entry) return { kind: 'refused', why: 'unknown-device' };
  if (owner === device) return { kind: 'known' };
  if (owner !== undefined) return { kind: 'refused', why: 'another-device' };
  if (entry.identity.addresses.some((each) => each.family === address.family))
    return { kind: 'refused', why: 'fixed' };
  if (!isUsable(address)) return { kind: 'refused', why: 'not-usable' };
  const isInside = (network: (typeof policy.site.networks)[number]): boolean => isInNetwork(address, network);
  if (policy.site.networks.length > 0 && !isLinkLocal(address) && !policy.site.networks.some(isInside))
    return { kind: 'refused', why: 'outside' };
  if (index.peers.has(address.text)) return { kind: 'refused', why: 'a-peer' };
  const own = learned.get(device) ?? [];
  const kept = own.slice(Math.max(0, own.length + 1 - MAX_LEARNED_PER_DEVICE));
  return { kind: 'learned', learned: new Map(learned).set(device, [...kept, address]) };
}

function isLinkLocal(address: Address): boolean {
  return address.family === 4 ? address.text.startsWith('169.254.') : /^fe[89ab]/.test(address.text);
}

/** Unicast that can be a host's own (RFC 1122 section 3.2.1.3, RFC 4291 section 2.4). Link-local IPv6 is anyone's: not bound. */
function isUsable(address: Address): boolean {
  if (address.family === 6)
    return (
      address.text !== '::' &&
      address.text !== '::1' &&
      !address.text.startsWith('ff') &&
      !isLinkLocal(address)
    );
  const first = Number(address.text.slice(0, address.text.indexOf('.')));
  return first !== 0 && first !== 127 && first < 224;
}
