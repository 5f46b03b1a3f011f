/**
 * What a device may do by a policy, as a MUD file (RFC 8520). Called by `cordon mud export`. An entry that MUD cannot say without saying
 * more is left out, with its reason: a file that permits more than the policy would come back as a wider policy. Pure.
 */
import { DNS_CLASS, NTP_CLASS, nodeOfClass } from './class-keys.js';
import { CACHE_VALIDITY_HOURS, type AceDirection } from './mud-file.js';
import { answerOf } from './icmp-questions.js';
import { isGroupNetwork } from './pair-aces.js';
import { EVERY_PORT, HIGHEST_PORT, LOWEST_PORT } from './ports.js';
import type { Family, Network } from '../policy/address.js';
import { entryKey } from '../policy/check-policy.js';
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import { entryPath } from '../policy/expand-templates.js';
import { isWildcardName } from '../policy/host-name.js';
import { deviceAddresses, ownValue } from '../policy/resolve-peers.js';
import type { AllowEntry, Policy, PolicyDevice, PortRange } from '../policy/schema.js';

export interface MudExport {
  /** The document, ready for JSON.stringify. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly aces: number;
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
}

export interface ExportInput {
  readonly policy: Policy;
  readonly device: string;
  /** `https://…`, what the file calls itself. */
  readonly url: string;
  readonly nowMs: number;
}

type Node = Record<string, unknown>;

/** One end of the matches of an entry, before it is written for either direction. */
interface Peer {
  readonly families: readonly Family[];
  readonly mud: Node | null;
  readonly name: string | null;
  readonly network: Network | null;
}

/** Null when the policy has no such device. */
export function exportMud({ policy, device, url, nowMs }: ExportInput): MudExport | null {
  const guarded = ownValue(policy.devices, device);
  if (!guarded) return null;
  const lists = new Lists();
  const leftOut: { path: string; reason: string }[] = [];
  // In a MUD file they would have no end.
  const lasting = { ...guarded, allow: guarded.allow.filter(({ until }) => until === undefined) };
  const keys = new Set(lasting.allow.map(entryKey));
  const classes = new Map(Object.entries(policy.site.mudClasses).map(([key, group]) => [group, key]));
  for (const [index, entry] of guarded.allow.entries()) {
    const reasons = new Set<string>();
    if (entry.until !== undefined) {
      const reason = `it is an exception until ${entry.until.text}: MUD knows no end of an entry`;
      leftOut.push({ path: entryPath(device, index, entry), reason });
      continue;
    }
    const isMirrored = keys.has(entryKey(mirrorOf(entry)));
    for (const peer of peersOf(policy, classes, entry, reasons))
      writeEntry(lists, entry, peer, isMirrored, reasons);
    for (const reason of reasons) leftOut.push({ path: entryPath(device, index, entry), reason });
  }
  refuseDefaults(lists, lasting, classes);
  return { document: documentOf(lists, lasting, device, url, nowMs), aces: lists.count, leftOut };
}

/** The entry that lets the other end open the same connections. */
function mirrorOf(entry: AllowEntry): AllowEntry {
  const { ports, sourcePorts, ...rest } = entry;
  const direction = entry.direction === 'out' ? 'in' : 'out';
  if (!ports) return { ...rest, direction };
  return {
    ...rest,
    direction,
    ports: [...(sourcePorts ?? EVERY_PORT)],
    ...(!isAll(ports) && { sourcePorts: ports }),
  };
}

interface WrittenAce {
  readonly matches: Node;
  readonly forwarding: 'accept' | 'drop';
}

/** The four lists, each entry once, named by its place. */
class Lists {
  count = 0;
  readonly #lists = new Map<
    string,
    { readonly direction: AceDirection; readonly family: Family; readonly aces: WrittenAce[] }
  >();
  readonly #seen = new Set<string>();

  add(
    direction: AceDirection,
    family: Family,
    matches: Node,
    forwarding: 'accept' | 'drop' = 'accept',
  ): void {
    const id = JSON.stringify([direction, family, matches, forwarding]);
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    this.count += 1;
    const name = nameOfList(direction, family);
    const list = this.#lists.get(name) ?? { direction, family, aces: [] as WrittenAce[] };
    list.aces.push({ matches, forwarding });
    this.#lists.set(name, list);
  }

