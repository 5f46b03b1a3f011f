/**
 * The live connections of guarded devices, each with what lets it go on: `cordon flows`. Read from the kernel's connection
 * table when asked, never kept. Changes nothing; the entry named is the one that the cut decision would find, too.
 */
import { levelOf } from '../containment/effects.js';
import { RequestError } from '../ipc/errors.js';
import type { LiveFlow, LiveFlows } from '../messages/enforcer-messages.js';
import { toEntry, type ConntrackEntry } from '../netlink/conntrack-codec.js';
import { forEachConntrack } from '../netlink/conntrack.js';
import { addressFromBytes } from '../policy/address.js';
import { INFRASTRUCTURE } from '../policy/default-policy.js';
import { entryPath } from '../policy/expand-templates.js';
import { createEntryMatcher, type EntryMatcher } from '../policy/match-entry.js';
import { ownValue } from '../policy/resolve-peers.js';
import { deviceOfMark } from '../ruleset/marks.js';
import { sourceOf, type Situation } from './cut-connections.js';
import { describeConnection } from './describe-connection.js';

const UDP = 17;

/**
 * The `limit` connections with most bytes, of `device` or (null) of all; all of them are counted. Throws RequestError for a device that
 * the policy does not name: "no connections" would be taken for an answer.
 */
export async function readLiveFlows(
  situation: Situation,
  device: string | null,
  limit: number,
): Promise<LiveFlows> {
  if (device !== null && !situation.ids.has(device))
    throw new RequestError('unknown-device', `the policy has no device "${device}"`);
  const names = new Map([...situation.ids].map(([name, id]) => [id, name]));
  let kept: ConntrackEntry[] = [];
  let total = 0;
  await forEachConntrack(
    (record) => {
      const marked = deviceOfMark(record.mark);
      if (!marked || (device !== null && names.get(marked.deviceId) !== device)) return;
      total += 1;
      kept.push(toEntry(record));
      if (kept.length >= 2 * limit) kept = busiest(kept, limit);
    },
    {},
    () => {
      kept = [];
      total = 0;
    },
  );
  const judge = createEntryMatcher(situation.policy, situation.learned, situation.named);
  return {
    rows: busiest(kept, limit).map((entry) => describeFlow(situation, judge, names, entry)),
    total,
  };
}

function busiest(entries: ConntrackEntry[], limit: number): ConntrackEntry[] {
  return entries.sort((a, b) => bytesOf(b) - bytesOf(a)).slice(0, limit);
}

function bytesOf({ counters }: ConntrackEntry): number {
  return counters === null ? 0 : counters.bytesOut + counters.bytesIn;
}

function describeFlow(
  situation: Situation,
  judge: EntryMatcher,
  names: ReadonlyMap<number, string>,
  entry: ConntrackEntry,
): LiveFlow {
  const { deviceId = 0, opened = true } = deviceOfMark(entry.mark) ?? {};
  const device = names.get(deviceId) ?? null;
  const { source, destination } = entry.original;
  const level = levelOf(situation.effects, device);
  return {
    ...describeConnection(entry, device, opened ? 'out' : 'in'),
    deviceAddress: addressFromBytes(opened ? source : destination).text,
    bytesOut: entry.counters === null ? null : entry.counters[opened ? 'bytesOut' : 'bytesIn'],
    bytesIn: entry.counters === null ? null : entry.counters[opened ? 'bytesIn' : 'bytesOut'],
    isAnswered: (entry.status & 2) !== 0,
    permittedBy: reasonOf(situation, judge, device, opened, entry),
    containment: level === 'normal' ? null : level,
  };
}

/** What permits it now. `nothing`: it was opened under another policy and will be cut with the next change. */
function reasonOf(
  situation: Situation,
  judge: EntryMatcher,
  device: string | null,
  opened: boolean,
  entry: ConntrackEntry,
): LiveFlow['permittedBy'] {
  const { original } = entry;
  const housekeeping = INFRASTRUCTURE.find(
    ({ protocol, sourcePort, destinationPort }) =>
      protocol === 'udp' &&
      entry.protocol === UDP &&
      sourcePort === original.sourcePort &&
      destinationPort === original.destinationPort,
  );
  if (housekeeping) return { rule: `default ${housekeeping.id}`, why: null, essential: true };
  const policy = device === null ? undefined : ownValue(situation.policy.devices, device);
  if (device === null || !policy) return { rule: 'policy unknownDevices', why: null, essential: false };
  const peer = opened ? original.destination : original.source;
  const connection = {
    opened,
    protocol: entry.protocol,
    peer,
    port: original.destinationPort,
    source: sourceOf(entry),
  };
  const index = judge(device, connection, false);
  const found = index === null ? undefined : policy.allow[index];
  if (index !== null && found)
    return {
      rule: `policy ${entryPath(device, index, found)}`,
      why: found.why,
      essential: judge(device, connection, true) !== null,
    };
  if (policy.mode === 'enforce') return { rule: 'nothing', why: null, essential: false };
  return { rule: `policy devices.${device}.mode`, why: policy.mode, essential: false };
}
