/**
 * Would this connection be permitted, which entry decides, and what would allow it: `cordon policy explain`. Pure. It
 * must mean exactly what the compiled ruleset means (ruleset/inet-chains.ts); a test sends the same probes through both.
 * It speaks of the first packet of a new connection, with nobody contained.
 */
import { addressBytes, type Address } from './address.js';
import { INFRASTRUCTURE, PROTOCOL_NUMBERS, UNKNOWN_DEVICES_DEFAULT } from './default-policy.js';
import { createEntryMatcher, type EntryMatcher } from './match-entry.js';
import { NOTHING_LEARNED, deviceAddresses, ownValue, type LearnedAddresses } from './resolve-peers.js';
import type { DeviceMode, Policy } from './schema.js';

export interface Query {
  /** Who opens the connection, and who is called: a guarded device by name, or anyone by address. */
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** IANA number. */
  readonly protocol: number;
  /** Source port, where it matters (DHCP). */
  readonly sourcePort?: number;
  /** Destination port; null where the protocol has none. */
  readonly port: number | null;
  readonly icmpType?: number;
}

export interface Endpoint {
  readonly address: Address;
  /** The guarded device that has the address; null: somebody on the network side. */
  readonly device: string | null;
  /** Behind the box without being named by the policy. */
  readonly isUnknownDevice?: boolean;
}

/** What one device's list says about the connection. */
export interface Judgement {
  readonly device: string | null;
  readonly direction: 'out' | 'in';
  readonly verdict: 'permit' | 'refuse';
  readonly why: 'entry' | 'observe' | 'shadow' | 'no-entry' | 'unknown-device';
  /** `devices.pump-1.allow[2]`, and the reason written there. */
  readonly entry: { readonly path: string; readonly why: string; readonly essential: boolean } | null;
  /** YAML of the narrowest entry that would permit it; null when nothing is missing. */
  readonly wouldAllow: string | null;
}

export interface Explanation {
  readonly verdict: 'permit' | 'refuse' | 'not-ours';
  /** A default of default-policy.ts that decides before any list. */
  readonly byDefault: string | null;
  readonly judgements: readonly Judgement[];
}

export function explain(
  policy: Policy,
  query: Query,
  learned: LearnedAddresses = NOTHING_LEARNED,
): Explanation {
  const fromDevice = query.from.device !== null || query.from.isUnknownDevice === true;
  const toDevice = query.to.device !== null || query.to.isUnknownDevice === true;
  if (!fromDevice && !toDevice) return { verdict: 'not-ours', byDefault: null, judgements: [] };
  const byDefault = infrastructure(query, fromDevice ? 'device' : 'network');
  if (byDefault)
    return { verdict: byDefault.permits ? 'permit' : 'refuse', byDefault: byDefault.id, judgements: [] };
  const matcher = createEntryMatcher(policy, learned);
  // Both ends' lists must permit where both are guarded (default `both-lists`).
  const judgements = [
    ...(toDevice && (query.to.device !== null || !fromDevice) ? [judge(policy, matcher, query, 'in')] : []),
    ...(fromDevice ? [judge(policy, matcher, query, 'out')] : []),
  ];
  return {
    verdict: judgements.every(({ verdict }) => verdict === 'permit') ? 'permit' : 'refuse',
    byDefault: null,
    judgements,
  };
}

/** An address as an endpoint: whose it is, by the policy and by what was learnt. */
export function endpointOf(
  policy: Policy,
  address: Address,
  learned: LearnedAddresses = NOTHING_LEARNED,
): Endpoint {
  const device = Object.keys(policy.devices).find((name) =>
    deviceAddresses(policy, name, learned).some((each) => each.text === address.text),
  );
  return { address, device: device ?? null };
}

function judge(policy: Policy, matcher: EntryMatcher, query: Query, direction: 'out' | 'in'): Judgement {
  const { device } = direction === 'out' ? query.from : query.to;
  const peer = direction === 'out' ? query.to : query.from;
  const known = device === null ? undefined : ownValue(policy.devices, device);
  if (device === null || !known) {
    const verdict = (policy.unknownDevices ?? UNKNOWN_DEVICES_DEFAULT) === 'observe' ? 'permit' : 'refuse';
    return { device: null, direction, verdict, why: 'unknown-device', entry: null, wouldAllow: null };
  }
  const connection = {
    opened: direction === 'out',
    protocol: query.protocol,
    peer: addressBytes(peer.address),
    port: query.port ?? 0,
  };
  const index = matcher(device, connection, false);
  const entry = index === null ? undefined : known.allow[index];
  if (index !== null && entry) {
    return {
      device,
      direction,
      verdict: 'permit',
      why: 'entry',
      entry: { path: `devices.${device}.allow[${index}]`, why: entry.why, essential: entry.essential },
      wouldAllow: null,
    };
  }
  const wouldAllow = entryText(query, direction, peer);
  const lenient: Record<DeviceMode, Judgement['why']> = {
    observe: 'observe',
    shadow: 'shadow',
    enforce: 'no-entry',
  };
  return {
    device,
    direction,
    verdict: known.mode === 'enforce' ? 'refuse' : 'permit',
    why: lenient[known.mode],
    entry: null,
    wouldAllow,
  };
}

function entryText(query: Query, direction: 'out' | 'in', peer: Endpoint): string {
  const name = Object.entries(PROTOCOL_NUMBERS).find(([, number]) => number === query.protocol)?.[0];
  const who = peer.device === null ? `{ address: "${peer.address.text}" }` : `{ device: ${peer.device} }`;
  const hasPorts = name === 'tcp' || name === 'udp' || name === 'sctp';
  const protocol = name === undefined || name === 'igmp' ? 'any' : name;
  return `- { direction: ${direction}, peer: ${who}, protocol: ${protocol}${hasPorts && query.port !== null ? `, ports: [${query.port}]` : ''}, why: "…" }`;
}

/** Housekeeping that passes, or is refused, whatever the lists say. */
function infrastructure(
  query: Query,
  side: 'device' | 'network',
): { readonly id: string; readonly permits: boolean } | null {
  for (const flow of INFRASTRUCTURE) {
    if (flow.family !== query.from.address.family || PROTOCOL_NUMBERS[flow.protocol] !== query.protocol)
      continue;
    if (
      flow.protocol === 'udp' &&
      (flow.sourcePort !== query.sourcePort || flow.destinationPort !== query.port)
    )
      continue;
    if (flow.protocol === 'icmpv6' && flow.icmpTypes?.includes(query.icmpType ?? -1) !== true) continue;
    if (flow.from === side || flow.from === 'both') return { id: flow.id, permits: true };
    if (flow.otherwise !== null && side === 'device') return { id: flow.otherwise, permits: false };
  }
  return null;
}
