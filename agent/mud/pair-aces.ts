/**
 * Entries of both directions to conversations: what the device may open, and what may be opened towards it. Called by import-mud.ts.
 *
 * A MUD file speaks of packets, a policy of connections whose answers pass by themselves. So a connection is permitted where the file
 * accepts its packets in both directions: every from-device entry is laid over every to-device entry, and what both accept is a
 * conversation. The end whose port is free opens it: `udp to X:53` with `udp from X:53` is one question with its answers, not also a
 * way in for whoever sends from port 53. An entry without a counterpart permits no conversation, except to a group address, where no
 * answer can come from (RFC 1122 section 3.2.1.3): for that its network has to be named. Pure; never widens.
 */
import type { Family, Network } from '../policy/address.js';
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import type { PortRange } from '../policy/schema.js';
import { answerOf, questions } from './icmp-questions.js';
import type { Ace, AceMatch, IcmpMatch, MudFile, PeerMatch } from './mud-file.js';
import { intersectPorts, isEveryPort, isPortSubset, type PortSet } from './ports.js';
import { intersectNetworks } from './refusals.js';

/** Pairs that are no mirrors of each other are all compared; a file with more is not used at all, rather than in part. */
export const MAX_COMPARED_PAIRS = 2_000_000;
/** A device has at most 1,000 entries, and some of these cover others. */
export const MAX_CONVERSATIONS = 5_000;

/** One entry of a policy, its peer still as the file says it. */
export interface Conversation {
  readonly direction: 'out' | 'in';
  readonly family: Family;
  readonly protocol: number | null;
  /** Of the end that is called; null for protocols without. */
  readonly ports: PortSet | null;
  /** Of the end that opens; null: any. */
  readonly sourcePorts: PortSet | null;
  /** Type and code of the question as `type * 256 + code`; null: any question. */
  readonly icmpTypes: readonly PortRange[] | null;
  readonly peer: PeerMatch;
  /** Both ports are fixed and nothing says who opens it: it stands twice, once in each direction. */
  readonly isEither: boolean;
  /** The entries of the file that it comes from. */
  readonly from: readonly Ace[];
}

export interface Pairing {
  readonly conversations: readonly Conversation[];
  /** Reason for each accepting entry that takes part in none. */
  readonly unused: ReadonlyMap<Ace, string>;
}

interface Half {
  readonly ace: Ace;
  readonly match: AceMatch;
}

