/** Each feature of RFC 8520 and RFC 8519 alone: a connection that it permits, and one beside it that it does not. Needs no data. */
import t from 'tap';
import { addressBytes, parseAddress } from '../../../agent/policy/address.js';
import { importedDevice, mudFile, mudText } from './support/import.js';
import { createPermits } from './support/judge.js';
import { SITE, type Conversation } from './support/probes.js';
import type { Site } from './support/rfc8519.js';

type Json = Record<string, unknown>;

const CLASSES: Readonly<Record<string, string>> = {
  'my-controller': '10.1.0.1',
  'local-networks': '10.2.0.0/16',
  'same-manufacturer': '10.3.0.1',
  'manufacturer maker.example': '10.4.0.1',
  'model https://maker.example/m1': '10.5.0.1',
  'controller https://site.example/c': '10.6.0.1',
  'controller urn:ietf:params:mud:dns': '10.7.0.53',
  'controller urn:ietf:params:mud:ntp': '10.7.0.123',
};
const site: Site = { ...SITE, classes: (key) => (CLASSES[key] === undefined ? [] : [CLASSES[key]]) };
const NAMED = SITE.names('a.example')[0] ?? '';
const C = '10.1.0.1';
const FREE = 50_000;

interface Written {
  readonly type?: string;
  readonly lists?: string;
  readonly mud?: Json;
}

function fileOf(from: Json | null, to: Json | null, how: Written): string {
  const aces = (name: string, matches: Json | null) =>
    matches === null ? [] : [{ name, matches, actions: { forwarding: 'accept' } }];
  return mudText({ from: aces('from', from), to: aces('to', to) }, how);
}

/** `out tcp 443 10.1.0.1`, from a free port; `in` likewise. `out icmp 8 …`: the type of the question. */
function connection(text: string): Conversation {
  const [opener, protocol = '', number = '', peer = '', source] = text.split(' ');
  const address = parseAddress(peer);
  if (!address) throw new Error(text);
  const [free, port] = [source === undefined ? FREE : Number(source), Number(number)];
  const isOut = opener === 'out';
  return {
    opener: isOut ? 'device' : 'peer',
    family: address.family,
    protocol: { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 }[protocol] ?? Number(protocol),
    peer: addressBytes(address).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n),
    peerPort: isOut ? port : free,
    devicePort: isOut ? free : port,
    icmpType: port,
    icmpCode: 0,
  };
}

const ofController: Json = { 'ietf-mud:mud': { 'my-controller': [null] } };
/** What the device sends to a port of the controller, and what comes back from there. */
const ports = (port: Json, more: Json = {}): readonly [Json, Json] => [
  { ...ofController, ipv4: { protocol: 6 }, tcp: { 'destination-port': port, ...more } },
  { ...ofController, ipv4: { protocol: 6 }, tcp: { 'source-port': port, ...more } },
];
const class443 = (mud: Json): readonly [Json, Json] => {
  const [from, to] = ports({ operator: 'eq', port: 443 });
  return [
    { ...from, 'ietf-mud:mud': mud },
    { ...to, 'ietf-mud:mud': mud },
  ];
};
const icmp = (family: 4 | 6, from: Json, to: Json): readonly [Json, Json] => [
  { [`ipv${family}`]: { protocol: family === 4 ? 1 : 58 }, icmp: from },
  { [`ipv${family}`]: { protocol: family === 4 ? 1 : 58 }, icmp: to },
];
const bothWays = { operator: 'eq', port: 443 };
const eth = (ethertype: string): Json => ({ eth: { ethertype }, tcp: {} });

