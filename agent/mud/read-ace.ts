/**
 * One access list entry of a MUD file (RFC 8519 section 4, with what RFC 8520 section 8 and ietf-acldns add) to what it matches, or the
 * reasons why it cannot be used. Called by parse-mud.ts. An entry with anything that is not understood is not used at all: half of a
 * condition would permit more than the file does.
 */
import { parseAddress, parseNetwork, addressBytes, addressFromBytes } from '../policy/address.js';
import type { Family, Network } from '../policy/address.js';
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import { quoteValue } from '../policy/problem.js';
import { EMPTY_NODES, isClassKey, VALUE_NODES } from './class-keys.js';
import type { AceDirection, AceMatch, PeerMatch } from './mud-file.js';
import { isByte, nodesOf, recordOf, unknownNode, unqualified } from './nodes.js';
import { readTransport } from './read-transport.js';

/** YANG says 64 (RFC 8519 section 4.1); longer ones are seen, and harmless. */
export const MAX_NAME_CHARS = 256;

export type AceReading =
  | {
      readonly ok: true;
      readonly name: string;
      readonly accepts: boolean;
      readonly matches: readonly AceMatch[];
    }
  | {
      readonly ok: false;
      readonly name: string;
      readonly reason: string;
      /** It may refuse something: what comes after it must not count on being asked. */
      readonly mayRefuse: boolean;
    };

/** `families`: those of the list's type; `frames` for lists of ethernet frames. */
export function readAce(
  value: unknown,
  direction: AceDirection,
  families: readonly Family[] | 'frames',
): AceReading {
  const reasons: string[] = [];
  const ace = recordOf(value);
  if (!ace)
    return { ok: false, name: '', reason: `${quoteValue(value)} where an entry belongs`, mayRefuse: true };
  const name = readName(ace['name'] ?? ace['rule-name'], reasons);
  for (const key of Object.keys(ace))
    if (!ACE_KEYS.includes(key)) reasons.push(unknownNode('', key, ACE_KEYS));
  const accepts = readAction(ace['actions'], reasons);
  // Only what is not there matches everything; null is a mistake of whoever wrote it.
  const conditions = ace['matches'] === undefined ? {} : ace['matches'];
  const matches = readMatches(conditions, direction, families, reasons);
  if (reasons.length === 0 && matches !== null && accepts !== null)
    return { ok: true, name, accepts, matches };
  return { ok: false, name, reason: joined(reasons), mayRefuse: accepts !== true };
}

const MAX_REASONS = 3;

