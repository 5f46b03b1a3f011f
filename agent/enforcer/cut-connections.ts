/**
 * Deletes the conntrack entries of connections that no longer may be: after a stricter policy, and after a containment
 * order. The rules refuse contained devices packet by packet anyway; deleting makes sure that nothing revives later and
 * that a policy's removed entry ends its live connections too.
 */
import { levelOf, type Effects } from '../containment/effects.js';
import { deleteConntrack, type ConntrackEntry, type ConntrackFilter } from '../netlink/conntrack.js';
import { addressFromBytes } from '../policy/address.js';
import { createEntryMatcher, type EntryMatcher } from '../policy/match-entry.js';
import { INFRASTRUCTURE, PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import {
  deviceAddresses,
  ownValue,
  type LearnedAddresses,
  type NamedAddresses,
} from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';

import { BOTH_GUARDED, DEVICE_MASK, deviceOfMark } from '../ruleset/marks.js';

export interface Situation {
  readonly policy: Policy;
  readonly learned: LearnedAddresses;
  readonly named: NamedAddresses;
  readonly ids: DeviceIds;
  readonly effects: Effects;
}

const IS_INFRASTRUCTURE = new Set(
  INFRASTRUCTURE.flatMap((flow) =>
    flow.protocol === 'udp' ? [`${flow.sourcePort ?? 0}-${flow.destinationPort ?? 0}`] : [],
  ),
);

/**
 * How many connections were cut. Entries without our mark are not ours and are left alone. `device`: only this one's are looked
 * at, and the kernel leaves the others out, so that one pump among fifty thousand connections is a matter of its own few.
 */
export async function cutConnections(situation: Situation, device: string | null = null): Promise<number> {
  const shouldCut = createCutDecision(situation);
  let deleted = 0;
  for (const filter of filtersFor(situation.ids, device))
    deleted += (await deleteConntrack(shouldCut, filter)).deleted;
  return deleted;
}

/** The connections whose mark names the device, and those between two devices, whose mark names the other one. */
function filtersFor(ids: DeviceIds, device: string | null): readonly ConntrackFilter[] {
  const id = device === null ? undefined : ids.get(device);
  if (id === undefined) return [{}];
  return [{ mark: { value: id, mask: DEVICE_MASK } }, { mark: { value: BOTH_GUARDED, mask: BOTH_GUARDED } }];
}

export function createCutDecision(situation: Situation): (entry: ConntrackEntry) => boolean {
  const judge = createEntryMatcher(situation.policy, situation.learned, situation.named);
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

/** As policy/match-entry.ts has it: the source port, or the type and code of ICMP. */
export function sourceOf({ protocol, original }: ConntrackEntry): number {
  return protocol === PROTOCOL_NUMBERS.icmp || protocol === PROTOCOL_NUMBERS.icmpv6
    ? original.icmpType * 256 + original.icmpCode
    : original.sourcePort;
}

function mayGoOn(
  situation: Situation,
  judge: EntryMatcher,
  device: string | null,
  opened: boolean,
  entry: ConntrackEntry,
): boolean {
  const policy = device === null ? undefined : ownValue(situation.policy.devices, device);
  const level = levelOf(situation.effects, device);
  if (level === 'cut') return false;
  if (
    entry.protocol === 17 &&
    IS_INFRASTRUCTURE.has(`${entry.original.sourcePort}-${entry.original.destinationPort}`)
  )
    return true;
  if (level === 'normal') {
    const lenient = policy ? policy.mode !== 'enforce' : situation.policy.unknownDevices === 'observe';
    if (lenient) return true;
  }
  if (device === null) return false;
  const connection = {
    opened,
    protocol: entry.protocol,
    peer: opened ? entry.original.destination : entry.original.source,
    port: entry.original.destinationPort,
    source: sourceOf(entry),
  };
  return judge(device, connection, level !== 'normal') !== null;
}