type Row = readonly [
  feature: string,
  aces: readonly [Json | null, Json | null],
  permitted: readonly string[],
  refused: readonly string[],
  how?: Written,
];
const ROWS: readonly Row[] = [
  [
    'eq',
    ports({ operator: 'eq', port: 443 }),
    [`out tcp 443 ${C}`],
    [`out tcp 442 ${C}`, `out tcp 444 ${C}`],
  ],
  [
    'neq',
    ports({ operator: 'neq', port: 443 }),
    [`out tcp 442 ${C}`, `out tcp 444 ${C}`],
    [`out tcp 443 ${C}`],
  ],
  [
    'lte',
    ports({ operator: 'lte', port: 443 }),
    [`out tcp 443 ${C}`, `out tcp 1 ${C}`],
    [`out tcp 444 ${C}`],
  ],
  [
    'gte',
    ports({ operator: 'gte', port: 443 }),
    [`out tcp 443 ${C}`, `out tcp 65535 ${C}`],
    [`out tcp 442 ${C}`],
  ],
  [
    'a range',
    ports({ 'lower-port': 443, 'upper-port': 445 }),
    [`out tcp 443 ${C}`, `out tcp 445 ${C}`],
    [`out tcp 442 ${C}`, `out tcp 446 ${C}`],
  ],
  ['my-controller', class443({ 'my-controller': [null] }), [`out tcp 443 ${C}`], ['out tcp 443 10.1.0.2']],
  [
    'local-networks',
    class443({ 'local-networks': [null] }),
    ['out tcp 443 10.2.9.9'],
    ['out tcp 443 10.3.0.1'],
  ],
  [
    'same-manufacturer',
    class443({ 'same-manufacturer': [null] }),
    ['out tcp 443 10.3.0.1'],
    ['out tcp 443 10.4.0.1'],
  ],
  [
    'manufacturer',
    class443({ manufacturer: 'maker.example' }),
    ['out tcp 443 10.4.0.1'],
    ['out tcp 443 10.5.0.1'],
  ],
  [
    'model',
    class443({ model: 'https://maker.example/m1' }),
    ['out tcp 443 10.5.0.1'],
    ['out tcp 443 10.4.0.1'],
  ],
  [
    'controller',
    class443({ controller: 'https://site.example/c' }),
    ['out tcp 443 10.6.0.1'],
    ['out tcp 443 10.1.0.1'],
  ],
  [
    'a name',
    [
      { ipv4: { 'ietf-acldns:dst-dnsname': 'a.example', protocol: 6 } },
      { ipv4: { 'ietf-acldns:src-dnsname': 'a.example', protocol: 6 } },
    ],
    [`out tcp 443 ${NAMED}`],
    [`out tcp 443 ${C}`, `out udp 443 ${NAMED}`],
  ],
  [
    'direction-initiated from-device',
    ports(bothWays, {
      'ietf-mud:direction-initiated': 'from-device',
      'source-port': bothWays,
      'destination-port': bothWays,
    }),
    [`out tcp 443 ${C} 443`],
    [`in tcp 443 ${C} 443`],
  ],
  [
    'direction-initiated to-device',
    ports(bothWays, {
      'ietf-mud:direction-initiated': 'to-device',
      'source-port': bothWays,
      'destination-port': bothWays,
    }),
    [`in tcp 443 ${C} 443`],
    [`out tcp 443 ${C} 443`],
  ],
  [
    'nothing says who opens',
    ports(bothWays, { 'source-port': bothWays, 'destination-port': bothWays }),
    [`in tcp 443 ${C} 443`, `out tcp 443 ${C} 443`],
    [`out tcp 443 ${C}`],
  ],
  [
    'ICMP types',
    icmp(4, { type: 8 }, { type: 0 }),
    [`out icmp 8 ${C}`],
    [`out icmp 13 ${C}`, `in icmp 8 ${C}`],
  ],
  [
    'ICMP types towards the device',
    icmp(4, { type: 0 }, { type: 8 }),
    [`in icmp 8 ${C}`],
    [`out icmp 8 ${C}`],
  ],
  [
    'ICMPv6 types',
    icmp(6, { type: 128 }, { type: 129 }),
    ['out icmpv6 128 fd00::1'],
    ['out icmpv6 139 fd00::1'],
    { type: 'ipv6-acl-type' },
  ],
  [
    'networks of IPv6',
    [
      { ipv6: { 'destination-ipv6-network': 'fd00:1::/32', protocol: 6 } },
      { ipv6: { 'source-ipv6-network': 'fd00:1::/32', protocol: 6 } },
    ],
    ['out tcp 443 fd00:1::9'],
    ['out tcp 443 fd00:2::9'],
    { type: 'ipv6-acl-type' },
  ],
  [
    'frames of IPv4',
    [eth('0x0800'), eth('0x0800')],
    ['out tcp 443 10.1.0.1'],
    ['out tcp 443 fd00::1'],
    { type: 'mixed-eth-ipv4-acl-type' },
  ],
  [
    'frames of IPv6',
    [eth('0x86dd'), eth('0x86dd')],
    ['out tcp 443 fd00::1'],
    ['out tcp 443 10.1.0.1'],
    { type: 'mixed-eth-ipv6-acl-type' },
  ],
  [
    'the older container',
    ports(bothWays),
    [`out tcp 443 ${C}`],
    [`out tcp 444 ${C}`],
    { lists: 'access-lists' },
  ],
];

