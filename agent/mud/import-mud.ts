/**
 * A MUD file at a site: the entries of a policy that permit what it permits, with the groups that its classes become, and what became of
 * each of its own entries. Called by the CLI. It never widens: a class that the site does not name is an empty group and a problem.
 */
import { parseAddress, type Network } from '../policy/address.js';
import { formatAddressKind } from '../policy/address-kind.js';
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import { parseHostName } from '../policy/host-name.js';
import type { Problem } from '../policy/problem.js';
import { ownValue } from '../policy/resolve-peers.js';
import { MAX_ALLOW_ENTRIES_PER_DEVICE, type Policy, type PortRange } from '../policy/schema.js';
import type { Ace, AcePlace, MudFile, PeerMatch } from './mud-file.js';
import { hasPorts, pairAces, peerKey, type Conversation } from './pair-aces.js';
import { isEveryPort, type PortSet } from './ports.js';
import { intersectNetworks } from './refusals.js';
import { groupNameOf, resolveClass, type ClassMember, type SiteClasses } from './site-classes.js';

/** An entry as a person would write it (policy/schema.ts, before it is parsed). */
export interface WrittenEntry {
  readonly direction: 'out' | 'in';
  readonly peer: WrittenPeer;
  readonly family?: 'ipv4' | 'ipv6';
  readonly protocol: string;
  readonly ports?: readonly (number | string)[];
  readonly sourcePorts?: readonly (number | string)[];
  readonly icmpTypes?: readonly (number | string)[];
  readonly why: string;
}

export type WrittenPeer =
  | 'any'
  | { readonly address: string }
  | { readonly network: string }
  | { readonly name: string }
  | { readonly group: string };

export type WrittenMember = { readonly address: string } | { readonly network: string };

export interface MudImport {
  /** What the file asks for, before anybody of the site is put in. */
  readonly conversations: readonly Conversation[];
  readonly entries: readonly WrittenEntry[];
  /** Groups that the entries name and the policy has to have. */
  readonly groups: ReadonlyMap<string, readonly WrittenMember[]>;
  /** Which class each of the groups stands for. */
  readonly classOfGroup: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
  /** Classes that nobody of the site is; each is a problem, too. */
  readonly unresolved: readonly string[];
  /** Every entry of the file, and the defaults: carried over where it has no reason. */
  readonly fates: readonly AceFate[];
}

export interface AceFate {
  readonly ace: AcePlace;
  readonly reason: string | null;
}

export interface MudSite {
  readonly classes: SiteClasses;
  readonly policy: Pick<Policy, 'groups' | 'site'> | null;
}

/** What policy/check-policy.ts lets a name have. */
const MAX_PORTS_OF_NAME = 256;