  names(direction: AceDirection): readonly string[] {
    return [...this.#lists]
      .filter(([, list]) => list.direction === direction)
      .map(([name]) => name)
      .sort();
  }

  written(): readonly Node[] {
    const lists = [...this.#lists].sort(([a], [b]) => (a < b ? -1 : 1));
    return lists.map(([name, { family, aces }]) => ({
      name,
      type: `ipv${family}-acl-type`,
      aces: {
        ace: [...aces].sort(byForwardingAndText).map(({ matches, forwarding }, index) => ({
          name: `${name}-${index}`,
          matches,
          actions: { forwarding },
        })),
      },
    }));
  }
}

/** What accepts does not depend on its order, so that it can be the same for the same entries; what refuses only closes defaults, after it. */
function byForwardingAndText(a: WrittenAce, b: WrittenAce): number {
  const text = ({ matches, forwarding }: WrittenAce): string => `${forwarding} ${JSON.stringify(matches)}`;
  return text(a) < text(b) ? -1 : 1;
}

function nameOfList(direction: AceDirection, family: Family): string {
  return `${direction === 'from-device' ? 'from' : 'to'}-ipv${family}`;
}

function peersOf(
  policy: Policy,
  classes: ReadonlyMap<string, string>,
  entry: AllowEntry,
  reasons: Set<string>,
): readonly Peer[] {
  const { peer } = entry;
  const families = familiesOf(entry);
  const plain: Peer = { families, mud: null, name: null, network: null };
  const host = (address: { readonly family: Family; readonly text: string }): Peer => {
    const prefixLength = address.family === 4 ? 32 : 128;
    const network = { family: address.family, text: `${address.text}/${prefixLength}`, prefixLength };
    return { ...plain, families: only(families, address.family), network };
  };
  const within = (network: Network): Peer => ({
    ...plain,
    families: only(families, network.family),
    network,
  });
  const named = (name: string): readonly Peer[] => {
    if (!isWildcardName(name)) return [{ ...plain, name }];
    reasons.add(`MUD has no wildcards, and ${name} is one`);
    return [];
  };
  if (peer === 'any') return [plain];
  if ('address' in peer) return [host(peer.address)];
  if ('network' in peer) return [within(peer.network)];
  if ('name' in peer) return named(peer.name);
  if ('device' in peer) {
    const addresses = deviceAddresses(policy, peer.device);
    if (addresses.length === 0) reasons.add(`${peer.device} has no address of its own in the policy`);
    return addresses.map(host);
  }
  const key = classes.get(peer.group);
  if (key !== undefined) {
    const { node, value } = nodeOfClass(key);
    return [{ ...plain, mud: { [node]: value ?? [null] } }];
  }
  const members = ownValue(policy.groups, peer.group) ?? [];
  if (members.length === 0) reasons.add(`nobody is in ${peer.group}`);
  return members.flatMap((member) => {
    if ('name' in member) return named(member.name);
    return ['address' in member ? host(member.address) : within(member.network)];
  });
}

function familiesOf({ protocol, family }: AllowEntry): readonly Family[] {
  if (protocol === 'icmp' || family === 'ipv4') return [4];
  if (protocol === 'icmpv6' || family === 'ipv6') return [6];
  return [4, 6];
}

function only(families: readonly Family[], family: Family): readonly Family[] {
  return families.filter((each) => each === family);
}

function writeEntry(
  lists: Lists,
  entry: AllowEntry,
  peer: Peer,
  isMirrored: boolean,
  reasons: Set<string>,
): void {
  const { protocol, direction } = entry;
  const isOneWay = peer.network !== null && isGroupNetwork(peer.network);
  const write = (family: Family, question: Node, answer: Node): void => {
    const [from, to] = direction === 'out' ? [question, answer] : [answer, question];
    lists.add('from-device', family, matchesOf('from-device', family, peer, protocol, from));
    if (!isOneWay) lists.add('to-device', family, matchesOf('to-device', family, peer, protocol, to));
  };
  // Without a direction of its own, what is accepted both ways may be opened from both sides.
  const needsMirror = (): boolean => {
    if (isMirrored || isOneWay) return false;
    reasons.add(`MUD cannot say who opens it: it would permit ${direction === 'out' ? 'in' : 'out'} too`);
    return true;
  };
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    const types = entry.icmpTypes ?? (isMirrored || isOneWay ? null : QUERIES[protocol]);
    for (const family of peer.families) {
      if (types === null) write(family, {}, {});
      for (const { low, high } of types ?? []) {
        const type = low >> 8;
        const answer = answerOf(family, type);
        const code = low === high ? { code: low & 0xff } : {};
        if (answer === null) reasons.add(`ICMP type ${type} has no answer, and is no connection`);
        else write(family, { icmp: { type, ...code } }, { icmp: { type: answer, ...code } });
      }
    }
    return;
  }
  if (protocol !== 'tcp' && protocol !== 'udp') {
    if (protocol === 'sctp' && !(isAll(entry.ports) && entry.sourcePorts === undefined)) {
      reasons.add('MUD has no SCTP ports');
      return;
    }
    if (!needsMirror()) for (const family of peer.families) write(family, {}, {});
    return;
  }
  const isSaidByPorts = !isAll(entry.ports) && isAll(entry.sourcePorts ?? EVERY_PORT);
  if (protocol === 'udp' && !isSaidByPorts && needsMirror()) return;
  for (const port of entry.ports ?? [])
    for (const source of entry.sourcePorts ?? [undefined])
      for (const family of peer.families) {
        const initiated = direction === 'out' ? 'from-device' : 'to-device';
        const direct = protocol === 'tcp' ? { 'ietf-mud:direction-initiated': initiated } : {};
        const question = {
          ...direct,
          ...portNode('source-port', source),
          ...portNode('destination-port', port),
        };
        const answer = {
          ...direct,
          ...portNode('source-port', port),
          ...portNode('destination-port', source),
        };
        write(family, container(protocol, question), container(protocol, answer));
      }
}

/** Queries that open something (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c), of every code. */
const QUERIES: Readonly<Record<'icmp' | 'icmpv6', readonly PortRange[]>> = {
  icmp: [8, 13, 15, 17].map(everyCode),
  icmpv6: [128, 139].map(everyCode),
};

function everyCode(type: number): PortRange {
  return { low: type * 256, high: type * 256 + 255 };
}

function isAll(ports: readonly PortRange[] | undefined): boolean {
  return ports?.some(({ low, high }) => low === LOWEST_PORT && high === HIGHEST_PORT) === true;
}

function portNode(node: string, range: PortRange | undefined): Node {
  if (!range || isAll([range])) return {};
  return {
    [node]:
      range.low === range.high
        ? { operator: 'eq', port: range.low }
        : { 'lower-port': range.low, 'upper-port': range.high },
  };
}

function container(name: string, inner: Node): Node {
  return Object.keys(inner).length === 0 ? {} : { [name]: inner };
}

function matchesOf(
  direction: AceDirection,
  family: Family,
  { mud, name, network }: Peer,
  protocol: AllowEntry['protocol'],
  transport: Node,
): Node {
  const isFrom = direction === 'from-device';
  const l3: Node = {
    ...(protocol !== 'any' && { protocol: PROTOCOL_NUMBERS[protocol] }),
    ...(name !== null && { [isFrom ? 'ietf-acldns:dst-dnsname' : 'ietf-acldns:src-dnsname']: name }),
    ...(network !== null && { [`${isFrom ? 'destination' : 'source'}-ipv${family}-network`]: network.text }),
  };
  return {
    ...(mud !== null && { 'ietf-mud:mud': mud }),
    ...container(`ipv${family}`, l3),
    ...transport,
  };
}

/** Name resolution and time are permitted where a file does not refuse them (RFC 8520 appendix B). */
function refuseDefaults(lists: Lists, { allow }: PolicyDevice, classes: ReadonlyMap<string, string>): void {
  for (const [key, port] of [
    [DNS_CLASS, 53],
    [NTP_CLASS, 123],
  ] as const) {
    for (const family of [4, 6] as const) {
      const isPermitted = allow.some(
        (entry) =>
          entry.peer !== 'any' &&
          'group' in entry.peer &&
          classes.get(entry.peer.group) === key &&
          familiesOf(entry).includes(family) &&
          entry.direction === 'out' &&
          entry.protocol === 'udp' &&
          entry.sourcePorts === undefined &&
          entry.ports?.some(({ low, high }) => low <= port && port <= high) === true,
      );
      if (isPermitted) continue;
      const peer: Peer = { families: [family], mud: { controller: key }, name: null, network: null };
      const range = { low: port, high: port };
      const refuse = (direction: AceDirection, node: string): void => {
        const matches = matchesOf(direction, family, peer, 'udp', { udp: portNode(node, range) });
        lists.add(direction, family, matches, 'drop');
      };
      refuse('from-device', 'destination-port');
      refuse('to-device', 'source-port');
    }
  }
}

function documentOf(lists: Lists, guarded: PolicyDevice, device: string, url: string, nowMs: number): Node {
  const policyOf = (direction: AceDirection): Node => ({
    'access-lists': { 'access-list': lists.names(direction).map((name) => ({ name })) },
  });
  const MAX_SYSTEMINFO_CHARS = 60;
  const what = [guarded.make, guarded.model].filter((each) => each !== undefined).join(' ');
  return {
    'ietf-mud:mud': {
      'mud-version': 1,
      'mud-url': url,
      'last-update': new Date(nowMs).toISOString(),
      'cache-validity': CACHE_VALIDITY_HOURS.default,
      'is-supported': true,
      systeminfo: (what === '' ? device : what).slice(0, MAX_SYSTEMINFO_CHARS),
      ...(guarded.make !== undefined && { 'mfg-name': guarded.make }),
      ...(guarded.model !== undefined && { 'model-name': guarded.model }),
      'from-device-policy': policyOf('from-device'),
      'to-device-policy': policyOf('to-device'),
    },
    'ietf-access-control-list:acls': { acl: lists.written() },
  };
}
