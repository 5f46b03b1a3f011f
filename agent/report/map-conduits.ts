/**
 * The ways between devices and peers that the map of a report draws: what allow-lists permit, what was refused, and, from a capture, what was seen and how a
 * policy would have judged it. Pure; called by cli/report.ts.
 */
import { parseAddress, addressBytes } from '../policy/address.js';
import { createEntryMatcher } from '../policy/match-entry.js';
import { NOTHING_LEARNED } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { ObservedFlow } from './observed-flows.js';
import { CONDUIT_KINDS, type Conduit } from './report-model.js';
import { peerText, serviceOf, type RefusedConnection } from './segmentation-part.js';
import { naturally } from './words.js';

/** Refused peers of one device and service that are named; the others are one line. */
const MAX_REFUSED_PEERS = 4;
/** More refused ports between two than this are one line: a scan is one way tried often, not a hundred ways. */
const MAX_REFUSED_PORTS = 6;

type ServiceText = (protocol: number | null, port: number | null) => string;

export function policyConduits(policy: Policy): readonly Conduit[] {
  return Object.entries(policy.devices).flatMap(([device, { allow }]) =>
    allow.map((entry): Conduit => ({
      device,
      direction: entry.direction,
      service: serviceOf(entry),
      peer: peerText(entry.peer),
      kind: entry.essential ? 'essential' : 'permitted',
      count: null,
      why: entry.why,
    })),
  );
}

export function refusedConduits(
  refusals: readonly RefusedConnection[],
  serviceText: ServiceText,
): readonly Conduit[] {
  const told = refusals.filter((one) => (one.device ?? one.deviceAddress) !== null && one.protocol !== null);
  const isScan = (group: readonly RefusedConnection[]): boolean =>
    new Set(group.map(({ port }) => port)).size > MAX_REFUSED_PORTS;
  const pairs = groupsOf(told, (one) => [deviceOf(one), one.from, one.protocol, one.peer, one.reason]);
  const scans = pairs.filter(isScan);
  const services = groupsOf(pairs.filter((group) => !isScan(group)).flat(), (one) => [
    deviceOf(one),
    one.from,
    one.protocol,
    one.port,
    one.reason,
  ]);
  return [
    ...scans.flatMap((group) => scanConduit(group, serviceText)),
    ...peerConduits(services, serviceText),
  ];
}

function deviceOf({ device, deviceAddress }: RefusedConnection): string {
  return device ?? deviceAddress ?? 'unknown';
}

function groupsOf(
  refusals: readonly RefusedConnection[],
  keyOf: (one: RefusedConnection) => readonly unknown[],
): readonly (readonly RefusedConnection[])[] {
  const groups = new Map<string, RefusedConnection[]>();
  for (const refusal of refusals) {
    const key = JSON.stringify(keyOf(refusal));
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(refusal);
  }
  return [...groups.values()];
}

function scanConduit(group: readonly RefusedConnection[], serviceText: ServiceText): readonly Conduit[] {
  const [first] = group;
  if (first === undefined) return [];
  const ports = [...new Set(group.map(({ port }) => port ?? 0))].sort((a, b) => a - b);
  const count = group.reduce((sum, one) => sum + one.count, 0);
  const one = refusedConduit(first, first.peer ?? 'unknown', count, serviceText);
  return [
    {
      ...one,
      service: `${serviceText(first.protocol, null)}, ${ports.length} ports`,
      why: `${one.why ?? 'refused'}; ports from ${ports[0] ?? 0} to ${ports.at(-1) ?? 0}`,
    },
  ];
}

function peerConduits(
  groups: readonly (readonly RefusedConnection[])[],
  serviceText: ServiceText,
): readonly Conduit[] {
  return groups.flatMap((group) => {
    const sorted = group.toSorted((a, b) => b.count - a.count || ((a.peer ?? '') < (b.peer ?? '') ? -1 : 1));
    const rest = sorted.slice(MAX_REFUSED_PEERS);
    const named = rest.length === 1 ? sorted : sorted.slice(0, MAX_REFUSED_PEERS);
    const conduits = named.map((one) => refusedConduit(one, one.peer ?? 'unknown', one.count, serviceText));
    const [first] = rest;
    if (first === undefined || rest.length === 1) return conduits;
    const count = rest.reduce((sum, one) => sum + one.count, 0);
    return [...conduits, refusedConduit(first, `${rest.length} other addresses`, count, serviceText)];
  });
}

function refusedConduit(
  refusal: RefusedConnection,
  peer: string,
  count: number,
  serviceText: ServiceText,
): Conduit {
  const { from, protocol, port, reason } = refusal;
  return {
    device: deviceOf(refusal),
    direction: from === 'device' ? 'out' : 'in',
    service: serviceText(protocol, port),
    peer,
    kind: 'refused',
    count,
    why: `refused: ${reason}`,
  };
}

/** `nameOf`: of an address, where a device has it. Without a policy all of it is only `observed`. */
export function observedConduits(
  flows: readonly ObservedFlow[],
  policy: Policy | null,
  nameOf: (address: string) => string | null,
  serviceText: ServiceText,
): readonly Conduit[] {
  const permits = policy === null ? null : createEntryMatcher(policy, NOTHING_LEARNED);
  return flows.flatMap((flow): Conduit[] => {
    const [client, server] = [nameOf(flow.client), nameOf(flow.server)];
    const direction = client !== null && (policy === null || client in policy.devices) ? 'out' : 'in';
    const device = direction === 'out' ? client : server;
    if (device === null) return [];
    const peerAddress = direction === 'out' ? flow.server : flow.client;
    const conduit = {
      device,
      direction,
      service: serviceText(flow.protocol, flow.port),
      peer: (direction === 'out' ? server : client) ?? peerAddress,
      count: flow.count,
    } as const;
    const guarded = policy?.devices[device];
    if (permits === null || guarded === undefined) return [{ ...conduit, kind: 'observed', why: null }];
    const parsed = parseAddress(peerAddress);
    const index =
      parsed === null
        ? null
        : permits(
            device,
            {
              opened: direction === 'out',
              protocol: flow.protocol,
              peer: addressBytes(parsed),
              port: flow.port ?? 0,
              source: null,
            },
            false,
          );
    const entry = index === null ? undefined : guarded.allow[index];
    if (entry === undefined)
      return [{ ...conduit, kind: 'refused', why: 'seen; this policy would refuse it' }];
    return [{ ...conduit, kind: entry.essential ? 'essential' : 'permitted', why: entry.why }];
  });
}

/** Alike ones are one, with their counts added; ordered by device, then by kind. */
export function mergeConduits(conduits: readonly Conduit[]): readonly Conduit[] {
  const merged = new Map<string, Conduit>();
  for (const one of conduits) {
    const key = JSON.stringify([one.device, one.direction, one.service, one.peer, one.kind]);
    const before = merged.get(key);
    const count =
      before === undefined ? one.count : before.count === null ? one.count : before.count + (one.count ?? 0);
    merged.set(key, { ...(before ?? one), count });
  }
  return [...merged.values()].sort(
    (a, b) =>
      naturally(a.device, b.device) ||
      CONDUIT_KINDS.indexOf(a.kind) - CONDUIT_KINDS.indexOf(b.kind) ||
      (a.direction === b.direction ? 0 : a.direction === 'out' ? -1 : 1) ||
      naturally(a.service, b.service) ||
      naturally(a.peer, b.peer),
  );
}
