/**
 * Files that are well-formed and say something unusual: every entry is carried over or dropped with a reason, what is carried over is
 * a policy that is taken, and nothing says more than the file does.
 */
import t from 'tap';
import { parseMud } from '../../../agent/mud/parse-mud.js';
import { importedDevice, mudFile, mudText } from './support/import.js';

type Json = Record<string, unknown>;

const ace = (name: string, matches: unknown): Json => ({
  name,
  matches,
  actions: { forwarding: 'accept' },
});

interface Mirrored {
  readonly ipv4?: Json;
  readonly peer?: Json;
  readonly more?: Json;
  readonly port?: Json;
}

/** What the device asks, and what answers: `out` in one direction, `in` in the other. */
function mirrored({ ipv4 = {}, peer = {}, more = {}, port = { operator: 'eq', port: 443 } }: Mirrored): {
  readonly from: readonly Json[];
  readonly to: readonly Json[];
} {
  const turned = (node: string): string =>
    node.replace('destination', 'source').replace('dst-dnsname', 'src-dnsname');
  const back = Object.fromEntries(Object.entries(ipv4).map(([node, value]) => [turned(node), value]));
  const of = (l3: Json, node: string): Json => ({
    ...(Object.keys(peer).length > 0 && { 'ietf-mud:mud': peer }),
    ipv4: { protocol: 6, ...l3 },
    tcp: { [node]: port },
    ...more,
  });
  return { from: [ace('a', of(ipv4, 'destination-port'))], to: [ace('b', of(back, 'source-port'))] };
}

/** The reasons of the file's own entries, each once, and the peers that are permitted beside the defaults. */
function outcome(text: string): {
  readonly reasons: readonly (string | null)[];
  readonly peers: readonly unknown[];
} {
  const { imported } = importedDevice(mudFile(text));
  const own = imported.fates.filter(({ ace: { isDefault } }) => !isDefault);
  return {
    reasons: [...new Set(own.map(({ reason }) => reason))],
    peers: imported.entries.filter(({ why }) => !/^MUD: (dns|ntp)$/.test(why)).map(({ peer }) => peer),
  };
}

const name = (host: unknown): Mirrored => ({ ipv4: { 'ietf-acldns:dst-dnsname': host } });
const network = (of: unknown): Mirrored => ({ ipv4: { 'destination-ipv4-network': of } });
const NOBODY: readonly unknown[] = [];

const DROPPED: readonly (readonly [string, Mirrored, RegExp])[] = [
  ['a name with an underscore', name('_sip._tcp.example'), /the label "_sip" is not letters/],
  ['a name that is a number', name('1.2.3'), /ends in a number/],
  ['a name in no ASCII', name('b\u00fccher.example'), /is not a host name/],
  ['an address of IPv6 for a name of IPv4', name('fd00::1'), /is not a host name or IPv4 address/],
  ['a name and a network', { ipv4: { ...name('a.example').ipv4, ...network('10.0.0.0/8').ipv4 } }, /overlap/],
  ['a loopback address', network('127.0.0.1/32'), /loopback address: no peer has it/],
  ['the unspecified address', network('0.0.0.0/32'), /unspecified address: no peer has it/],
  ['a mask for a prefix', network('10.0.0.0/255.0.0.0'), /is not an IPv4 network/],
  ['a controller called like the local networks', { peer: { controller: 'local-networks' } }, /not a class/],
  ['a controller called like a maker', { peer: { controller: 'manufacturer:a.example' } }, /not a class/],
  ['a controller that is no key', { peer: { controller: '__proto__' } }, /not a class/],
  ['a model with too long a URL', { peer: { model: `https://a.example/${'x'.repeat(280)}` } }, /not a class/],
  ['a class in an empty list', { peer: { 'my-controller': [] } }, /where \[null\] belongs/],
  ['half a range', { port: { 'lower-port': 80 } }, /upper-port is missing/],
  ['an operator without its port', { port: { operator: 'neq' } }, /port is missing/],
  ['port 0', { port: { operator: 'eq', port: 0 } }, /no port is left/],
  ['a port in quotes', { port: { operator: 'eq', port: '80' } }, /not a whole number/],
  ['fragments', { ipv4: { flags: 'fragment' } }, /not about header fields/],
  ['a list for an ethertype', { more: { eth: { ethertype: [2048] } } }, /is not that of IPv4/],
  ['a null for frames', { more: { eth: null } }, /null where a container belongs/],
];

