/**
 * Deletes the conntrack entries of connections that no longer may be: after a stricter policy, and after a containment
 * order. The rules refuse contained devices packet by packet anyway; deleting makes sure that nothing revives later and
 * that a policy's removed entry ends its live connections too.
 */
import { effectOn, type Orders } from '../containment/orders.js';
import { deleteConntrack, type ConntrackEntry } from '../netlink/conntrack.js';
import { addressFromBytes } from '../policy/address.js';
import { createEntryMatcher, type EntryMatcher } from '../policy/match-entry.js';
import { INFRASTRUCTURE } from '../policy/default-policy.js';
import { deviceAddresses, ownValue, type LearnedAddresses } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';

import { BOTH_GUARDED, deviceOfMark } from '../ruleset/marks.js';

export interface Situation {
  readonly policy: Policy;
  readonly learned: LearnedAddresses;
  readonly ids: DeviceIds;
  readonly orders: Orders;
}

const IS_INFRASTRUCTURE = new Set(
  INFRASTRUCTURE.flatMap((flow) =>
    flow.protocol === 'udp' ? [`${flow.sourcePort ?? 0}-${flow.destinationPort ?? 0}`] : [],
  ),
);

/** How many connections were cut. Entries without our mark are not ours and are left alone. */
export async function cutConnections(situation: Situation): Promise<number> {
  const shouldCut = createCutDecision(situation);
  return (await deleteConntrack(shouldCut)).deleted;
}

export function createCutDecision(situation: Situation): (entry: ConntrackEntry) => boolean {
  const judge = createEntryMatcher(situation.policy, situation.learned);
  const names = new Map([...situation.ids].map(([name, id]) => [id, name]));
  const owners = new Map<string, string>();
  for (const name of Object.keys(situation.policy.devices))
    for (const address of deviceAddresses(situation.policy, name, situation.learned))
      owners.set(address.text, name);

  return (entry) => {
    const marked = deviceOfMark(entry.mark);
    if (!marked) return false;
    const device = names.get(marked.deviceId) ?? null;
    if (!mayGoOn(situation, judge, device, marked.opened, entry)) return true;
    if ((entry.mark & BOTH_GUARDED) === 0) return false;
    const other = owners.get(addressFromBytes(entry.original.destination).text) ?? null;
    return !mayGoOn(situation, judge, other, false, entry);
  };
}

function mayGoOn(
  situation: Situation,
  judge: EntryMatcher,
  device: string | null,
  opened: boolean,
  entry: ConntrackEntry,
): boolean {
  const policy = device === null ? undefined : ownValue(situation.policy.devices, device);
  const effect = device === null ? null : effectOn(situation.orders, device);
  if (effect?.level === 'cut') return false;
  if (
    entry.protocol === 17 &&
    IS_INFRASTRUCTURE.has(`${entry.original.sourcePort}-${entry.original.destinationPort}`)
  )
    return true;
  if (effect === null) {
    const lenient = policy ? policy.mode !== 'enforce' : situation.policy.unknownDevices === 'observe';
    if (lenient) return true;
  }
  if (device === null) return false;
  const connection = {
    opened,
    protocol: entry.protocol,
    peer: opened ? entry.original.destination : entry.original.source,
    port: entry.original.destinationPort,
  };
  return judge(device, connection, effect !== null) !== null;
}