for (const [feature, [from, to], permitted, refused, how = {}] of ROWS)
  t.test(feature, (t) => {
    const { policy, imported } = importedDevice(mudFile(fileOf(from, to, how)), site);
    const permits = createPermits(policy);
    const fates = imported.fates.filter(({ ace }) => !ace.isDefault);
    t.same(
      fates.map(({ reason }) => reason),
      [null, null],
      'both are carried over',
    );
    for (const text of permitted) t.ok(permits(connection(text)), text);
    for (const text of refused) t.notOk(permits(connection(text)), `not ${text}`);
    for (const text of ['out udp 53 10.7.0.53', 'out udp 123 10.7.0.123'])
      t.ok(permits(connection(text)), `a default of the RFC: ${text}`);
    for (const text of ['out udp 53 10.7.0.123', 'in udp 53 10.7.0.53', 'out tcp 53 10.7.0.53'])
      if (feature !== 'neq' && !how.type) t.notOk(permits(connection(text)), `no default: ${text}`);
    t.end();
  });

t.test('eth-acl-type: a list of frames is no list of connections, and is dropped with that reason', (t) => {
  const { imported } = importedDevice(
    mudFile(fileOf(eth('0x0800'), eth('0x0800'), { type: 'eth-acl-type' })),
    site,
  );
  const reasons = imported.fates.filter(({ ace }) => !ace.isDefault).map(({ reason }) => reason);
  t.match(reasons, [/a list of frames/, /a list of frames/]);
  t.equal(imported.entries.length, 2, 'the defaults alone');
  t.end();
});

t.test('mirrored entries become one entry', (t) => {
  const [from, to] = ports(bothWays);
  const entries = (a: Json | null, b: Json | null) =>
    importedDevice(mudFile(fileOf(a, b, {})), site).imported.entries.filter(
      ({ peer }) => typeof peer === 'object' && 'group' in peer && peer.group.includes('my-controller'),
    );
  t.equal(entries(from, to).length, 1);
  t.equal(entries(from, null).length, 0, 'half of a conversation is none');
  t.equal(entries(null, to).length, 0);
  t.end();
});

t.test(
  'cache-validity: 48 hours unless said; outside of 1 to 168 it is taken as the nearest, and told',
  (t) => {
    const read = (mud: Json) => mudFile(fileOf(...ports(bothWays), { mud }));
    t.equal(read({}).cacheValidityHours, 48);
    for (const [given, hours] of [
      [1, 1],
      [168, 168],
      [0, 1],
      [169, 168],
    ] as const) {
      const file = read({ 'cache-validity': given });
      t.equal(file.cacheValidityHours, hours);
      t.equal(JSON.stringify(file.warnings).includes('cache-validity'), given !== hours);
    }
    t.end();
  },
);