for (const [what, mirror, reason] of DROPPED)
  t.test(`${what} is dropped with that reason, and the rest of the file stands`, (t) => {
    const odd = mirrored(mirror);
    const plain = mirrored(network('10.9.9.9/32'));
    const { reasons, peers } = outcome(
      mudText({ from: [...odd.from, ...plain.from], to: [...odd.to, ...plain.to] }),
    );
    t.ok(reasons.includes(null), 'the plain one is carried over');
    const others = reasons.filter((each) => each !== null);
    t.ok(others.length > 0);
    for (const each of others) t.match(each, reason);
    t.same(peers, [{ address: '10.9.9.9' }]);
    t.end();
  });

const CARRIED: readonly (readonly [string, Mirrored, unknown])[] = [
  ['a name with capitals and a dot at the end', name('Update.EXAMPLE.com.'), { name: 'update.example.com' }],
  ['a name in the form of RFC 5890', name('xn--bcher-kva.example'), { name: 'xn--bcher-kva.example' }],
  ['an address for a name', name('10.9.9.9'), { address: '10.9.9.9' }],
  ['bits below the prefix', network('10.9.9.9/8'), { network: '10.0.0.0/8' }],
  [
    'an ethertype by its name',
    { ...network('10.9.9.9'), more: { eth: { ethertype: 'ipv4' } } },
    { address: '10.9.9.9' },
  ],
  [
    'an ethertype as a number',
    { ...network('10.9.9.9'), more: { eth: { ethertype: 2048 } } },
    { address: '10.9.9.9' },
  ],
];

for (const [what, mirror, peer] of CARRIED)
  t.test(`${what} is carried over`, (t) => {
    const { reasons, peers } = outcome(mudText(mirrored(mirror)));
    t.same(reasons, [null]);
    t.same(peers, [peer]);
    t.end();
  });

t.test('conditions that are null are no conditions that are missing', (t) => {
  const all = (matches: unknown) => outcome(mudText({ from: [ace('a', matches)], to: [ace('b', matches)] }));
  t.same(all({}).peers, ['any', 'any'], 'an entry without conditions matches everything');
  t.same(all(null).peers, NOBODY);
  t.match(all(null).reasons, [/matches: null where a container belongs/]);
  t.end();
});

t.test('what stands beside the entries and is not known may limit them: none of them is used', (t) => {
  const document = JSON.parse(mudText(mirrored(network('10.9.9.9/32')))) as Record<string, Json>;
  const places: readonly (readonly [string, (copy: Record<string, Json>) => unknown, RegExp])[] = [
    [
      'a list',
      (copy) => (copy['ietf-access-control-list:acls']?.['acl'] as Json[])[0],
      /its list has the unknown node "x:except"/,
    ],
    [
      'the entries of a list',
      (copy) => (copy['ietf-access-control-list:acls']?.['acl'] as Json[])[0]?.['aces'],
      /its list has the unknown node "x:except"/,
    ],
    [
      'a policy',
      (copy) => copy['ietf-mud:mud']?.['from-device-policy'],
      /what names its list has the unknown node "x:except"/,
    ],
    [
      'what names a list',
      (copy) =>
        ((copy['ietf-mud:mud']?.['from-device-policy'] as Json)['access-lists'] as { 'access-list': Json[] })[
          'access-list'
        ][0],
      /what names its list has the unknown node "x:except"/,
    ],
  ];
  for (const [where, place, reason] of places) {
    const copy = structuredClone(document);
    (place(copy) as Json)['x:except'] = ['10.9.9.9'];
    const text = JSON.stringify(copy);
    const { reasons, peers } = outcome(text);
    t.match(reasons, [/does not accept the answers/, reason], where);
    t.same(peers, NOBODY, where);
    t.match(JSON.stringify(mudFile(text).warnings), /x:except/, `${where}: told as a note, too`);
  }
  const copy = structuredClone(document);
  Object.assign(copy['ietf-access-control-list:acls'] ?? {}, { 'x:counters': 5 });
  t.same(outcome(JSON.stringify(copy)).reasons, [null], 'beside the lists it limits none');
  t.end();
});

