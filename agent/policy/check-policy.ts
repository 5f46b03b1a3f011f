/**
 * Checks that need two places of a policy at once: references, identities claimed twice, protocol against ports and
 * family. Called by parse-policy.ts after the shape is right (for the parts whose shape is right). Pure; linear in size.
 */
import { formatAddressKind } from './address-kind.js';
import { isWildcardName } from './host-name.js';
import { peerNames } from './resolve-peers.js';
import { entryPlace, variableOf } from './expand-templates.js';
import type { Address } from './address.js';
import type { PortRange, AllowEntry, GroupMember, Policy, PolicyDevice } from './schema.js';
import { exceptionsOf } from './exceptions.js';
import { MAX_ALLOW_ENTRIES } from './schema.js';
import { MAX_EXCEPTIONS } from './until.js';
import { didYouMean, formatPath, type PathPart } from './problem.js';
import type { ShapeProblem } from './shape-problems.js';

const WITH_PORTS: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp']);

export interface CheckContext {
  /** Names that exist in the document, also where the thing itself is wrong: a reference to it is not a second mistake. */
  readonly deviceNames: ReadonlySet<string>;
  readonly groupNames: ReadonlySet<string>;
  /** The place of an entry in the document, where wrong ones were left out of `policy`. */
  readonly entryIndex: (device: string, index: number) => number;
  /** False: what is under `site` was left out of `policy`, because something is wrong with it. */
  readonly siteIsKnown: boolean;
}

/** Names have one set element for every address and port; more ports than this have to be all of them. */
export const MAX_PORTS_OF_NAME = 256;

export function checkPolicy(policy: Policy, context: CheckContext): readonly ShapeProblem[] {
  const problems: ShapeProblem[] = [...checkIdentities(policy), ...checkSite(policy, context)];
  let entries = 0;
  for (const [name, device] of Object.entries(policy.devices)) {
    entries += device.allow.length;
    problems.push(...checkEntries(name, device, policy, context));
  }
  for (const [name, template] of Object.entries(policy.templates))
    for (const [index, entry] of template.allow.entries())
      problems.push(...checkEntry(null, entry, ['templates', name, 'allow', index], policy, context));
  for (const [name, members] of Object.entries(policy.site.variables))
    for (const [index, member] of members.entries())
      if ('name' in member)
        problems.push(...checkName(member.name, policy, context, ['site', 'variables', name, index, 'name']));
  for (const [name, members] of Object.entries(policy.groups)) {
    if (variableOf(name) !== null) continue;
    const seen = new Map<string, number>();
    members.forEach((member, index) => {
      if ('name' in member)
        problems.push(...checkName(member.name, policy, context, ['groups', name, index, 'name']));
      const text = memberText(member);
      const earlier = seen.get(text);
      if (earlier !== undefined)
        problems.push({
          path: ['groups', name, index],
          message: `${text} is also groups.${name}[${earlier}]`,
        });
      else seen.set(text, index);
    });
  }
  const exceptions = exceptionsOf(policy).length;
  if (exceptions > MAX_EXCEPTIONS)
    problems.push({
      path: ['devices'],
      message: `${exceptions} entries have an end (until), above ${MAX_EXCEPTIONS}`,
      hint: 'what so many need is no exception: write it in a template, without an end',
    });
  if (entries > MAX_ALLOW_ENTRIES)
    problems.push({
      path: ['devices'],
      message: `${entries} allow entries in all, above ${MAX_ALLOW_ENTRIES}`,
    });
  return distinctProblems(problems);
}

/** What is wrong in a template is met again in every device that has it. */
function distinctProblems(problems: readonly ShapeProblem[]): readonly ShapeProblem[] {
  const seen = new Map<string, ShapeProblem>();
  for (const problem of problems) seen.set(`${formatPath(problem.path)}\0${problem.message}`, problem);
  return [...seen.values()];
}

function memberText(member: GroupMember): string {
  if ('address' in member) return member.address.text;
  return 'network' in member ? member.network.text : member.name;
}