export function importMud(file: MudFile, site: MudSite): MudImport {
  const { conversations, unused } = pairAces(file);
  const groups = new Map<string, readonly WrittenMember[]>();
  const classOfGroup = new Map<string, string>();
  const groupOfClass = new Map<string, string>();
  const problems = new Map<string, Problem>();
  const unresolved = new Set<string>();
  const used = new Set<Ace>();
  const refused = new Map<Ace, string>();
  const entries = mergeFamilies(conversations).flatMap((conversation) => {
    const written = writeConversation(conversation);
    for (const ace of conversation.from) {
      if (typeof written !== 'string') used.add(ace);
      else refused.set(ace, written);
    }
    return typeof written === 'string' ? [] : written;
  });
  if (entries.length > MAX_ALLOW_ENTRIES_PER_DEVICE)
    problems.set('entries', {
      path: 'document',
      message: `it becomes ${entries.length} entries, above the ${MAX_ALLOW_ENTRIES_PER_DEVICE} of a device`,
    });
  return {
    conversations,
    entries,
    groups,
    classOfGroup,
    problems: [...problems.values()],
    unresolved: [...unresolved],
    fates: fatesOf(),
  };

  /** Text: why nothing can be written. */
  function writeConversation(conversation: MergedConversation): readonly WrittenEntry[] | string {
    const { peer } = conversation;
    const why = peer.name === null ? unfitAddress(peer) : unfitForName(conversation, peer.name);
    if (why !== null) return why;
    const peers = writePeers(peer, conversation);
    return peers.map((each) => writeEntry(conversation, each));
  }

  function writePeers(peer: PeerMatch, { families }: MergedConversation): readonly WrittenPeer[] {
    if (peer.name !== null) return [{ name: peer.name }];
    if (peer.classes.length === 0) return [peer.network ? writeNetwork(peer.network) : 'any'];
    if (peer.classes.length === 1 && peer.network === null && peer.classes[0] !== undefined)
      return [{ group: groupFor(peer.classes[0]) }];
    const sets = peer.classes.map((key) => membersOf(key).map(networkOf));
    const wholes = peer.network ? [[peer.network], ...sets] : sets;
    const common = wholes.reduce((one, other) =>
      one.flatMap((a) =>
        other.flatMap((b) => (a.family === b.family ? (intersectNetworks(a, b) ?? []) : [])),
      ),
    );
    return outermost(common)
      .filter(({ family }) => families.includes(family))
      .map(writeNetwork);
  }

  function membersOf(key: string): readonly ClassMember[] {
    const resolved = resolveClass(key, site.classes, site.policy);
    if (resolved.ok) return resolved.members;
    unresolved.add(key);
    problems.set(key, {
      path: key,
      message: resolved.problem,
      hint: `an entry for it permits nothing until you say: --class ${key}=ADDRESS`,
    });
    return [];
  }

  function groupFor(key: string): string {
    const known = groupOfClass.get(key);
    if (known !== undefined) return known;
    const mapped = site.policy ? ownValue(site.policy.site.mudClasses, key) : undefined;
    const [only, ...others] = site.classes.get(key) ?? [];
    // One group of the policy stays that group, so that what it means is written in one place.
    const kept = only ? (others.length === 0 && 'group' in only ? only.group : undefined) : mapped;
    if (kept !== undefined && resolveClass(key, site.classes, site.policy).ok) {
      groupOfClass.set(key, kept);
      classOfGroup.set(kept, key);
      return kept;
    }
    const taken = new Set([...groups.keys(), ...Object.keys(site.policy?.groups ?? {})]);
    const name = mapped ?? groupNameOf(key, taken);
    groupOfClass.set(key, name);
    classOfGroup.set(name, key);
    groups.set(
      name,
      membersOf(key).map((member) =>
        'address' in member ? { address: member.address.text } : { network: member.network.text },
      ),
    );
    return name;
  }

  function fatesOf(): readonly AceFate[] {
    const placed = (ace: Ace): AceFate => {
      const reason = unused.get(ace) ?? (used.has(ace) ? null : (refused.get(ace) ?? null));
      return { ace, reason };
    };
    return [
      ...file.aces.map(placed),
      ...file.dropped.map(({ reason, ...ace }): AceFate => ({ ace, reason })),
    ];
  }

  function unfitForName(
    { protocol, ports, sourcePorts, icmpTypes }: MergedConversation,
    name: string,
  ): string | null {
    const host = parseHostName(name, 'no-wildcard');
    if (!host.ok) return `as a name of a policy: ${host.problem}`;
    if (site.policy === null || site.policy.site.resolvers.length === 0)
      return 'a name permits nothing without resolvers: give them under site.resolvers, or as --class urn:ietf:params:mud:dns=ADDRESS';
    if (protocol === null) return 'a name goes with one protocol, not with every';
    if (sourcePorts !== null || icmpTypes !== null)
      return 'source ports and ICMP types cannot go with a name';
    const count = (ports ?? []).reduce((sum, { low, high }) => sum + high - low + 1, 0);
    return count > MAX_PORTS_OF_NAME && !(ports && isEveryPort(ports))
      ? `${count} ports cannot go with a name, only ${MAX_PORTS_OF_NAME} or all`
      : null;
  }
}

