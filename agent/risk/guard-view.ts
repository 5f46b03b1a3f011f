/** What the box takes away from a device's exposure, from the policy in force and the orders of containment. Pure. */
import { isSiteAddress } from '../inventory/site-address.js';
import { addressFromBytes, isInNetwork, networkBase, type Address, type Network } from '../policy/address.js';
import { isUnderDomain } from '../policy/host-name.js';
import type { Policy, PolicyDevice } from '../policy/schema.js';
import type { ContainmentLevel } from '../messages/vocabulary.js';

export interface GuardView {
  readonly mode: PolicyDevice['mode'];
  /** Its list refuses: the mode says so, or an order of containment. */
  readonly isEnforced: boolean;
  readonly containment: ContainmentLevel;
  /** Who may open connections to it: peers and members of groups, networks by themselves; -1 for anyone. */
  readonly inPeers: number;
  /** `tcp/104` of the entries inwards; null: any. */
  readonly inServices: readonly string[] | null;
  /** An entry outwards leads beyond the site's networks. */
  readonly mayReachOutside: boolean;
}

export function guardView(policy: Policy, name: string, containment: ContainmentLevel): GuardView | null {
  const device = policy.devices[name];
  if (device === undefined) return null;
  const entries = device.allow.filter(({ essential }) => containment !== 'contained' || essential);
  const live = containment === 'cut' ? [] : entries;
  const inwards = live.filter(({ direction }) => direction === 'in');
  const services = inwards.map(({ protocol, ports }) =>
    protocol === 'any' || ports === undefined
      ? null
      : ports.map(({ low, high }) => (low === high ? `${protocol}/${low}` : null)),
  );
  const counts = inwards.map(({ peer }) => peersOf(policy, peer));
  return {
    mode: device.mode,
    isEnforced: device.mode === 'enforce' || containment !== 'normal',
    containment,
    inPeers: counts.some((count) => count < 0) ? -1 : counts.reduce((sum, count) => sum + count, 0),
    inServices: services.some((each) => each === null || each.includes(null))
      ? null
      : services.flatMap((each) => each ?? []).filter((one) => one !== null),
    mayReachOutside: live.some(({ direction, peer }) => direction === 'out' && leadsOutside(policy, peer)),
  };
}

type PeerOf = PolicyDevice['allow'][number]['peer'];

function peersOf(policy: Policy, peer: PeerOf): number {
  if (peer === 'any') return -1;
  return 'group' in peer ? (policy.groups[peer.group]?.length ?? 0) : 1;
}

function leadsOutside(policy: Policy, peer: PeerOf): boolean {
  if (peer === 'any') return true;
  if ('device' in peer) return false;
  const members = 'group' in peer ? (policy.groups[peer.group] ?? []) : [peer];
  return members.some((one) => {
    if ('name' in one) return !policy.site.domains.some((domain) => isUnderDomain(one.name, domain));
    return 'network' in one ? !holdsNetwork(policy, one.network) : !holdsAddress(policy, one.address);
  });
}

/** A site that names no networks means private addresses. */
function holdsAddress(policy: Policy, address: Address): boolean {
  const { networks } = policy.site;
  return networks.length === 0
    ? isSiteAddress(address.text)
    : networks.some((network) => isInNetwork(address, network));
}

function holdsNetwork(policy: Policy, network: Network): boolean {
  const first = addressFromBytes(networkBase(network));
  const { networks } = policy.site;
  if (networks.length === 0) return network.prefixLength >= 8 && isSiteAddress(first.text);
  return networks.some((site) => network.prefixLength >= site.prefixLength && isInNetwork(first, site));
}

/** What stands in for support that has ended; null: nothing. */
export function guardText(guard: GuardView | null): string | null {
  if (guard?.isEnforced !== true) return null;
  return guard.containment === 'normal'
    ? 'allow-list enforced by this box'
    : `${guard.containment} by this box`;
}
