/** Connections to ask both sides of a comparison about: around everything that a MUD file names, and at random. Seeded: the same each run. */
import { parseNetwork, type Packet, type Site } from './rfc8519.js';

/** A connection, as its first packet and that packet's answer show it. */
export interface Conversation {
  readonly opener: 'device' | 'peer';
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly peer: bigint;
  readonly devicePort: number;
  readonly peerPort: number;
  /** Of the question. */
  readonly icmpType: number;
  readonly icmpCode: number;
}

/** Who the site is, for every file: some have addresses of one family, some of both, some are shared, some are nobody. */
export const SITE: Site = {
  classes: (key) => {
    if (key === 'local-networks')
      return [
        '10.0.0.0/8',
        'fd00::/8',
        // What no router passes on.
        ...[
          '169.254.0.0/16',
          '224.0.0.0/24',
          '239.255.0.0/16',
          '255.255.255.255/32',
          'fe80::/10',
          'ff02::/16',
        ],
      ];
    if (key === 'controller urn:ietf:params:mud:dns') return ['10.9.0.53', '8.8.8.8', 'fd00::53'];
    if (key === 'controller urn:ietf:params:mud:gateway') return ['10.0.0.1', 'fe80::1'];
    if (key === 'my-controller') return ['10.9.1.0/28'];
    if (key.startsWith('model ')) return [];
    const number = numberOf(key);
    return [`10.9.2.${number % 250}`, `fd00::9:${(number % 60_000).toString(16)}`];
  },
  names: (name) => {
    // Names have no case (RFC 4343).
    const number = numberOf(name.toLowerCase());
    return [
      `198.18.${(number >> 8) & 255}.${number & 255}`,
      `2001:db8::${(number & 0xffff).toString(16)}`,
      // Names of one provider share an address.
      `203.0.113.${number % 4}`,
    ];
  },
};

function numberOf(text: string): number {
  let hash = 2166136261;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619) >>> 0;
  return hash;
}

export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Json = Record<string, unknown>;

const QUESTIONS = { 4: [8, 13, 15, 17], 6: [128, 139] } as const;
const PORTS = [1, 2, 52, 53, 54, 67, 123, 443, 1023, 1024, 49_152, 65_534, 65_535];
const PROTOCOLS = [6, 17, 17, 6, 47, 50, 132];

/** Half of them are what an entry of the file names, the others with one thing changed. */
export function conversations(document: Json, count: number, seed: number): readonly Conversation[] {
  const random = createRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  const aces = acesOf(document);
  const ports = [
    ...new Set([
      ...PORTS,
      ...aces.flatMap(({ named }) => named.flatMap((port) => [port - 1, port, port + 1])),
    ]),
  ].filter((port) => port >= 1 && port <= 65_535);
  const networks = [...new Set(['0.0.0.0/0', '::/0', ...aces.flatMap(({ peers }) => peers)])];
  const anyPort = (): number => (random(3) === 0 ? 1 + random(65_535) : pick(ports));
  const addressIn = (texts: readonly string[], family: 4 | 6): bigint => {
    const bounds = texts.map(parseNetwork).filter((each) => each?.family === family);
    const { low, high } = pick(bounds) ?? { low: 0n, high: family === 4 ? 0xffffffffn : (1n << 128n) - 1n };
    const top = family === 4 ? 0xffffffffn : (1n << 128n) - 1n;
    const places = [
      low,
      high,
      low - 1n,
      high + 1n,
      low + (high - low) / 2n,
      low + (BigInt(random(2 ** 31)) % (high - low + 1n)),
    ];
    const place = random(3) === 0 ? pick(places) : low + (BigInt(random(2 ** 31)) % (high - low + 1n));
    return place < 0n ? 0n : place > top ? top : place;
  };
  return Array.from({ length: count }, (): Conversation => {
    const ace = aces.length > 0 ? pick(aces) : undefined;
    const family = ace && random(8) > 0 ? ace.family : pick([4, 6] as const);
    const changed = random(2) === 0 ? random(5) : -1;
    const icmp = family === 4 ? 1 : 58;
    const protocol =
      changed === 0 || !ace ? pick([...PROTOCOLS, icmp]) : (ace.protocol ?? pick([...PROTOCOLS, icmp]));
    return {
      opener:
        changed === 1
          ? pick(['device', 'peer'] as const)
          : ace?.named.length === 0
            ? pick(['device', 'peer'] as const)
            : random(4) === 0
              ? 'peer'
              : 'device',
      family,
      protocol,
      peer: addressIn(changed === 2 || !ace ? networks : ace.peers, family),
      devicePort: changed !== 3 && ace?.devicePort !== undefined ? ace.devicePort : anyPort(),
      peerPort: changed !== 4 && ace?.peerPort !== undefined ? ace.peerPort : anyPort(),
      icmpType: pick(QUESTIONS[family]),
      icmpCode: random(6) === 0 ? random(256) : 0,
    };
  });
}