/** What a policy does not take for the address of a peer. */
function unfitAddress({ classes, network }: PeerMatch): string | null {
  const written = network && classes.length === 0 ? writeNetwork(network) : 'any';
  const address = written !== 'any' && 'address' in written ? parseAddress(written.address) : null;
  const kind = address && formatAddressKind(address);
  return address && kind !== null && kind !== 'a multicast address'
    ? `${address.text} is ${kind}: no peer has it`
    : null;
}

interface MergedConversation extends Omit<Conversation, 'family'> {
  readonly families: readonly (4 | 6)[];
}

/** The same for both families is one entry, which then need not say the family. */
function mergeFamilies(conversations: readonly Conversation[]): readonly MergedConversation[] {
  const merged = new Map<string, MergedConversation>();
  for (const { family, ...rest } of conversations) {
    const { direction, protocol, ports, sourcePorts, icmpTypes, peer } = rest;
    const key = JSON.stringify([direction, protocol, ports, sourcePorts, icmpTypes, peerKey(peer)]);
    const before = merged.get(key);
    merged.set(
      key,
      before
        ? {
            ...before,
            families: [...before.families, family],
            from: [...new Set([...before.from, ...rest.from])],
          }
        : { ...rest, families: [family] },
    );
  }
  return [...merged.values()];
}

function writeEntry(conversation: MergedConversation, peer: WrittenPeer): WrittenEntry {
  const { direction, families, protocol, ports, sourcePorts, icmpTypes, from } = conversation;
  const isPlain = peer !== 'any' && ('address' in peer || 'network' in peer);
  const [family] = families;
  const name = Object.entries(PROTOCOL_NUMBERS).find(([, number]) => number === protocol)?.[0];
  const saysFamily = families.length === 1 && !isPlain && name !== 'icmp' && name !== 'icmpv6';
  return {
    direction,
    peer,
    ...(saysFamily && { family: family === 4 ? ('ipv4' as const) : ('ipv6' as const) }),
    protocol: name ?? 'any',
    ...(ports !== null && hasPorts(protocol) && { ports: writeRanges(ports) }),
    ...(sourcePorts !== null && { sourcePorts: writeRanges(sourcePorts) }),
    ...(icmpTypes !== null && { icmpTypes: icmpTypes.map(writeIcmpType) }),
    why: `MUD: ${[...new Set(from.map(({ name }) => name))].join(', ')}`.slice(0, MAX_WHY_CHARS),
  };
}

const MAX_WHY_CHARS = 500;

function writeRanges(ranges: PortSet): readonly (number | string)[] {
  return ranges.map(({ low, high }) => (low === high ? low : `${low}-${high}`));
}

/** `8` for every code, `8/0` for one. */
function writeIcmpType({ low, high }: PortRange): number | string {
  return low === high ? `${low >> 8}/${low & 0xff}` : low >> 8;
}

function writeNetwork(network: Network): WrittenPeer {
  const isHost = network.prefixLength === (network.family === 4 ? 32 : 128);
  const address = network.text.slice(0, network.text.indexOf('/'));
  // A policy takes the limited broadcast for a slip where one host is meant.
  return isHost && address !== '255.255.255.255' ? { address } : { network: network.text };
}

function networkOf(member: ClassMember): Network {
  if ('network' in member) return member.network;
  const { family, text } = member.address;
  const prefixLength = family === 4 ? 32 : 128;
  return { family, text: `${text}/${prefixLength}`, prefixLength };
}

/** Without those that lie in another, or are there twice. */
function outermost(networks: readonly Network[]): readonly Network[] {
  return networks.filter(
    (network, index) =>
      !networks.some(
        (other, at) =>
          at !== index &&
          other.family === network.family &&
          intersectNetworks(other, network)?.text === network.text &&
          (other.text !== network.text || at < index),
      ),
  );
}
