/**
 * Habits of a device into entries for its allow-list, each with its evidence and its doubts, the doubtful first. It only proposes: nothing here
 * reaches a kernel before a person has applied it. Pure; used by `cordon learn propose` over the agent's habits or a capture's.
 */
import type { Finding } from '../messages/vocabulary.js';
import { addressBytes, parseAddress } from '../policy/address.js';
import { formatAddressKind } from '../policy/address-kind.js';
import { INFRASTRUCTURE, PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import { parseHostName } from '../policy/host-name.js';
import { createEntryMatcher } from '../policy/match-entry.js';
import { protocolNameOf } from '../policy/protocol-name.js';
import { deviceAddresses, ownValue, type LearnedAddresses } from '../policy/resolve-peers.js';
import { MAX_ALLOW_ENTRIES_PER_DEVICE, PROTOCOLS, type AllowEntry, type Policy } from '../policy/schema.js';
import { doubtsOf } from './doubts.js';
import { groupByPort, networksOf } from './generalise.js';
import { isUnanswered, type Habit, type LearntDevice } from './habit.js';
import type { Evidence, LeftOut, Proposal, ProposalSet, ProposedEntry, ProposedPeer } from './proposal.js';
import { serviceKey, serviceWords } from './service-words.js';
import { namesOf, needsDomain } from './names.js';
import { isInside } from './site.js';
import { findingsAbout } from './suspect.js';

export interface ProposeInput {
  readonly policy: Policy;
  /** The name it has, or is to have, in the policy. */
  readonly name: string;
  readonly device: LearntDevice;
  readonly habits: readonly Habit[];
  readonly findings: readonly Finding[];
  /** Addresses of the policy's devices that were learnt from the wire. */
  readonly learned: LearnedAddresses;
  /** How long it was watched. */
  readonly watchedMs: number;
  readonly nowMs: number;
}

export function propose(input: ProposeInput): ProposalSet {
  const { policy, name, device, habits, findings } = input;
  const listed = createEntryMatcher(policy, input.learned, namesOf(policy, device, habits));
  const owners = ownersOf(policy, input.learned, name);
  const leftOut: LeftOut[] = [];
  const existing = new Map<number, number>();
  const wanted: Habit[] = [];
  for (const one of habits) {
    const about = findingsAbout(device, one, findings);
    const entry = singleEntry(one, owners);
    if (about.length > 0) {
      const text = about.map(({ title }) => title).join('; ');
      const isListed = listed(name, connectionOf(one), false) !== null;
      leftOut.push({
        ...{ reason: isListed ? 'finding-listed' : 'finding', text, habits: [one], findings: about },
        // To be told to add what is there already would only puzzle.
        entry: isListed ? null : entry.entry,
      });
    } else if (isInfrastructure(one))
      leftOut.push({
        ...{ reason: 'infrastructure', text: INFRASTRUCTURE_TEXT, habits: [one] },
        ...NOTHING_MORE,
      });
    else if (one.midstream >= one.count && one.count > 0)
      leftOut.push({
        ...{ reason: 'middle', text: MIDDLE_TEXT, habits: [one], findings: [] },
        entry: entry.entry,
      });
    else if (entry.entry === null)
      leftOut.push({ ...{ reason: 'not-expressible', text: entry.problem, habits: [one] }, ...NOTHING_MORE });
    else {
      const index = listed(name, connectionOf(one), false);
      if (index === null) wanted.push(one);
      else existing.set(index, (existing.get(index) ?? 0) + one.count);
    }
  }
  const room = MAX_ALLOW_ENTRIES_PER_DEVICE - (ownValue(policy.devices, name)?.allow.length ?? 0);
  const proposals = entriesOf(wanted, owners)
    .map((made) => withDoubts(made, input, findings))
    .sort((a, b) => weightOf(b) - weightOf(a) || compare(keyOf(a), keyOf(b)));
  for (const { entry, evidence } of proposals.slice(room)) {
    const some = wanted.filter(
      (one) => evidence.peers.includes(one.peer) && one.direction === entry.direction,
    );
    const text = `more than ${MAX_ALLOW_ENTRIES_PER_DEVICE} entries`;
    leftOut.push({ reason: 'no-room', text, habits: some, findings: [], entry });
  }
  const kept = proposals.slice(0, Math.max(0, room));
  const named = kept.flatMap(({ entry, evidence }) =>
    'name' in entry.peer ? [{ name: entry.peer.name, evidence }] : [],
  );
  return {
    device: name,
    proposals: kept,
    leftOut: grouped(leftOut),
    existing: (ownValue(policy.devices, name)?.allow ?? []).map((_, index) => ({
      index,
      connections: existing.get(index) ?? 0,
    })),
    resolvers: named.length === 0 ? [] : device.resolvers,
    domains: [
      ...new Set(
        named.flatMap(({ name: host, evidence }) =>
          evidence.peers.some((peer) => needsDomain(policy, host, peer)) ? [host] : [],
        ),
      ),
    ].sort(compare),
  };
}

/** What was left out for one reason, in one direction, is one: a scan is not told port by port. */
function grouped(leftOut: readonly LeftOut[]): readonly LeftOut[] {
  const groups = new Map<string, LeftOut>();
  for (const one of leftOut) {
    const key = JSON.stringify([one.reason, one.text, one.habits[0]?.direction]);
    const known = groups.get(key);
    groups.set(
      key,
      known === undefined ? one : { ...known, habits: [...known.habits, ...one.habits], entry: null },
    );
  }
  return [...groups.values()];
}

const INFRASTRUCTURE_TEXT = 'passes without an entry (DHCP, neighbour discovery, group membership)';
const MIDDLE_TEXT =
  'was open before the box watched, so who opened it is not known; wait until it is opened again';
const NOTHING_MORE = { findings: [], entry: null } as const;

/** What always passes, as far as an end of a connection tells (the source port is not known of all). */
export function isInfrastructure({ direction, protocol, port }: Habit): boolean {
  const side = direction === 'out' ? 'device' : 'network';
  return INFRASTRUCTURE.some((flow) => {
    if (PROTOCOL_NUMBERS[flow.protocol] !== protocol || (flow.from !== side && flow.from !== 'both'))
      return false;
    if (flow.protocol === 'udp') return flow.destinationPort === port;
    return flow.icmpTypes === undefined || flow.icmpTypes.includes((port ?? -1) >> 8);
  });
}

export function connectionOf(one: Habit) {
  const address = parseAddress(one.peer);
  return {
    opened: one.direction === 'out',
    protocol: one.protocol,
    peer: address === null ? new Uint8Array(0) : addressBytes(address),
    port: one.port ?? 0,
    source: sourceOf(one),
  };
}

/** Type and code of ICMP; source ports are not kept. */
export function sourceOf({ protocol, port }: Habit): number | null {
  return protocol === PROTOCOL_NUMBERS.icmp || protocol === PROTOCOL_NUMBERS.icmpv6 ? port : null;
}

type Owners = ReadonlyMap<string, string>;

/** Addresses of other devices of the policy. */
export function ownersOf(policy: Policy, learned: LearnedAddresses, self: string): Owners {
  return new Map(
    Object.keys(policy.devices).flatMap((device) =>
      device === self
        ? []
        : deviceAddresses(policy, device, learned).map((address) => [address.text, device] as const),
    ),
  );
}

/** The narrowest entry for one habit, or why there is none. */
export function singleEntry(
  one: Habit,
  owners: Owners,
):
  | { readonly entry: ProposedEntry; readonly problem: '' }
  | { readonly entry: null; readonly problem: string } {
  const protocol = PROTOCOLS.find((each) => each === protocolNameOf(one.protocol));
  const no = (problem: string) => ({ entry: null, problem });
  if (protocol === undefined) return no(`entries cannot name IP protocol ${one.protocol}`);
  if (hasPorts(protocol) && (one.port ?? 0) === 0) return no('its port is not known');
  const address = parseAddress(one.peer);
  const kind = address === null ? 'no address' : formatAddressKind(address);
  if (kind !== null && (kind !== 'a multicast address' || one.direction === 'in'))
    return no(`${one.peer} is ${kind}, which no entry can name`);
  if ((protocol === 'icmp' && address?.family === 6) || (protocol === 'icmpv6' && address?.family === 4))
    return no(`${protocol} to ${one.peer}`);
  const owner = owners.get(one.peer);
  const peer = owner === undefined ? { address: one.peer } : { device: owner };
  return { entry: entryOf(one, peer, protocol, one.port === null ? null : String(one.port)), problem: '' };
}

function hasPorts(protocol: AllowEntry['protocol']): boolean {
  return protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp';
}

function isIcmp(protocol: AllowEntry['protocol']): boolean {
  return protocol === 'icmp' || protocol === 'icmpv6';
}

function entryOf(
  one: Habit,
  peer: ProposedPeer,
  protocol: AllowEntry['protocol'],
  ports: string | null,
): ProposedEntry {
  const words = serviceWords(one.protocol, ports === String(one.port) ? one.port : null);
  const range = ports !== null && ports.includes('-') ? ` ports ${ports}` : '';
  return {
    direction: one.direction,
    peer,
    protocol,
    ...(ports === null || !hasPorts(protocol) ? {} : { ports: [ports] }),
    ...(isIcmp(protocol) && one.port !== null && !('name' in peer) ? { icmpTypes: [one.port >> 8] } : {}),
    why: `learnt: ${words}${range}`,
  };
}

interface Made {
  readonly entry: ProposedEntry;
  readonly habits: readonly Habit[];
  readonly isRange: boolean;
}

function entriesOf(wanted: readonly Habit[], owners: Owners): readonly Made[] {
  const byPeer = new Map<string, { peer: ProposedPeer; habits: Habit[] }>();
  for (const one of wanted)
    for (const peer of peersOf(one, owners)) {
      const key = JSON.stringify([one.direction, one.protocol, peer]);
      const known = byPeer.get(key);
      if (known) known.habits.push(one);
      else byPeer.set(key, { peer, habits: [one] });
    }
  const made = [...byPeer.values()].flatMap(({ peer, habits }) => madeOf(peer, habits));
  return joinNetworks(made);
}

/** A host that the device looked up by several names is wanted by each of them. */
function peersOf(one: Habit, owners: Owners): readonly ProposedPeer[] {
  const owner = owners.get(one.peer);
  if (owner !== undefined) return [{ device: owner }];
  const names = one.direction === 'out' ? one.names.filter(isHostName) : [];
  return names.length > 0 ? names.map((name) => ({ name })) : [{ address: one.peer }];
}

/** A single label may be anything: a group of the policy, a host of another domain tomorrow. */
function isHostName(name: string): boolean {
  return name.includes('.') && parseHostName(name, 'no-wildcard').ok;
}

/** Of ICMP, by type: who pings need not be let do all of it. Of others, all. */
function byType(habits: readonly Habit[]): readonly (readonly Habit[])[] {
  const groups = new Map<number | null, Habit[]>();
  for (const one of habits) {
    const source = sourceOf(one);
    const type = source === null ? null : source >> 8;
    groups.set(type, [...(groups.get(type) ?? []), one]);
  }
  return [...groups.values()];
}

function madeOf(peer: ProposedPeer, habits: readonly Habit[]): readonly Made[] {
  const [first] = habits;
  const protocol = PROTOCOLS.find((each) => each === protocolNameOf(first?.protocol ?? -1));
  if (first === undefined || protocol === undefined) return [];
  if (!hasPorts(protocol))
    // A name has no room for types.
    return ('name' in peer ? [habits] : byType(habits)).flatMap((own) => {
      const [example] = own;
      return example === undefined
        ? []
        : [{ entry: entryOf(example, peer, protocol, null), habits: own, isRange: false }];
    });
  return groupByPort(habits).flatMap(({ ports, isRange, habits: own }) => {
    const [example] = own;
    // A name has one set element for every port: it cannot carry a range of thousands.
    if (isRange && 'name' in peer)
      return [...new Set(own.map((one) => one.peer))].flatMap((address) =>
        madeOf(
          { address },
          own.filter((one) => one.peer === address),
        ),
      );
    return example === undefined
      ? []
      : [{ entry: entryOf(example, peer, protocol, ports), habits: own, isRange }];
  });
}

/** Addresses with the same service, of one segment. */
function joinNetworks(made: readonly Made[]): readonly Made[] {
  const byService = new Map<string, Made[]>();
  const rest: Made[] = [];
  for (const one of made) {
    const { peer, direction, protocol, ports, icmpTypes } = one.entry;
    const isHost = 'address' in peer && !isGroup(peer.address);
    if (!isHost) rest.push(one);
    else {
      const key = JSON.stringify([direction, protocol, ports, icmpTypes]);
      byService.set(key, [...(byService.get(key) ?? []), one]);
    }
  }
  for (const same of byService.values()) {
    const addressOf = (one: Made): string => ('address' in one.entry.peer ? one.entry.peer.address : '');
    const networks = networksOf(same.map(addressOf));
    const joined = new Set(networks.flatMap(({ peers }) => peers));
    rest.push(...same.filter((one) => !joined.has(addressOf(one))));
    for (const { network, peers } of networks) {
      const members = same.filter((one) => peers.includes(addressOf(one)));
      const [first] = members;
      if (first === undefined) continue;
      rest.push({
        entry: { ...first.entry, peer: { network } },
        habits: members.flatMap(({ habits }) => habits),
        isRange: first.isRange,
      });
    }
  }
  return rest;
}

function isGroup(text: string): boolean {
  const address = parseAddress(text);
  return address !== null && formatAddressKind(address) !== null;
}

function withDoubts(made: Made, input: ProposeInput, findings: readonly Finding[]): Proposal {
  const evidence = evidenceOf(made.habits);
  const { policy, device, watchedMs, nowMs } = input;
  const doubts = doubtsOf({
    entry: made.entry,
    evidence,
    isRange: made.isRange,
    isUnanswered: made.habits.every(isUnanswered),
    isPartlyMidstream: made.habits.some(({ midstream }) => midstream > 0),
    outside: evidence.peers.filter((peer) => !isInside(policy, peer) && !isGroup(peer)),
    inside: evidence.peers.filter((peer) => isInside(policy, peer)),
    findings: findings.filter(
      ({ peer, device: of, deviceMac }) =>
        peer !== null &&
        evidence.peers.includes(peer) &&
        (of === device.key || of === null || (deviceMac !== null && deviceMac === device.mac)),
    ),
    service: serviceKey(made.habits[0]?.protocol ?? 0, made.habits[0]?.port ?? null),
    watchedMs,
    nowMs,
  });
  return { entry: made.entry, evidence, doubts };
}

function evidenceOf(habits: readonly Habit[]): Evidence {
  const sum = (of: (one: Habit) => number): number => habits.reduce((total, one) => total + of(one), 0);
  const distinct = <T>(all: readonly T[]): T[] => [...new Set(all)];
  return {
    firstMs: Math.min(...habits.map(({ firstMs }) => firstMs)),
    lastMs: Math.max(...habits.map(({ lastMs }) => lastMs)),
    count: sum(({ count }) => count),
    days: Math.max(...habits.map(({ days }) => days)),
    ended: sum(({ ended }) => ended),
    bytesOut: sum(({ bytesOut }) => bytesOut),
    bytesIn: sum(({ bytesIn }) => bytesIn),
    openedBy: habits[0]?.direction === 'in' ? 'peer' : 'device',
    names: distinct(habits.flatMap(({ names }) => names)),
    peers: distinct(habits.map(({ peer }) => peer)),
    ports: distinct(habits.flatMap(({ port }) => port ?? [])).sort((a, b) => a - b),
  };
}

function weightOf(proposal: Proposal): number {
  return proposal.doubts.reduce((sum, { weight }) => sum + weight, 0);
}

function keyOf({ entry }: Proposal): string {
  return `${entry.direction === 'out' ? 0 : 1} ${JSON.stringify(entry.peer)} ${entry.protocol} ${(entry.ports ?? entry.icmpTypes)?.join() ?? ''}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