t.test('a file of many unknown nodes has so many notes and no more', (t) => {
  const odd = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`x:${index}`, 1]));
  const { warnings } = mudFile(mudText({ from: [], to: [] }, { mud: odd }));
  t.equal(warnings.length, 101);
  t.match(warnings.at(-1)?.message, '4900 more of the kind');
  t.end();
});

t.test('lists that are empty, or have no entries, permit the defaults alone', (t) => {
  for (const aces of [[], undefined]) {
    const { reasons, peers } = outcome(mudText({ from: aces, to: aces }));
    t.same([reasons, peers], [[], []]);
  }
  t.end();
});

t.test('entries with the same name each have their fate', (t) => {
  const one = mirrored(network('10.9.9.9/32'));
  const other = mirrored({ ...network('10.9.9.8/32'), port: { operator: 'mad', port: 1 } });
  const { imported } = importedDevice(
    mudFile(mudText({ from: [...one.from, ...other.from], to: [...one.to, ...other.to] })),
  );
  const own = imported.fates.filter(({ ace: { isDefault } }) => !isDefault);
  t.equal(own.length, 4);
  t.equal(own.filter(({ reason }) => reason === null).length, 2);
  t.end();
});

t.test('ICMPv6 beside echo, and what is about no connection, is dropped with the reason', (t) => {
  const icmp = (type: number): Json => ({ ipv6: { protocol: 58 }, icmp: { type } });
  const cases: readonly (readonly [Json, Json, RegExp])[] = [
    [icmp(133), icmp(134), /no question and answer/],
    [icmp(135), icmp(136), /no question and answer/],
    [icmp(2), icmp(2), /no question and answer/],
    [{ ipv6: { protocol: 44 } }, { ipv6: { protocol: 44 } }, /cannot name protocol 44/],
    [{ ipv6: { protocol: 0 } }, { ipv6: { protocol: 0 } }, /hop-by-hop/],
    [{ ipv6: { protocol: 1 } }, { ipv6: { protocol: 1 } }, /does not run over IPv6/],
  ];
  for (const [from, to, reason] of cases) {
    const text = mudText({ from: [ace('a', from)], to: [ace('b', to)] }, { type: 'ipv6-acl-type' });
    t.match(outcome(text).reasons, [reason], JSON.stringify(from));
    t.same(outcome(text).peers, NOBODY, JSON.stringify(from));
  }
  t.end();
});

t.test('what the file says of itself may be odd, and is told', (t) => {
  const read = (mud: Json) => mudFile(mudText(mirrored(network('10.9.9.9/32')), { mud }));
  const noted = (mud: Json): string => JSON.stringify(read(mud).warnings);
  for (const at of ['2024-01-01T00:00:00-11:30', '2024-06-30T23:59:59Z', '2024-01-01t00:00:00.5+14:00'])
    t.notMatch(noted({ 'last-update': at }), /last-update/, at);
  for (const at of ['yesterday', '2024-13-01T00:00:00Z', '2024-01-01'])
    t.match(noted({ 'last-update': at }), /not a date and time/, at);
  t.match(noted({ 'is-supported': false }), /no longer supports/);
  t.equal(read({ systeminfo: 'Gr\u00f6\u00dfe \u65e5\u672c' }).systemInfo, 'Gr\u00f6\u00dfe \u65e5\u672c');
  t.equal(parseMud(mudText({ from: [], to: [] }, { mud: { 'mud-version': '1' } })).ok, false);
  t.end();
});
