/** Files that are broken, hostile or strange: problems with their places, entries dropped whole, bounded work, nothing thrown. */
import fc from 'fast-check';
import t from 'tap';
import { importMud } from '../../../agent/mud/import-mud.js';
import { pairAces } from '../../../agent/mud/pair-aces.js';
import { MAX_ACES, MAX_MUD_CHARS, parseMud } from '../../../agent/mud/parse-mud.js';
import { resolveClass, type ClassTarget } from '../../../agent/mud/site-classes.js';
import { publishedFiles } from './support/files.js';
import { importedDevice, mudFile, mudText } from './support/import.js';

type Json = Record<string, unknown>;

/** One entry in each direction: the device asks `my-controller` for port 53 of UDP. */
function fileWith(from: unknown, to: unknown = {}, mud: Json = {}, type?: unknown): string {
  return mudText({ from, to }, type === undefined ? { mud } : { mud, type });
}

const ace = (matches: Json, more: Json = {}): Json => ({
  name: 'a',
  matches,
  actions: { forwarding: 'accept' },
  ...more,
});
const QUESTION = {
  'ietf-mud:mud': { 'my-controller': [null] },
  ipv4: { protocol: 17 },
  udp: { 'destination-port': { operator: 'eq', port: 53 } },
};
const ANSWER = {
  'ietf-mud:mud': { 'my-controller': [null] },
  ipv4: { protocol: 17 },
  udp: { 'source-port': { operator: 'eq', port: 53 } },
};