interface Named {
  readonly family: 4 | 6;
  readonly protocol: number | undefined;
  readonly peers: readonly string[];
  readonly named: readonly number[];
  readonly devicePort: number | undefined;
  readonly peerPort: number | undefined;
}

function acesOf(document: Json): readonly Named[] {
  const mud = document['ietf-mud:mud'] as Json;
  const lists = ['ietf-access-control-list:acls', 'ietf-access-control-list:access-lists'].flatMap(
    (key) => ((document[key] as Json | undefined)?.['acl'] ?? []) as Json[],
  );
  return (['from-device', 'to-device'] as const).flatMap((direction) => {
    const policy = (mud[`${direction}-policy`] as Json | undefined)?.['access-lists'] as Json | undefined;
    const named = ((policy?.['access-list'] ?? []) as Json[]).map(({ name }) => name);
    return lists
      .filter(({ name }) => named.includes(name))
      .flatMap((list) => {
        const family = String(list['type']).startsWith('ipv6') ? 6 : 4;
        const aces = ((list['aces'] as Json | undefined)?.['ace'] ?? []) as Json[];
        return aces.map((ace) => namedBy(ace['matches'] as Json, family, direction));
      });
  });
}

function namedBy(matches: Json, family: 4 | 6, direction: Packet['direction']): Named {
  const l3 = (matches[`ipv${family}`] ?? {}) as Json;
  const l4 = (matches['tcp'] ?? matches['udp'] ?? {}) as Json;
  const mud = (matches['ietf-mud:mud'] ?? {}) as Json;
  const port = (node: string): number | undefined => {
    const inner = l4[node] as Json | undefined;
    return (inner?.['port'] ?? inner?.['lower-port']) as number | undefined;
  };
  const [source, destination] = [port('source-port'), port('destination-port')];
  const peers = [
    ...Object.entries(l3).flatMap(([node, value]) => {
      if (node.endsWith('-network')) return [String(value)];
      return node.endsWith('dnsname') ? SITE.names(String(value)) : [];
    }),
    ...Object.entries(mud).flatMap(([node, value]) =>
      SITE.classes(typeof value === 'string' ? `${node} ${value}` : node),
    ),
  ];
  const isFrom = direction === 'from-device';
  return {
    family,
    protocol: l3['protocol'] as number | undefined,
    peers: peers.length > 0 ? peers : ['0.0.0.0/0', '::/0'],
    named: [source, destination].filter((each) => each !== undefined),
    devicePort: isFrom ? source : destination,
    peerPort: isFrom ? destination : source,
  };
}

/** The first packet, and its answer. */
export function packetsOf(conversation: Conversation): readonly [question: Packet, answer: Packet] {
  const { opener, family, protocol, peer, devicePort, peerPort, icmpType, icmpCode } = conversation;
  const sent = (isFrom: boolean, type: number): Packet => ({
    direction: isFrom ? 'from-device' : 'to-device',
    family,
    protocol,
    peer,
    sourcePort: isFrom ? devicePort : peerPort,
    destinationPort: isFrom ? peerPort : devicePort,
    icmpType: type,
    icmpCode,
    opener,
  });
  const isFrom = opener === 'device';
  return [sent(isFrom, icmpType), sent(!isFrom, ANSWERS[icmpType] ?? 0)];
}

const ANSWERS: Readonly<Record<number, number>> = { 8: 0, 13: 14, 15: 16, 17: 18, 128: 129, 139: 140 };

/** No packet comes from a group or from everybody (RFC 1122 section 3.2.1.3, RFC 4291 section 2.7). */
export function isToMany({ family, peer }: Conversation): boolean {
  return family === 6 ? peer >> 120n === 0xffn : peer >> 28n === 0xen || peer === 0xffffffffn;
}

export function addressText(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  return Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  ).join(':');
}