function* checkSite({ site }: Policy, { groupNames }: CheckContext): Generator<ShapeProblem> {
  for (const [key, group] of Object.entries(site.mudClasses))
    if (!groupNames.has(group)) yield unknownName(['site', 'mudClasses', key], 'group', group, groupNames);
  const seen = new Map<string, number>();
  for (const [index, resolver] of site.resolvers.entries()) {
    const path = ['site', 'resolvers', index];
    const kind = formatAddressKind(resolver);
    if (kind !== null) yield { path, message: `${resolver.text} is ${kind}: no resolver has it` };
    const earlier = seen.get(resolver.text);
    if (earlier !== undefined) yield { path, message: `${resolver.text} is also site.resolvers[${earlier}]` };
    seen.set(resolver.text, index);
  }
}

/** A name that nobody may answer for, or that this site does not allow. */
function* checkName(
  name: string,
  policy: Policy,
  context: CheckContext,
  path: readonly PathPart[],
): Generator<ShapeProblem> {
  if (!name.includes('.') && (context.groupNames.has(name) || context.deviceNames.has(name)))
    yield {
      path,
      message: `"${name}" is a ${context.groupNames.has(name) ? 'group' : 'device'} of this policy, not a host name`,
      hint: `write { ${context.groupNames.has(name) ? 'group' : 'device'}: ${name} }`,
    };
  if (!context.siteIsKnown) return;
  if (policy.site.resolvers.length === 0)
    yield {
      path,
      message: 'a name permits nothing without resolvers: only their answers say which addresses it has',
      hint: 'list the DNS servers that the devices ask under site.resolvers',
    };
  if (isWildcardName(name) && !policy.site.wildcardNames)
    yield {
      path,
      message: `"${name}": this site allows no wildcards`,
      hint: 'name the hosts, or set site.wildcardNames: true (whoever holds the domain then decides what the device reaches)',
    };
}

/** Null and group MACs name no one device (IEEE 802); an address or MAC on two devices would merge their lists. */
function* checkIdentities(policy: Policy): Generator<ShapeProblem> {
  const owners = new Map<string, string>();
  for (const [name, { identity }] of Object.entries(policy.devices)) {
    for (const [index, mac] of identity.macs.entries()) {
      const path = ['devices', name, 'identity', 'macs', index];
      if (mac === '00:00:00:00:00:00') yield { path, message: `${mac} is the null MAC: no device has it` };
      else if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1)
        yield { path, message: `${mac} is a group address: no device sends from it` };
      yield* claim(mac, name, path);
    }
    for (const [index, address] of identity.addresses.entries()) {
      const path = ['devices', name, 'identity', 'addresses', index];
      const kind = formatAddressKind(address);
      if (kind !== null) yield { path, message: `${address.text} is ${kind}: no device can own it` };
      yield* claim(address.text, name, path);
    }
  }

  function* claim(value: string, name: string, path: readonly PathPart[]): Generator<ShapeProblem> {
    const owner = owners.get(value);
    if (owner === undefined) owners.set(value, name);
    else if (owner === name) yield { path, message: `${value} is here twice` };
    else
      yield {
        path,
        message: `${value} already belongs to devices.${owner}`,
        hint: 'a MAC or an address identifies one device only',
      };
  }
}

function* checkEntries(
  name: string,
  device: PolicyDevice,
  policy: Policy,
  context: CheckContext,
): Generator<ShapeProblem> {
  const seen = new Map<string, AllowEntry & { readonly path: readonly PathPart[] }>();
  for (const [position, entry] of device.allow.entries()) {
    const { origin } = entry;
    const own =
      origin?.section === 'templates'
        ? origin
        : { section: 'devices' as const, name, index: context.entryIndex(name, origin?.index ?? position) };
    const path = entryPlace(name, position, own);
    // Those of a template are looked at where they are written, once for all devices.
    if (own.section === 'devices')
      yield* checkEntry({ name, addresses: device.identity.addresses }, entry, path, policy, context);
    const key = entryKey(entry);
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, { ...entry, path });
    else {
      const place =
        earlier.path[0] === path[0] && earlier.path[1] === path[1] ? earlier.path.slice(2) : earlier.path;
      yield { path, message: `permits the same as ${formatPath(place)}`, hint: 'remove one of the two' };
    }
  }
}