t.test('what makes a file unusable is told with its place', (t) => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['not JSON', 'version: 1', /document: .*not a JSON object/],
    ['cut off', fileWith([]).slice(0, 100), /document: .*not JSON/],
    ['a key twice', '{ "ietf-mud:mud": {}, "ietf-mud:mud": {} }', /twice/],
    ['too deep', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`, /deeper/],
    ['no MUD container', '{}', /"ietf-mud:mud": is missing/],
    ['a number for a container', '{ "ietf-mud:mud": 5 }', /"ietf-mud:mud": 5 where a container belongs/],
    [
      'another version',
      fileWith([], [], { 'mud-version': 2 }),
      /"ietf-mud:mud"\.mud-version: 2: this build reads version 1/,
    ],
    [
      'text for hours',
      fileWith([], [], { 'cache-validity': 'long' }),
      /cache-validity: "long" where a whole number/,
    ],
    ['text for entries', fileWith('none', []), /acl\[0\]\.aces\.ace: "none" where a list belongs/],
    [
      'a list that is not there',
      fileWith([], [], { 'to-device-policy': { 'access-lists': { 'access-list': [{ name: 'x' }] } } }),
      /to-device-policy\.access-lists\.access-list\[0\]\.name: the file has no access list "x"/,
    ],
    [
      '10 MB of name',
      fileWith([], [], { systeminfo: 'x'.repeat(10_000_000) }),
      /systeminfo: has 10000000 characters/,
    ],
    [
      '100,000 entries',
      fileWith(
        Array.from({ length: 100_000 }, () => ace({})),
        [],
      ),
      new RegExp(`100000 entries in all, above ${MAX_ACES}`),
    ],
    ['more than is read', `{"x":"${'y'.repeat(MAX_MUD_CHARS)}"}`, /above the limit/],
  ];
  for (const [what, text, wanted] of cases) {
    const parsed = parseMud(text);
    t.equal(parsed.ok, false, what);
    if (!parsed.ok)
      t.match(
        parsed.problems
          .map(({ path, message }) => `${path}: ${message}`)
          .join('\n')
          .slice(0, 2_000),
        wanted,
        what,
      );
  }
  const two = parseMud(fileWith('none', 5));
  t.equal(two.ok ? 0 : two.problems.length, 2, 'every problem at once');
  t.end();
});

t.test(
  'an entry with anything that is not understood is dropped whole, and nothing of it is permitted',
  (t) => {
    const cases: readonly (readonly [string, unknown, RegExp])[] = [
      ['an unknown node', ace({ ...QUESTION, 'ietf-mud:lunch': {} }), /"ietf-mud:lunch" is an unknown node/],
      [
        'an unknown node inside',
        ace({ ...QUESTION, ipv4: { protocol: 17, 'packet-mood': 1 } }),
        /matches\.ipv4: "packet-mood" is an unknown node/,
      ],
      ['a header field', ace({ ...QUESTION, ipv4: { protocol: 17, ttl: 5 } }), /matches\.ipv4\.ttl/],
      [
        'an unknown operator',
        ace({ ...QUESTION, udp: { 'destination-port': { operator: 'near', port: 53 } } }),
        /"near" is not eq/,
      ],
      [
        'a port that is none',
        ace({ ...QUESTION, udp: { 'destination-port': { operator: 'eq', port: 70_000 } } }),
        /70000 is not a whole number/,
      ],
      [
        'a range backwards',
        ace({ ...QUESTION, udp: { 'destination-port': { 'lower-port': 9, 'upper-port': 3 } } }),
        /ends before it begins/,
      ],
      ['two transports', ace({ ...QUESTION, tcp: {} }), /at once match nothing/],
      [
        'another protocol than its transport',
        ace({ ...QUESTION, ipv4: { protocol: 6 } }),
        /udp is not protocol 6/,
      ],
      ['the other family', ace({ ipv6: { protocol: 17 } }), /not the family of its list/],
      [
        "the device's own address",
        ace({ ...QUESTION, ipv4: { protocol: 17, 'source-ipv4-network': '10.0.0.1/32' } }),
        /names the device itself/,
      ],
      [
        'a name that is none',
        ace({ ipv4: { 'ietf-acldns:dst-dnsname': '*.example' } }),
        /is not a host name/,
      ],
      [
        'a name with a class',
        ace({ ...QUESTION, ipv4: { 'ietf-acldns:dst-dnsname': 'a.example' } }),
        /cannot be told to overlap/,
      ],
      [
        'a value for an empty node',
        ace({ 'ietf-mud:mud': { 'my-controller': 'yes' } }),
        /where \[null\] belongs/,
      ],
      [
        'another action',
        ace(QUESTION, { actions: { forwarding: 'maybe' } }),
        /is not accept, drop or reject/,
      ],
      ['no action', ace(QUESTION, { actions: {} }), /actions\.forwarding is missing/],
      ['no name', { matches: QUESTION, actions: { forwarding: 'accept' } }, /it has no name/],
      ['10 MB of name', ace(QUESTION, { name: 'x'.repeat(10_000_000) }), /its name has 10000000 characters/],
      ['a number', 5, /5 where an entry belongs/],
    ];
    for (const [what, from, reason] of cases) {
      const { imported } = importedDevice(mudFile(fileWith([from], [ace(ANSWER)])));
      const fate = imported.fates.find(
        ({ ace: { direction, isDefault } }) => direction === 'from-device' && !isDefault,
      );
      t.match(fate?.reason, reason, what);
      const peers = JSON.stringify(imported.entries.map(({ peer }) => peer));
      t.notMatch(peers, /my-controller|any|a\.example/, `${what}: nothing of it is permitted`);
    }
    t.end();
  },
);

t.test('what refuses comes first, and what it may touch is not used', (t) => {
  const refuse = (matches: Json): Json => ({ name: 'no', matches, actions: { forwarding: 'drop' } });
  const permits = (from: readonly Json[]): number =>
    importedDevice(mudFile(fileWith(from, [ace(ANSWER)]))).imported.entries.filter(({ peer }) =>
      JSON.stringify(peer).includes('my-controller'),
    ).length;
  t.equal(permits([ace(QUESTION)]), 1);
  t.equal(permits([ace(QUESTION), refuse(QUESTION)]), 1, 'too late');
  t.equal(permits([refuse(QUESTION), ace(QUESTION)]), 0);
  t.equal(permits([refuse({}), ace(QUESTION)]), 0, 'everything');
  t.equal(
    permits([
      refuse({ ...QUESTION, udp: { 'destination-port': { operator: 'eq', port: 54 } } }),
      ace(QUESTION),
    ]),
    1,
    'another port',
  );
  t.equal(permits([refuse({ unknown: {} }), ace(QUESTION)]), 0, 'what it refuses is not known');
  const dns = refuse({
    'ietf-mud:mud': { controller: 'urn:ietf:params:mud:dns' },
    ipv4: { protocol: 17 },
    udp: { 'destination-port': { operator: 'eq', port: 53 } },
  });
  const groups = importedDevice(mudFile(fileWith([dns], []))).imported.groups;
  t.notOk(groups.has('mud-dns'), 'a file can refuse a default of the RFC');
  t.ok(groups.has('mud-ntp'), 'and leave the other');
  t.end();
});

t.test('an entry of which the defaults of the RFC answer but a part is told as dropped', (t) => {
  const outcome = (
    from: Json,
    to: Json[] = [],
  ): { readonly unused: string; readonly conversations: number } => {
    const { unused, conversations } = pairAces(mudFile(fileWith([ace(from)], to)));
    return { unused: [...unused.values()].join(), conversations: conversations.length };
  };
  const none = pairAces(mudFile(fileWith([], []))).conversations.length;
  for (const from of [{}, { 'ietf-mud:mud': { 'local-networks': [null] } }, { udp: {} }])
    t.match(
      outcome(from),
      { unused: /does not accept the answers/, conversations: none },
      JSON.stringify(from),
    );
  const dns = { ...QUESTION, 'ietf-mud:mud': { controller: 'urn:ietf:params:mud:dns' } };
  t.same(outcome(dns), { unused: '', conversations: none }, 'one that is a default is carried over by it');
  t.match(outcome({}, [ace({})]), { unused: '' }, 'and one that is answered');
  t.end();
});

t.test('a class that nobody named is an empty group and a problem', (t) => {
  const file = mudFile(fileWith([ace(QUESTION)], [ace(ANSWER)]));
  const { entries, groups, problems } = importMud(file, { classes: new Map(), policy: null });
  t.same(entries[0]?.peer, { group: 'mud-my-controller' });
  t.same(groups.get('mud-my-controller'), []);
  t.match(
    problems.map(({ path }) => path),
    ['my-controller', 'urn:ietf:params:mud:dns', 'urn:ietf:params:mud:ntp'],
  );
  t.end();
});

t.test('classes that stand for each other stand for nobody', (t) => {
  const classes = new Map<string, readonly ClassTarget[]>([
    ['a', [{ class: 'b' }]],
    ['b', [{ class: 'c' }]],
    ['c', [{ class: 'a' }]],
    ['d', [{ class: 'nobody' }]],
    ['e', [{ group: 'nobody' }]],
  ]);
  t.match(resolveClass('a', classes, null), { ok: false, problem: 'stands for itself, by way of a, b, c' });
  t.match(resolveClass('d', classes, null), { ok: false, problem: /nobody has said who nobody stands for/ });
  t.match(resolveClass('e', classes, null), { ok: false, problem: /no group "nobody"/ });
  t.end();
});

t.test('the largest file that is read, of entries that are nobody’s mirror, is bounded work', (t) => {
  const half = Array.from({ length: MAX_ACES / 2 }, (_, index) => index);
  const from = half.map((index) =>
    ace({ ipv4: { protocol: 6 }, tcp: { 'destination-port': { operator: 'neq', port: 1 + index } } }),
  );
  const to = half.map((index) =>
    ace({ ipv4: { protocol: 6 }, tcp: { 'source-port': { operator: 'neq', port: 60_000 - index } } }),
  );
  const { conversations, unused } = pairAces(mudFile(fileWith(from, to)));
  t.same(conversations, [], 'nothing of it is used');
  t.match([...unused.values()][0], /becomes more than \d+ entries/);
  const apart = to.map((each) => ({
    ...each,
    matches: { ...(each['matches'] as Json), ipv4: { protocol: 17 }, tcp: undefined, udp: {} },
  }));
  const none = pairAces(mudFile(fileWith(from, apart)));
  t.same(
    none.conversations.filter(({ from: aces }) => aces.some(({ isDefault }) => !isDefault)),
    [],
    'nor of one whose halves have nothing in common',
  );
  t.end();
});

t.test(
  'no text makes it throw, and what is changed in a file never makes it permit what an entry does not say',
  (t) => {
    const seeds = [
      fileWith([ace(QUESTION)], [ace(ANSWER)]),
      ...publishedFiles()
        .slice(0, 6)
        .map(({ text }) => text),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(
          fc.tuple(
            fc.nat(),
            fc.constantFrom('', '{', '}', '"', '[null]', '0', '-1', ',', '\u0000', 'null', '1e9'),
          ),
          { maxLength: 5 },
        ),
        (text, edits) => {
          let changed = text;
          for (const [at, put] of edits) {
            const place = at % changed.length;
            changed = changed.slice(0, place) + put + changed.slice(place + 1);
          }
          const parsed = parseMud(changed);
          if (parsed.ok) importMud(parsed.file, { classes: new Map(), policy: null });
          return true;
        },
      ),
      { numRuns: 400 },
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        parseMud(fileWith([value], [ace({ ipv4: value })]));
        parseMud(JSON.stringify({ 'ietf-mud:mud': value, 'ietf-access-control-list:acls': value }));
        return true;
      }),
      { numRuns: 300 },
    );
    t.end();
  },
);
