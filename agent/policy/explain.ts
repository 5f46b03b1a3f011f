/**
 * Would this connection be permitted, which entry decides, and what would allow it: `cordon policy explain`. Pure. It
 * must mean exactly what the compiled ruleset means (ruleset/inet-chains.ts); a test sends the same probes through both.
 * It speaks of the first packet of a new connection, with nobody contained.
 */
import { addressBytes, type Address } from './address.js';
import { INFRASTRUCTURE, PROTOCOL_NUMBERS, UNKNOWN_DEVICES_DEFAULT } from './default-policy.js';
import { entryPath } from './expand-templates.js';
import { withoutEnded } from './exceptions.js';
import { createEntryMatcher, type EntryMatcher } from './match-entry.js';
import { coversName } from './host-name.js';
import {
  NOTHING_LEARNED,
  NOTHING_NAMED,
  deviceAddresses,
  ownValue,
  peerNames,
  type LearnedAddresses,
  type NamedAddresses,
} from './resolve-peers.js';
import type { DeviceMode, Policy } from './schema.js';

export interface Query {
  /** Who opens the connection, and who is called: a guarded device by name, or anyone by address. */
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** IANA number. */
  readonly protocol: number;
  /** Source port, where it matters (DHCP, entries with source ports). */
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
  /** Asked about by name: the address only stands for whatever the name has. */
  readonly name?: string;
}

/** What one device's list says about the connection. */
export interface Judgement {
  readonly device: string | null;
  readonly direction: 'out' | 'in';
  readonly verdict: 'permit' | 'refuse';
  readonly why: 'entry' | 'observe' | 'shadow' | 'no-entry' | 'unknown-device';
  /** `devices.pump-1.allow[2]`, and the reason written there. */
  readonly entry: {
    readonly path: string;
    readonly why: string;
    readonly essential: boolean;
    /** As written; null: it has no end. */
    readonly until: string | null;
  } | null;
  /** Permitted it, and has ended. */
  readonly ended: { readonly path: string; readonly until: string } | null;
  /** Entries that would permit it if a name of theirs had the address: nobody here knows that it has. */
  readonly ifNamed: readonly { readonly path: string; readonly names: readonly string[] }[];
  /** YAML of the narrowest entry that would permit it; null when nothing is missing. */
  readonly wouldAllow: string | null;
}

export interface Explanation {
  readonly verdict: 'permit' | 'refuse' | 'not-ours';
  /** A default of default-policy.ts that decides before any list. */
  readonly byDefault: string | null;
  readonly judgements: readonly Judgement[];
}

/** `endedByMs`: exceptions that ended by then count no more. */
export function explain(
  written: Policy,
  query: Query,
  learned: LearnedAddresses = NOTHING_LEARNED,
  named: NamedAddresses = NOTHING_NAMED,
  endedByMs = 0,
): Explanation {
  const policy = withoutEnded(written, endedByMs);
  const fromDevice = query.from.device !== null || query.from.isUnknownDevice === true;
  const toDevice = query.to.device !== null || query.to.isUnknownDevice === true;
  if (!fromDevice && !toDevice) return { verdict: 'not-ours', byDefault: null, judgements: [] };
  const byDefault = infrastructure(query, fromDevice ? 'device' : 'network');
  if (byDefault)
    return { verdict: byDefault.permits ? 'permit' : 'refuse', byDefault: byDefault.id, judgements: [] };
  const matchers = {
    known: createEntryMatcher(policy, learned, namesOfQuery(query, named)),
    written: createEntryMatcher(written, learned, namesOfQuery(query, named)),
    whateverNamed: createEntryMatcher(policy, learned, () => [query.from.address, query.to.address]),
  };
  // Both ends' lists must permit where both are guarded (default `both-lists`).
  const judgements = [
    ...(toDevice && (query.to.device !== null || !fromDevice)
      ? [judge(policy, written, matchers, query, 'in')]
      : []),
    ...(fromDevice ? [judge(policy, written, matchers, query, 'out')] : []),
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

/** A name that is asked about has the address that stands for it. */
function namesOfQuery({ from, to }: Query, named: NamedAddresses): NamedAddresses {
  const asked = [from, to].flatMap(({ name, address }) => (name === undefined ? [] : [{ name, address }]));
  return (device, policyName) => [
    ...named(device, policyName),
    ...asked.filter(({ name }) => coversName(policyName, name)).map(({ address }) => address),
  ];
}

interface Matchers {
  readonly known: EntryMatcher;
  /** With exceptions that have ended. */
  readonly written: EntryMatcher;
  /** As if every name had the addresses of the query. */
  readonly whateverNamed: EntryMatcher;
}

function judge(
  policy: Policy,
  written: Policy,
  matchers: Matchers,
  query: Query,
  direction: 'out' | 'in',
): Judgement {
  const { device } = direction === 'out' ? query.from : query.to;
  const peer = direction === 'out' ? query.to : query.from;
  const known = device === null ? undefined : ownValue(policy.devices, device);
  if (device === null || !known) {
    const verdict = (policy.unknownDevices ?? UNKNOWN_DEVICES_DEFAULT) === 'observe' ? 'permit' : 'refuse';
    return {
      device: null,
      direction,
      verdict,
      why: 'unknown-device',
      entry: null,
      ended: null,
      ifNamed: [],
      wouldAllow: null,
    };
  }
  const connection = {
    opened: direction === 'out',
    protocol: query.protocol,
    peer: addressBytes(peer.address),
    port: query.port ?? 0,
    source: sourceOf(query),
  };
  const index = matchers.known(device, connection, false);
  const entry = index === null ? undefined : known.allow[index];
  if (index !== null && entry) {
    return {
      device,
      direction,
      verdict: 'permit',
      why: 'entry',
      entry: {
        path: entryPath(device, index, entry),
        why: entry.why,
        essential: entry.essential,
        until: entry.until?.text ?? null,
      },
      ended: null,
      ifNamed: [],
      wouldAllow: null,
    };
  }
  const endedIndex = matchers.written(device, connection, false);
  const ended = endedIndex === null ? undefined : ownValue(written.devices, device)?.allow[endedIndex];
  const possible = peer.name === undefined ? matchers.whateverNamed(device, connection, false) : null;
  const possibleEntry = possible === null ? undefined : known.allow[possible];
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
    ended:
      endedIndex === null || ended?.until === undefined
        ? null
        : { path: entryPath(device, endedIndex, ended), until: ended.until.text },
    ifNamed:
      possible === null || possibleEntry === undefined
        ? []
        : [
            {
              path: entryPath(device, possible, possibleEntry),
              names: peerNames(policy, possibleEntry.peer),
            },
          ],
    wouldAllow,
  };
}

const ECHO_REQUEST: Readonly<Record<number, number>> = {
  [PROTOCOL_NUMBERS.icmp]: 8,
  [PROTOCOL_NUMBERS.icmpv6]: 128,
};

/** An ICMP query without a type is a ping (RFC 792, RFC 4443 section 4.1). */
function sourceOf({ protocol, icmpType, sourcePort }: Query): number | null {
  const echo = ECHO_REQUEST[protocol];
  return echo === undefined ? (sourcePort ?? null) : (icmpType ?? echo) * 256;
}

function entryText(query: Query, direction: 'out' | 'in', peer: Endpoint): string {
  const name = Object.entries(PROTOCOL_NUMBERS).find(([, number]) => number === query.protocol)?.[0];
  const stranger =
    peer.name === undefined ? `{ address: "${peer.address.text}" }` : `{ name: "${peer.name}" }`;
  const who = peer.device === null ? stranger : `{ device: ${peer.device} }`;
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
