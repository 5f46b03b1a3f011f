/** The segmentation plan of a report: allow-lists with their reasons, who approved them, and what proves that they are enforced. Pure; used by build-report.ts. */
import type { ActivityEntry } from '../activity/entry.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import { UNKNOWN_DEVICES_DEFAULT } from '../policy/default-policy.js';
import { exceptionsOf, exceptionState } from '../policy/exceptions.js';
import type { AllowEntry, Policy } from '../policy/schema.js';
import type { Proof, Segmentation, SegmentedDevice } from './report-model.js';
import { naturally } from './words.js';

export interface RefusedConnection {
  readonly device: string | null;
  readonly deviceAddress: string | null;
  readonly from: 'device' | 'network';
  readonly peer: string | null;
  readonly protocol: number | null;
  readonly port: number | null;
  readonly reason: string;
  readonly count: number;
  readonly lastMs: number;
}

/** `entries`: all of the activity log, because a policy outlives a period. */
export function segmentationOf(
  policy: Policy,
  enforcer: EnforcerStatus | null,
  refusals: readonly RefusedConnection[],
  entries: readonly ActivityEntry[],
  nowMs: number,
): Segmentation {
  const state = enforcer?.policy ?? null;
  return {
    generation: state?.generation ?? null,
    sha256: state?.sha256 ?? null,
    applied: state === null || state.appliedAtMs === null ? null : new Date(state.appliedAtMs).toISOString(),
    approvals: state === null ? [] : approvalsOf(entries, state.generation),
    unknownDevices: policy.unknownDevices ?? UNKNOWN_DEVICES_DEFAULT,
    networks: policy.site.networks.map(({ text }) => text),
    groups: Object.entries(policy.groups)
      .sort(byName)
      .map(([name, members]) => ({ name, members: members.map(memberText) })),
    devices: Object.entries(policy.devices)
      .sort(byName)
      .map(([name, device]): SegmentedDevice => {
        const refused = refusals.filter((one) => one.device === name);
        return {
          name,
          mode: device.mode,
          criticality: device.criticality,
          entries: device.allow.map((entry) => ({
            direction: entry.direction,
            peer: peerText(entry.peer),
            service: serviceOf(entry),
            essential: entry.essential,
            until: entry.until?.text ?? null,
            why: entry.why,
          })),
          refused: refused.reduce((sum, { count }) => sum + count, 0),
          lastRefused: latest(refused),
        };
      }),
    // Without a box the clock here is all that can say what has ended.
    exceptions: exceptionsOf(policy).map((each) => ({
      path: each.path,
      devices: each.devices,
      direction: each.entry.direction,
      peer: peerText(each.entry.peer),
      service: serviceOf(each.entry),
      why: each.entry.why,
      until: each.until.text,
      state: exceptionState(each, enforcer?.exceptions.endedByMs ?? nowMs, nowMs),
    })),
    proof: enforcer === null ? null : proofOf(enforcer, refusals, entries),
  };
}

export function peerText(peer: AllowEntry['peer']): string {
  if (peer === 'any') return 'anyone';
  if ('group' in peer) return `group ${peer.group}`;
  if ('device' in peer) return peer.device;
  return memberText(peer);
}

export function serviceOf({ protocol, ports }: Pick<AllowEntry, 'protocol' | 'ports'>): string {
  if (ports === undefined) return protocol === 'any' ? 'everything' : protocol;
  return `${protocol} ${ports.map(({ low, high }) => (low === high ? String(low) : `${low}-${high}`)).join(', ')}`;
}

function memberText(member: Policy['groups'][string][number]): string {
  if ('address' in member) return member.address.text;
  return 'network' in member ? member.network.text : member.name;
}

function approvalsOf(entries: readonly ActivityEntry[], generation: number): Segmentation['approvals'] {
  const prefix = `generation ${generation}: `;
  return entries
    .filter(
      ({ what, detail }) =>
        (what === 'policy-applied' || what === 'policy-confirmed' || what === 'policy-rolled-back') &&
        detail.startsWith(prefix),
    )
    .map(({ at, who, what }) => ({ at, who, what }));
}

function proofOf(
  enforcer: EnforcerStatus,
  refusals: readonly RefusedConnection[],
  entries: readonly ActivityEntry[],
): Proof {
  const { inspection } = enforcer;
  return {
    mode: enforcer.mode,
    inspection: inspection.why === null ? inspection.active : `${inspection.active}: ${inspection.why}`,
    refusedPackets: Object.entries(enforcer.refused)
      .filter(([, { packets }]) => packets > 0)
      .sort(byName)
      .map(([reason, { packets }]) => ({ reason, packets })),
    permittedNew: enforcer.permittedNew,
    tablesRestored: enforcer.tablesRestored,
    unguarded: enforcer.portsUnguarded,
    runningSince: new Date(enforcer.startedAtMs).toISOString(),
    lastConfirmed: entries.findLast(({ what }) => what === 'policy-confirmed')?.at ?? null,
    lastRefusal: latest(refusals),
  };
}

function latest(refusals: readonly RefusedConnection[]): string | null {
  const lastMs = Math.max(0, ...refusals.map((one) => one.lastMs));
  return lastMs === 0 ? null : new Date(lastMs).toISOString();
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return naturally(a, b);
}
