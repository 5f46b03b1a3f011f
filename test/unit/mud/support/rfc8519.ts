/**
 * What a MUD file says of one packet, asked entry by entry as RFC 8519 section 4 and RFC 8520 sections 2 and 8 have it: the first entry
 * that matches decides, nothing that matches is refused. Written from the RFCs for the tests, and sharing nothing with agent/mud, so
 * that a mistake there is not made here again. It reads the JSON as it is, slowly, and gives up on an entry with anything it does not know.
 */

export interface Packet {
  readonly direction: 'from-device' | 'to-device';
  readonly family: 4 | 6;
  readonly protocol: number;
  /** The other end's, as a number. */
  readonly peer: bigint;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly icmpType: number;
  readonly icmpCode: number;
  /** Who opened the connection that it belongs to. */
  readonly opener: 'device' | 'peer';
}

/** Who names and classes are here: the same for both sides of a comparison. Networks as text. */
export interface Site {
  /** Keys: `my-controller`, `local-networks`, `same-manufacturer`, `manufacturer NAME`, `model URL`, `controller URI`. */
  readonly classes: (key: string) => readonly string[];
  readonly names: (name: string) => readonly string[];
}

export interface Decision {
  readonly accepts: boolean;
  /** `list/entry`, or null where nothing matched. */
  readonly by: string | null;
  /** The entry says who must have opened the connection. */
  readonly saysOpener: boolean;
  /** The entry names a network, not only a class. */
  readonly namesNetwork: boolean;
}

type Json = Record<string, unknown>;

export function createEvaluator(document: Json, site: Site): (packet: Packet) => Decision {
  const mud = document['ietf-mud:mud'] as Json;
  const lists = ['ietf-access-control-list:acls', 'ietf-access-control-list:access-lists'].flatMap(
    (key) => ((document[key] as Json | undefined)?.['acl'] ?? []) as Json[],
  );
  const entriesOf = (direction: Packet['direction']): readonly Entry[] => {
    const policy = mud[`${direction}-policy`] as Json | undefined;
    const named = ((policy?.['access-lists'] as Json | undefined)?.['access-list'] ?? []) as Json[];
    const own = named.flatMap(({ name }) => {
      const list = lists.find((each) => each['name'] === name);
      const aces = ((list?.['aces'] as Json | undefined)?.['ace'] ?? []) as Json[];
      return aces.map((ace): Entry => ({ list: String(name), type: String(list?.['type']), ace }));
    });
    return [...own, ...appendixB(direction)];
  };
  const entries = { 'from-device': entriesOf('from-device'), 'to-device': entriesOf('to-device') };
  return (packet) => {
    for (const { list, type, ace } of entries[packet.direction]) {
      const matches = ace['matches'] as Json;
      if (!isOfFamily(type, packet.family) || !matchesPacket(matches, packet, site)) continue;
      const { forwarding } = ace['actions'] as Json;
      const tcp = matches['tcp'] as Json | undefined;
      return {
        accepts: forwarding === 'accept',
        by: `${list}/${String(ace['name'])}`,
        saysOpener: tcp?.['ietf-mud:direction-initiated'] !== undefined,
        namesNetwork: Object.keys(matches[`ipv${packet.family}`] ?? {}).some((node) =>
          node.endsWith('-network'),
        ),
      };
    }
    return { accepts: false, by: null, saysOpener: false, namesNetwork: false };
  };
}

interface Entry {
  readonly list: string;
  readonly type: string;
  readonly ace: Json;
}

/** RFC 8520 appendix B: in effect appended to a file's own entries. For both families, as the classes are of neither. */
function appendixB(direction: Packet['direction']): readonly Entry[] {
  return [['urn:ietf:params:mud:dns', 53] as const, ['urn:ietf:params:mud:ntp', 123] as const].flatMap(
    ([controller, port]) =>
      (['ipv4', 'ipv6'] as const).map((family) => ({
        list: 'appendix-b',
        type: `${family}-acl-type`,
        ace: {
          name: controller,
          matches: {
            'ietf-mud:mud': { controller },
            [family]: { protocol: 17 },
            udp: {
              [direction === 'from-device' ? 'destination-port' : 'source-port']: { operator: 'eq', port },
            },
          },
          actions: { forwarding: 'accept' },
        },
      })),
  );
}

function isOfFamily(type: string, family: 4 | 6): boolean {
  return type === `ipv${family}-acl-type`;
}