function joined(reasons: readonly string[]): string {
  const distinct = [...new Set(reasons)];
  const more = distinct.length - MAX_REASONS;
  return [...distinct.slice(0, MAX_REASONS), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

const ACE_KEYS = ['name', 'matches', 'actions'];

function readName(value: unknown, reasons: string[]): string {
  if (typeof value !== 'string' || value === '') {
    reasons.push('it has no name');
    return '';
  }
  if (value.length > MAX_NAME_CHARS) {
    reasons.push(`its name has ${value.length} characters, more than ${MAX_NAME_CHARS}`);
    return value.slice(0, MAX_NAME_CHARS);
  }
  return value;
}

/** Null where it cannot be told. */
function readAction(value: unknown, reasons: string[]): boolean | null {
  const actions = nodesOf(value, 'actions', ['forwarding', 'logging'], {}, reasons);
  if (!actions) return null;
  const logging = actions.get('logging');
  if (logging !== undefined && !['log-none', 'log-syslog'].includes(unqualified(logging)))
    reasons.push(`actions.logging: ${quoteValue(logging)} is not log-none or log-syslog`);
  const forwarding = actions.get('forwarding');
  switch (unqualified(forwarding)) {
    case 'accept':
      return true;
    case 'drop':
    case 'reject':
      return false;
    default:
      reasons.push(
        forwarding === undefined
          ? 'actions.forwarding is missing'
          : `actions.forwarding: ${quoteValue(forwarding)} is not accept, drop or reject`,
      );
      return null;
  }
}

const CONTAINERS = ['eth', 'ipv4', 'ipv6', 'tcp', 'udp', 'icmp', 'mud'];
const PORTS_OF_INTERFACES = {
  'ingress-interface': 'the box has its own ports',
  'egress-interface': 'the box has its own ports',
};

function readMatches(
  value: unknown,
  direction: AceDirection,
  listFamilies: readonly Family[] | 'frames',
  reasons: string[],
): readonly AceMatch[] | null {
  const nodes = nodesOf(value, 'matches', CONTAINERS, PORTS_OF_INTERFACES, reasons);
  if (!nodes) return null;
  if (listFamilies === 'frames') {
    const { ethertype } = recordOf(nodes.get('eth')) ?? {};
    reasons.push(
      `a list of frames${ethertype === undefined ? '' : ` (ethertype ${quoteValue(ethertype)})`}: only ARP, IPv4 and IPv6 cross the box, and entries are about IP (default "ethertype")`,
    );
    return null;
  }
  if (nodes.has('ipv4') && nodes.has('ipv6')) reasons.push('matches: ipv4 and ipv6 at once match nothing');
  const families = listFamilies.filter((family) => !nodes.has(family === 4 ? 'ipv6' : 'ipv4'));
  if (families.length === 0 && reasons.length === 0)
    reasons.push(`matches.${nodes.has('ipv4') ? 'ipv4' : 'ipv6'}: not the family of its list`);
  const transports = ['tcp', 'udp', 'icmp'].filter((each) => nodes.has(each));
  if (transports.length > 1) reasons.push(`matches: ${transports.join(' and ')} at once match nothing`);
  const classes = readClasses(nodes.get('mud'), reasons);
  const transport = readTransport(nodes, reasons);
  const matches = families.flatMap((family): AceMatch[] => {
    const l3 = readAddresses(nodes.get(`ipv${family}`), family, direction, reasons);
    readFrame(nodes.get('eth'), family, l3.network, reasons);
    const peer: PeerMatch = { classes, name: l3.name, network: l3.network };
    if (peer.name !== null && (classes.length > 0 || peer.network !== null))
      reasons.push('matches: a name together with a class or a network cannot be told to overlap');
    const protocol = readProtocol(l3.protocol, transports[0], family, reasons);
    const [devicePorts, peerPorts] =
      direction === 'from-device'
        ? [transport.sourcePorts, transport.destinationPorts]
        : [transport.destinationPorts, transport.sourcePorts];
    if (devicePorts.length === 0 || peerPorts.length === 0) reasons.push('matches: no port is left to match');
    return [
      {
        family,
        protocol,
        devicePorts,
        peerPorts,
        icmp: transport.icmp,
        initiator: transport.initiator,
        peer,
      },
    ];
  });
  return reasons.length === 0 ? matches : null;
}

function readClasses(value: unknown, reasons: string[]): readonly string[] {
  if (value === undefined) return [];
  const known = [...Object.keys(EMPTY_NODES), ...Object.keys(VALUE_NODES)];
  const nodes = nodesOf(value, 'matches.mud', known, {}, reasons);
  const keys: string[] = [];
  for (const [node, inner] of nodes ?? []) {
    const empty = EMPTY_NODES[node];
    const named = VALUE_NODES[node];
    if (empty !== undefined) {
      // RFC 7951 section 6.9: an empty leaf is [null].
      if (inner === null || (Array.isArray(inner) && inner.length === 1 && inner[0] === null))
        keys.push(empty);
      else reasons.push(`matches.mud.${node}: ${quoteValue(inner)} where [null] belongs`);
    } else if (named) {
      const key = typeof inner === 'string' && isClassKey(inner) ? named(inner) : null;
      if (key !== null && isClassKey(key)) keys.push(key);
      else reasons.push(`matches.mud.${node}: ${quoteValue(inner)} is not a class URI or name`);
    }
  }
  return keys.sort();
}

interface Layer3 {
  readonly protocol: number | null;
  readonly name: string | null;
  readonly network: Network | null;
}

const HEADER_FIELDS = Object.fromEntries(
  ['dscp', 'ecn', 'length', 'ttl', 'ihl', 'flags', 'offset', 'identification', 'flow-label'].map((node) => [
    node,
    'entries are about connections, not about header fields',
  ]),
);

function readAddresses(value: unknown, family: Family, direction: AceDirection, reasons: string[]): Layer3 {
  const none: Layer3 = { protocol: null, name: null, network: null };
  if (value === undefined) return none;
  const path = `matches.ipv${family}`;
  const [source, destination] = [`source-ipv${family}-network`, `destination-ipv${family}-network`];
  const known = ['protocol', source, destination, 'src-dnsname', 'dst-dnsname'];
  const nodes = nodesOf(value, path, known, HEADER_FIELDS, reasons);
  if (!nodes) return none;
  const isFrom = direction === 'from-device';
  for (const own of isFrom ? [source, 'src-dnsname'] : [destination, 'dst-dnsname'])
    if (nodes.has(own))
      reasons.push(`${path}.${own}: names the device itself, whose address is the site's to give`);
  const protocol = nodes.get('protocol');
  if (protocol !== undefined && !isByte(protocol))
    reasons.push(`${path}.protocol: ${quoteValue(protocol)} is not a number from 0 to 255`);
  const [networkNode, nameNode] = isFrom ? [destination, 'dst-dnsname'] : [source, 'src-dnsname'];
  const network = readNetwork(nodes.get(networkNode), `${path}.${networkNode}`, family, reasons);
  const host = readHost(nodes.get(nameNode), `${path}.${nameNode}`, family, reasons);
  if (host.network !== null && network !== null) reasons.push(`${path}: two addresses for one end`);
  return {
    protocol: isByte(protocol) ? protocol : null,
    name: host.name,
    network: network ?? host.network,
  };
}

/** Bits below the prefix are legal and mean nothing (RFC 6991 section 4); an address alone is itself. */
function readNetwork(value: unknown, path: string, family: Family, reasons: string[]): Network | null {
  if (value === undefined) return null;
  const network = typeof value === 'string' && value.length <= MAX_NAME_CHARS ? networkOf(value) : null;
  if (network?.family === family) return network;
  reasons.push(`${path}: ${quoteValue(value)} is not an IPv${family} network`);
  return null;
}

function networkOf(text: string): Network | null {
  const [addressText = '', prefixText, more] = text.split('/');
  const address = parseAddress(addressText);
  if (!address || more !== undefined) return null;
  const bits = address.family === 4 ? 32 : 128;
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return null;
  const prefixLength = prefixText === undefined ? bits : Number(prefixText);
  if (prefixLength > bits) return null;
  const bytes = addressBytes(address).map((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & ((0xff << (8 - kept)) & 0xff);
  });
  const parsed = parseNetwork(`${addressFromBytes(bytes).text}/${prefixLength}`);
  return parsed.ok ? parsed.network : null;
}

const HOST_NAME =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** inet:host (RFC 6991 section 4) is a name or an address. */
function readHost(
  value: unknown,
  path: string,
  family: Family,
  reasons: string[],
): { readonly name: string | null; readonly network: Network | null } {
  if (value === undefined) return { name: null, network: null };
  if (typeof value === 'string' && value.length <= MAX_NAME_CHARS) {
    const address = parseAddress(value);
    if (address?.family === family) return { name: null, network: networkOf(value) };
    const name = value.toLowerCase().replace(/\.$/, '');
    if (!address && HOST_NAME.test(name)) return { name, network: null };
  }
  reasons.push(`${path}: ${quoteValue(value)} is not a host name or IPv${family} address`);
  return { name: null, network: null };
}

/** ietf-ethertypes of RFC 8519 has numbers and names; files in use have hexadecimal text. */
function isEthertypeOf(family: Family, value: unknown): boolean {
  if (value === `ipv${family}`) return true;
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^(0x)?[\da-f]+$/i.test(value));
  return isNumber && Number(value) === (family === 4 ? 0x0800 : 0x86dd);
}

/** What says nothing more than the IP header does is let stand; anything else about frames an entry cannot say. */
function readFrame(value: unknown, family: Family, network: Network | null, reasons: string[]): void {
  if (value === undefined) return;
  const masks = {
    'destination-mac-address-mask': 'entries are about IP',
    'source-mac-address-mask': 'entries are about IP',
  };
  const nodes = nodesOf(
    value,
    'matches.eth',
    ['ethertype', 'destination-mac-address', 'source-mac-address'],
    masks,
    reasons,
  );
  const ethertype = nodes?.get('ethertype');
  if (ethertype !== undefined && !isEthertypeOf(family, ethertype))
    reasons.push(`matches.eth.ethertype: ${quoteValue(ethertype)} is not that of IPv${family}`);
  const to = nodes?.get('destination-mac-address');
  const isBroadcast = typeof to === 'string' && to.toLowerCase() === 'ff:ff:ff:ff:ff:ff';
  if (to !== undefined && !(isBroadcast && network?.text === '255.255.255.255/32'))
    reasons.push('matches.eth.destination-mac-address: entries are about IP, not about MAC addresses');
  if (nodes?.has('source-mac-address') === true)
    reasons.push('matches.eth.source-mac-address: entries are about IP, not about MAC addresses');
}

/** Why some protocols need no entry, or can have none. */
const WITHOUT_ENTRY: Readonly<Record<number, string>> = {
  0: 'IPv6 hop-by-hop options: multicast listener reports pass by the default "mld-report", and an entry cannot name others',
  2: 'IGMP passes by the default "igmp", and an entry cannot name it',
};

function readProtocol(
  given: number | null,
  transport: string | undefined,
  family: Family,
  reasons: string[],
): number | null {
  const icmp = family === 4 ? PROTOCOL_NUMBERS.icmp : PROTOCOL_NUMBERS.icmpv6;
  const implied =
    transport === undefined
      ? null
      : transport === 'icmp'
        ? icmp
        : transport === 'tcp'
          ? PROTOCOL_NUMBERS.tcp
          : PROTOCOL_NUMBERS.udp;
  if (given === null) return implied;
  if (implied !== null && implied !== given) {
    reasons.push(`matches: ${transport ?? ''} is not protocol ${given}`);
    return given;
  }
  const wrongFamily = family === 4 ? PROTOCOL_NUMBERS.icmpv6 : PROTOCOL_NUMBERS.icmp;
  const without = WITHOUT_ENTRY[given];
  if (without !== undefined) reasons.push(without);
  else if (given === wrongFamily)
    reasons.push(`matches.ipv${family}.protocol: ${given} does not run over IPv${family}`);
  else if (!Object.values<number>(PROTOCOL_NUMBERS).includes(given))
    reasons.push(`matches.ipv${family}.protocol: an entry cannot name protocol ${given}`);
  return given;
}