/** Whose list it is; null for a template's. */
type Owner = { readonly name: string; readonly addresses: readonly Address[] } | null;

function* checkEntry(
  owner: Owner,
  entry: AllowEntry,
  path: readonly PathPart[],
  policy: Policy,
  context: CheckContext,
): Generator<ShapeProblem> {
  yield* checkPeer(owner, entry, path, policy, context);
  if (peerNames(policy, entry.peer).length > 0) yield* checkNamedService(entry, path);
  yield* checkPorts(entry, path);
  yield* checkNarrowing(entry, path);
}

function* checkPeer(
  owner: Owner,
  entry: AllowEntry,
  path: readonly PathPart[],
  policy: Policy,
  context: CheckContext,
): Generator<ShapeProblem> {
  const { peer, protocol } = entry;
  if (peer === 'any') {
    // Containment that keeps "everything, to everyone" would contain nothing.
    if (protocol === 'any' && entry.essential)
      yield {
        path: [...path, 'essential'],
        message:
          'an entry for any peer and any protocol cannot be essential: containing the device would do nothing',
        hint: 'name what must go on while the device is contained',
      };
    return;
  }
  if ('group' in peer) {
    const variable = variableOf(peer.group);
    if (variable !== null) {
      if (context.siteIsKnown && !Object.hasOwn(policy.groups, peer.group))
        yield {
          path: [...path, 'peer'],
          message: `nobody has said what ${peer.group} is here`,
          hint: `write it under site.variables.${variable}, or under variables in the box's configuration`,
        };
    } else if (!context.groupNames.has(peer.group))
      yield unknownName([...path, 'peer', 'group'], 'group', peer.group, context.groupNames);
    return;
  }
  if ('device' in peer) {
    if (!context.deviceNames.has(peer.device))
      yield unknownName([...path, 'peer', 'device'], 'device', peer.device, context.deviceNames);
    else if (peer.device === owner?.name)
      yield {
        path: [...path, 'peer', 'device'],
        message: 'a device does not need to be allowed to reach itself',
      };
    return;
  }
  if ('name' in peer) {
    yield* checkName(peer.name, policy, context, [...path, 'peer', 'name']);
    return;
  }
  const key = 'address' in peer ? 'address' : 'network';
  const { family, text } = 'address' in peer ? peer.address : peer.network;
  if ((protocol === 'icmp' && family === 6) || (protocol === 'icmpv6' && family === 4))
    yield {
      path: [...path, 'protocol'],
      message: `${protocol} does not run over IPv${family}, and ${text} is IPv${family}`,
      hint: `write ${family === 6 ? 'icmpv6' : 'icmp'}`,
    };
  if ('address' in peer) {
    const kind = formatAddressKind(peer.address);
    if (kind !== null && (kind !== 'a multicast address' || entry.direction === 'in'))
      yield { path: [...path, 'peer', key], message: `${text} is ${kind}: no peer has it` };
    if (owner?.addresses.some((own) => own.text === text) === true)
      yield { path: [...path, 'peer', key], message: `${text} is an address of the device itself` };
  }
}

function* checkNamedService(entry: AllowEntry, path: readonly PathPart[]): Generator<ShapeProblem> {
  if (entry.protocol === 'any')
    yield {
      path: [...path, 'protocol'],
      message: 'a name goes with one protocol, not with "any"',
      hint: 'write an entry for each protocol that is needed',
    };
  for (const key of ['sourcePorts', 'icmpTypes'] as const)
    if (entry[key])
      yield {
        path: [...path, key],
        message: 'cannot go with a name',
        hint: 'remove it, or name addresses',
      };
  const ports = (entry.ports ?? []).reduce((sum, { low, high }) => sum + high - low + 1, 0);
  if (ports > MAX_PORTS_OF_NAME && ports !== 65_535)
    yield {
      path: [...path, 'ports'],
      message: `${ports} ports, more than ${MAX_PORTS_OF_NAME}, cannot go with a name`,
      hint: 'write fewer, or [1-65535] if it must be all of them',
    };
}

const FAMILY_OF_PROTOCOL: Readonly<Record<string, 'ipv4' | 'ipv6'>> = { icmp: 'ipv4', icmpv6: 'ipv6' };