export function pairAces(file: Pick<MudFile, 'aces'>): Pairing {
  const halves = (direction: Ace['direction']): readonly Half[] =>
    file.aces
      .filter((ace) => ace.accepts && ace.direction === direction)
      .flatMap((ace) => ace.matches.map((match) => ({ ace, match })));
  const [outgoing, incoming] = [halves('from-device'), halves('to-device')];
  const byPeer = groupBy(incoming, ({ match }) => `${kindOf(match)} ${peerKey(match.peer)}`);
  let compared = 0;
  const found = new Map<string, Conversation>();
  const used = new Set<Ace>();
  const closest = new Map<Ace, string>();
  const keep = (conversations: readonly Conversation[], aces: readonly Ace[]): void => {
    for (const conversation of conversations) {
      const key = conversationKey(conversation);
      if (!found.has(key)) found.set(key, conversation);
    }
    if (conversations.length > 0) for (const ace of aces) used.add(ace);
  };
  const compare = (ours: readonly Half[], theirs: readonly Half[]): void => {
    for (const { ace, match } of ours) {
      for (const other of theirs) {
        compared += 1;
        if (compared > MAX_COMPARED_PAIRS || found.size > MAX_CONVERSATIONS) return;
        const both = overlap(match, other.match);
        if (
          !both ||
          isLeftToDefault({ ace, match }, other, both) ||
          isLeftToDefault(other, { ace, match }, both)
        )
          continue;
        const conversations = conversationsOf(both, [ace, other.ace]);
        keep(conversations, [ace, other.ace]);
        if (conversations.length > 0) continue;
        closest.set(ace, NOT_A_QUESTION);
        closest.set(other.ace, NOT_A_QUESTION);
      }
    }
  };
  for (const half of outgoing) {
    const { ace, match } = half;
    if (isToGroup(match)) {
      const oneWay = { ...match, initiator: 'device' as const, icmp: [match.icmp, null] as const };
      keep(conversationsOf(oneWay, [ace]), [ace]);
      continue;
    }
    const mirrors = (byPeer.get(`${kindOf(match)} ${peerKey(match.peer)}`) ?? []).filter((other) =>
      isMirror(match, other.match),
    );
    // What its mirror answers is all of it: no other counterpart can add to that.
    compare([half], mirrors.length > 0 ? mirrors : ofFamily(incoming, match.family));
  }
  // Counterparts of a part of what a mirror answers already.
  const answerable = outgoing.filter(({ match }) => !isToGroup(match));
  for (const half of incoming)
    if (!used.has(half.ace)) compare(ofFamily(answerable, half.match.family), [half]);
  const accepting = file.aces.filter(({ accepts }) => accepts);
  const tooMany =
    compared > MAX_COMPARED_PAIRS
      ? `the file has more than ${MAX_COMPARED_PAIRS} pairs of entries to compare`
      : found.size > MAX_CONVERSATIONS
        ? `the file becomes more than ${MAX_CONVERSATIONS} entries`
        : null;
  if (tooMany !== null) return { conversations: [], unused: new Map(accepting.map((ace) => [ace, tooMany])) };
  const unused = accepting
    .filter((ace) => !used.has(ace))
    .map((ace) => [ace, closest.get(ace) ?? lonely(ace)] as const);
  return { conversations: withoutCovered([...found.values()]), unused: new Map(unused) };
}

const NOT_A_QUESTION = 'with its counterpart it is no question and answer that connection tracking follows';

function lonely(ace: Ace): string {
  return ace.direction === 'from-device'
    ? 'the to-device policy does not accept the answers: as an entry it would let them in'
    : 'the from-device policy does not accept the answers: as an entry it would let them out';
}

function isToGroup({ peer }: Pick<AceMatch, 'peer'>): boolean {
  return peer.network !== null && isGroupNetwork(peer.network);
}

function ofFamily(halves: readonly Half[], family: Family): readonly Half[] {
  return halves.filter(({ match }) => match.family === family);
}

function kindOf({ family, protocol }: AceMatch): string {
  return `${family} ${protocol ?? 'any'}`;
}

export function peerKey({ classes, name, network }: PeerMatch): string {
  return [classes.join(' '), name ?? '', network?.text ?? ''].join('|');
}

/** Whether everything that `match` lets out is answered by `other`. Then their overlap is `match` itself. */
function isMirror(match: AceMatch, other: AceMatch): boolean {
  return (
    isPortSubset(match.devicePorts, other.devicePorts) &&
    isPortSubset(match.peerPorts, other.peerPorts) &&
    (other.initiator === null || other.initiator === match.initiator) &&
    isIcmpMirror(match, other)
  );
}

function isIcmpMirror({ family, icmp }: AceMatch, { icmp: other }: AceMatch): boolean {
  if (icmp === null || other === null) return icmp === other;
  if (icmp.type === null || other.type === null || icmp.code !== other.code) return false;
  return answerOf(family, icmp.type) === other.type || answerOf(family, other.type) === icmp.type;
}

interface Overlap extends Omit<AceMatch, 'icmp'> {
  /** Of the packets that the device sends, and of those that it is sent. */
  readonly icmp: readonly [IcmpMatch | null, IcmpMatch | null];
}