function matchesPacket(matches: Json, packet: Packet, site: Site): boolean {
  return Object.entries(matches).every(([node, value]) => {
    const inner = value as Json;
    switch (node) {
      case 'ietf-mud:mud':
        return Object.entries(inner).every(([abstraction, who]) => {
          const key = typeof who === 'string' ? `${abstraction} ${who}` : abstraction;
          return isWithin(packet, site.classes(key));
        });
      case 'ipv4':
      case 'ipv6':
        return node === `ipv${packet.family}` && matchesAddresses(inner, packet, site);
      case 'tcp':
      case 'udp':
        return packet.protocol === (node === 'tcp' ? 6 : 17) && matchesTransport(inner, packet);
      case 'icmp':
        return (
          packet.protocol === (packet.family === 4 ? 1 : 58) &&
          Object.entries(inner).every(([field, number]) =>
            field === 'type' ? packet.icmpType === number : field === 'code' && packet.icmpCode === number,
          )
        );
      case 'eth':
        return Object.entries(inner).every(([field, of]) => {
          if (field === 'ethertype') return Number(of) === (packet.family === 4 ? 0x0800 : 0x86dd);
          // A frame goes to everybody exactly when its packet does (RFC 919, RFC 826 is not asked for it).
          return (
            field === 'destination-mac-address' && of === 'ff:ff:ff:ff:ff:ff' && packet.peer === 0xffffffffn
          );
        });
      default:
        return false;
    }
  });
}

function matchesAddresses(inner: Json, packet: Packet, site: Site): boolean {
  const peerIs = packet.direction === 'from-device' ? 'destination' : 'source';
  return Object.entries(inner).every(([field, value]) => {
    if (field === 'protocol') return packet.protocol === value;
    if (field === `${peerIs}-ipv${packet.family}-network`) return isWithin(packet, [String(value)]);
    if (field === (peerIs === 'destination' ? 'ietf-acldns:dst-dnsname' : 'ietf-acldns:src-dnsname'))
      return isWithin(packet, site.names(String(value)));
    return false;
  });
}

function matchesTransport(inner: Json, packet: Packet): boolean {
  return Object.entries(inner).every(([field, value]) => {
    if (field === 'source-port') return matchesPort(value as Json, packet.sourcePort);
    if (field === 'destination-port') return matchesPort(value as Json, packet.destinationPort);
    if (field === 'ietf-mud:direction-initiated')
      return value === (packet.opener === 'device' ? 'from-device' : 'to-device');
    return false;
  });
}

/** Ports are from 1: 0 is on no packet that is probed. */
function matchesPort(value: Json, port: number): boolean {
  const bound = (node: string): number => value[node] as number;
  if ('lower-port' in value) return port >= bound('lower-port') && port <= bound('upper-port');
  switch (value['operator'] ?? 'eq') {
    case 'eq':
      return port === bound('port');
    case 'neq':
      return port !== bound('port');
    case 'lte':
      return port <= bound('port');
    case 'gte':
      return port >= bound('port');
    default:
      return false;
  }
}

function isWithin({ family, peer }: Packet, networks: readonly string[]): boolean {
  return networks.some((text) => {
    const parsed = parseNetwork(text);
    return parsed !== null && parsed.family === family && parsed.low <= peer && peer <= parsed.high;
  });
}

interface Bounds {
  readonly family: 4 | 6;
  readonly low: bigint;
  readonly high: bigint;
}

const parsedBefore = new Map<string, Bounds | null>();

/** `10.0.0.0/8`, `fd00::1`: bounds as numbers, or null. */
export function parseNetwork(text: string): Bounds | null {
  let known = parsedBefore.get(text);
  if (known === undefined) parsedBefore.set(text, (known = boundsOf(text)));
  return known;
}

function boundsOf(text: string): Bounds | null {
  const [address = '', prefix] = text.split('/');
  const family = address.includes(':') ? 6 : 4;
  const value = family === 4 ? parse4(address) : parse6(address);
  if (value === null) return null;
  const bits = family === 4 ? 32n : 128n;
  const free = bits - BigInt(prefix ?? bits);
  const low = (value >> free) << free;
  return { family, low, high: low + (1n << free) - 1n };
}

function parse4(text: string): bigint | null {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return null;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parse6(text: string): bigint | null {
  const [head = '', tail] = text.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [first, last] = [words(head), words(tail ?? '')];
  const missing = 8 - first.length - last.length;
  if (tail === undefined ? missing !== 0 : missing < 0) return null;
  const all = [...first, ...Array.from({ length: missing }, () => '0'), ...last];
  return all.reduce((value, word) => (value << 16n) | BigInt(`0x${word}`), 0n);
}