/** What narrows an entry further has to fit what it narrows: else it would permit nothing, and nobody would know. */
function* checkNarrowing(entry: AllowEntry, path: readonly PathPart[]): Generator<ShapeProblem> {
  const { family, peer, protocol } = entry;
  if (entry.sourcePorts && !WITH_PORTS.has(protocol))
    yield {
      path: [...path, 'sourcePorts'],
      message: `${protocol} has no ports`,
      hint: 'remove them, or write tcp, udp or sctp',
    };
  if (entry.icmpTypes && protocol !== 'icmp' && protocol !== 'icmpv6')
    yield {
      path: [...path, 'icmpTypes'],
      message: `${protocol} has no ICMP types`,
      hint: 'remove them, or write icmp or icmpv6',
    };
  if (family === undefined) return;
  const own =
    FAMILY_OF_PROTOCOL[protocol] ??
    (peer !== 'any' && 'address' in peer ? (`ipv${peer.address.family}` as const) : undefined) ??
    (peer !== 'any' && 'network' in peer ? (`ipv${peer.network.family}` as const) : undefined);
  if (own !== undefined && own !== family)
    yield {
      path: [...path, 'family'],
      message: `the entry is about ${own === 'ipv4' ? 'IPv4' : 'IPv6'} already`,
      hint: 'remove it',
    };
}

function unknownName(
  path: readonly PathPart[],
  what: string,
  name: string,
  known: ReadonlySet<string>,
): ShapeProblem {
  const hint = didYouMean(name, known);
  return { path, message: `there is no ${what} "${name}"`, ...(hint === undefined ? {} : { hint }) };
}

function* checkPorts(entry: AllowEntry, path: readonly PathPart[]): Generator<ShapeProblem> {
  if (!entry.ports) {
    if (WITH_PORTS.has(entry.protocol))
      yield {
        path: [...path, 'ports'],
        message: `is missing: ${entry.protocol} needs its destination ports`,
        hint: 'write [1-65535] if it must be all of them',
      };
    return;
  }
  if (!WITH_PORTS.has(entry.protocol)) {
    yield {
      path: [...path, 'ports'],
      message: `${entry.protocol} has no ports`,
      hint: 'remove them, or write tcp, udp or sctp',
    };
    return;
  }
  const sorted = entry.ports
    .map((range, index) => ({ range, index }))
    .sort((a, b) => a.range.low - b.range.low);
  let widest = sorted[0];
  for (const current of sorted.slice(1)) {
    if (widest && current.range.low <= widest.range.high)
      yield {
        path: [...path, 'ports', Math.max(current.index, widest.index)],
        message: `overlaps ports[${Math.min(current.index, widest.index)}] (${portText(current.range)} and ${portText(widest.range)})`,
      };
    if (!widest || current.range.high > widest.range.high) widest = current;
  }
}

export function portText(range: PortRange): string {
  return range.low === range.high ? String(range.low) : `${range.low}-${range.high}`;
}

/** `8` or `8/0`. */
export function icmpTypeText({ low, high }: PortRange): string {
  return low === high ? `${low >> 8}/${low & 0xff}` : String(low >> 8);
}

/** What an entry permits, whatever its reason: two entries with the same key are one. */
export function entryKey(entry: AllowEntry): string {
  const { direction, peer, protocol, family } = entry;
  const ranges = (list: readonly PortRange[] = []): string => list.map(portText).sort().join(',');
  const plain = [direction, peerText(peer), protocol, ranges(entry.ports)].join(' ');
  const more = [ranges(entry.sourcePorts), ranges(entry.icmpTypes), family ?? ''];
  return more.every((each) => each === '') ? plain : [plain, ...more].join(' ');
}

/** `any`, `address 10.0.0.1`, `group pacs`: readable, and one to one. */
export function peerText(peer: AllowEntry['peer']): string {
  if (peer === 'any') return 'any';
  if ('address' in peer) return `address ${peer.address.text}`;
  if ('network' in peer) return `network ${peer.network.text}`;
  if ('name' in peer) return `name ${peer.name}`;
  return 'device' in peer ? `device ${peer.device}` : `group ${peer.group}`;
}