function overlap(from: AceMatch, to: AceMatch): Overlap | null {
  if (from.protocol !== null && to.protocol !== null && from.protocol !== to.protocol) return null;
  if (from.initiator !== null && to.initiator !== null && from.initiator !== to.initiator) return null;
  const devicePorts = intersectPorts(from.devicePorts, to.devicePorts);
  const peerPorts = intersectPorts(from.peerPorts, to.peerPorts);
  const peer = intersectPeers(from.peer, to.peer);
  if (devicePorts.length === 0 || peerPorts.length === 0 || !peer) return null;
  return {
    family: from.family,
    protocol: from.protocol ?? to.protocol,
    devicePorts,
    peerPorts,
    icmp: [from.icmp, to.icmp],
    initiator: from.initiator ?? to.initiator,
    peer,
  };
}

/**
 * Of an entry of the file a default (DNS, NTP) answers but a part: the default permits that part by itself, and the entry would
 * seem to be carried over by it.
 */
function isLeftToDefault({ ace, match }: Half, other: Half, both: Overlap): boolean {
  if (ace.isDefault || !other.ace.isDefault) return false;
  return !(
    match.protocol === both.protocol &&
    isPortSubset(match.devicePorts, both.devicePorts) &&
    isPortSubset(match.peerPorts, both.peerPorts) &&
    peerKey(match.peer) === peerKey(both.peer)
  );
}

/** Null where they share no address for certain, or where that cannot be said: two names, or a name and something else. */
function intersectPeers(a: PeerMatch, b: PeerMatch): PeerMatch | null {
  if (peerKey(a) === peerKey(b) || isAnyPeer(b)) return a;
  if (isAnyPeer(a)) return b;
  if (a.name !== null || b.name !== null) return null;
  const network = a.network && b.network ? intersectNetworks(a.network, b.network) : (a.network ?? b.network);
  if (a.network && b.network && !network) return null;
  return { classes: [...new Set([...a.classes, ...b.classes])].sort(), name: null, network };
}

function isAnyPeer({ classes, name, network }: PeerMatch): boolean {
  return classes.length === 0 && name === null && network === null;
}

/** Multicast, and the limited broadcast: no packet comes from there. */
export function isGroupNetwork({ family, text, prefixLength }: Network): boolean {
  if (family === 6) return prefixLength >= 8 && /^ff[0-9a-f]{2}:/.test(text);
  const first = Number(text.slice(0, text.indexOf('.')));
  return (prefixLength >= 4 && first >= 224 && first <= 239) || text === '255.255.255.255/32';
}

function conversationsOf(match: Overlap, from: readonly Ace[]): readonly Conversation[] {
  const { family, protocol, peer, initiator } = match;
  const common = { family, protocol, peer, isEither: false, from };
  const byDevice = initiator !== 'peer';
  const byPeer = initiator !== 'device' && !isToGroup(match);
  if (protocol === PROTOCOL_NUMBERS.icmp || protocol === PROTOCOL_NUMBERS.icmpv6) {
    const [sent, received] = match.icmp;
    const ask = (
      direction: 'out' | 'in',
      question: IcmpMatch | null,
      answer: IcmpMatch | null,
    ): Conversation[] => {
      const types = questions(family, question, answer);
      return types !== null && types.length === 0
        ? []
        : [{ ...common, direction, ports: null, sourcePorts: null, icmpTypes: types }];
    };
    return [...(byDevice ? ask('out', sent, received) : []), ...(byPeer ? ask('in', received, sent) : [])];
  }
  if (!hasPorts(protocol)) {
    const plain = { ...common, ports: null, sourcePorts: null, icmpTypes: null };
    return [
      ...(byDevice ? [{ ...plain, direction: 'out' as const }] : []),
      ...(byPeer ? [{ ...plain, direction: 'in' as const }] : []),
    ];
  }
  const { devicePorts, peerPorts } = match;
  const [deviceIsFree, peerIsFree] = [isEveryPort(devicePorts), isEveryPort(peerPorts)];
  const restricted = (set: PortSet): PortSet | null => (isEveryPort(set) ? null : set);
  const isEither = byDevice && byPeer && !deviceIsFree && !peerIsFree;
  const out: Conversation = {
    ...common,
    isEither,
    direction: 'out',
    ports: peerPorts,
    sourcePorts: restricted(devicePorts),
    icmpTypes: null,
  };
  const into: Conversation = {
    ...common,
    isEither,
    direction: 'in',
    ports: devicePorts,
    sourcePorts: restricted(peerPorts),
    icmpTypes: null,
  };
  const opens = byDevice && (deviceIsFree || !peerIsFree || !byPeer);
  const isOpened = byPeer && (peerIsFree || !deviceIsFree || !byDevice);
  return [...(opens ? [out] : []), ...(isOpened ? [into] : [])];
}

export function hasPorts(protocol: number | null): boolean {
  return (
    protocol === PROTOCOL_NUMBERS.tcp ||
    protocol === PROTOCOL_NUMBERS.udp ||
    protocol === PROTOCOL_NUMBERS.sctp
  );
}

function conversationKey({
  direction,
  family,
  protocol,
  ports,
  sourcePorts,
  icmpTypes,
  peer,
}: Conversation): string {
  const text = (set: readonly PortRange[] | null): string =>
    set?.map(({ low, high }) => `${low}-${high}`).join(',') ?? '';
  return [
    direction,
    family,
    protocol ?? 'any',
    text(ports),
    text(sourcePorts),
    text(icmpTypes),
    peerKey(peer),
  ].join(' ');
}

/**
 * Without those that another permits in full: laying all over all makes many such. What could be opened from either end is left out
 * where one way of it is the answer to another conversation.
 */
function withoutCovered(conversations: readonly Conversation[]): readonly Conversation[] {
  const isFew = conversations.length <= MAX_COMPARED_CONVERSATIONS;
  const keyOf = ({ direction, family, peer }: Conversation): string =>
    `${direction} ${family}${isFew ? '' : ` ${peerKey(peer)}`}`;
  const groups = groupBy(conversations, keyOf);
  const places = new Map(conversations.map((one, index) => [one, index]));
  // Of two that are the same the earlier stays; a reversed one is none of them, and its own twin does not cover it.
  const isCovered = (one: Conversation): boolean =>
    (groups.get(keyOf(one)) ?? []).some(
      (other) =>
        other !== one &&
        (!other.isEither || one.isEither) &&
        covers(other, one) &&
        !(covers(one, other) && (places.get(other) ?? 0) > (places.get(one) ?? -1)),
    );
  return conversations.filter((one) => !isCovered(one) && !(one.isEither && isCovered(reversed(one))));
}

/** Above this, only those with the same peer are compared: a policy would refuse so many entries for one device. */
const MAX_COMPARED_CONVERSATIONS = 2_000;

function reversed(conversation: Conversation): Conversation {
  const { direction, ports, sourcePorts } = conversation;
  return {
    ...conversation,
    direction: direction === 'out' ? 'in' : 'out',
    ports: sourcePorts,
    sourcePorts: ports,
  };
}

function covers(wide: Conversation, narrow: Conversation): boolean {
  if (!coversPeer(wide.peer, narrow.peer)) return false;
  if (wide.protocol === null) return true;
  return (
    wide.protocol === narrow.protocol &&
    isWithin(narrow.ports, wide.ports) &&
    isWithin(narrow.sourcePorts, wide.sourcePorts) &&
    isWithin(narrow.icmpTypes, wide.icmpTypes)
  );
}

/** Each condition of the wider one is one of the narrower. */
function coversPeer(wide: PeerMatch, narrow: PeerMatch): boolean {
  if (wide.name !== null && wide.name !== narrow.name) return false;
  if (!wide.classes.every((key) => narrow.classes.includes(key))) return false;
  if (wide.network === null) return true;
  return (
    narrow.network !== null && intersectNetworks(wide.network, narrow.network)?.text === narrow.network.text
  );
}

function isWithin(narrow: PortSet | null, wide: PortSet | null): boolean {
  return wide === null || (narrow !== null && isPortSubset(narrow, wide));
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
