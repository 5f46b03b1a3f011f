import fc from 'fast-check';
import t from 'tap';
import type { Habit } from '../../../agent/learn/habit.js';
import { entryText, mergeProposal, serviceOf } from '../../../agent/learn/proposal-yaml.js';
import { propose, type ProposeInput } from '../../../agent/learn/propose.js';
import { parseAddress } from '../../../agent/policy/address.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import type { Finding } from '../../../agent/messages/vocabulary.js';
import { policyOf } from '../ruleset/support.js';
import { DAY_MS, findingOf, habitOf, MONDAY_MS, pump } from './support.js';

const POLICY = `# written by hand
version: 1
site: { name: Ward, networks: [10.77.0.0/24, "fd77::/64"] }
devices:
  monitor-1:
    identity: { macs: ["02:00:00:00:00:0b"], addresses: [10.77.0.11] } # bed 4
    mode: enforce
  pump-1:
    identity: { macs: ["02:00:00:00:00:0a"], addresses: [10.77.0.10, "fd77::10"] }
    mode: observe
    allow:
      - { direction: out, peer: { address: 10.77.0.1 }, protocol: tcp, ports: [104], why: DICOM }
`;

function input(habits: readonly Habit[], findings: readonly Finding[] = [], text = POLICY): ProposeInput {
  return {
    policy: policyOf(text),
    name: 'pump-1',
    device: pump,
    habits,
    findings,
    learned: new Map(),
    watchedMs: 5 * DAY_MS,
    nowMs: MONDAY_MS + 5 * DAY_MS,
  };
}
const entriesOf = (habits: readonly Habit[], findings: readonly Finding[] = []): string[] =>
  propose(input(habits, findings)).proposals.map(({ entry }) => serviceOf(entry));

const OPTIONS = {
  macs: ['02:00:00:00:00:0a'],
  addresses: [],
  mode: null,
  formatTime: (atMs: number) => new Date(atMs).toISOString(),
  formatBytes: (bytes: number) => `${bytes} B`,
};

/** Habits, and the entries that they carry. */
const TABLE: readonly (readonly [what: string, habits: readonly string[], entries: readonly string[]])[] = [
  [
    'a host, both families',
    ['out 6/2575 10.77.0.1', 'out 6/2575 fd77::1'],
    ['out tcp 2575 to 10.77.0.1', 'out tcp 2575 to fd77::1'],
  ],
  ['what the policy permits is not proposed again', ['out 6/104 10.77.0.1'], []],
  [
    'another device of the policy, by its name',
    ['out 6/6000 10.77.0.11'],
    ['out tcp 6000 to device monitor-1'],
  ],
  [
    'three hosts are hosts',
    [1, 2, 3].map((host) => `in 6/22 10.77.0.${host}`),
    [1, 2, 3].map((host) => `in tcp 22 from 10.77.0.${host}`),
  ],
  [
    'four are their network, and no wider',
    [1, 2, 3, 4].map((host) => `in 6/22 10.77.0.${host}`),
    ['in tcp 22 from network 10.77.0.0/29'],
  ],
  [
    'four of IPv6, too',
    [1, 2, 3, 4].map((host) => `in 6/22 fd77::${host}`),
    ['in tcp 22 from network fd77::/125'],
  ],
  [
    'four far apart are hosts',
    [1, 60, 120, 250].map((host) => `in 6/22 10.77.0.${host}`),
    [1, 120, 250, 60].map((host) => `in tcp 22 from 10.77.0.${host}`),
  ],
  ['ping, and no other type', ['out 1/2048 10.77.0.1'], ['out icmp 8 to 10.77.0.1']],
  [
    'multicast of the device',
    ['out 17/5353 224.0.0.251', 'out 17/5353 ff02::fb'],
    ['out udp 5353 to 224.0.0.251', 'out udp 5353 to ff02::fb'],
  ],
  [
    'DHCP, neighbour discovery and IGMP pass anyway',
    ['out 17/67 10.77.0.1', 'out 58/34560 ff02::1', 'out 2 224.0.0.22', 'out 17/547 ff02::1:2'],
    [],
  ],
  [
    'what no entry can name',
    ['out 89 10.77.0.1', 'out 17/67 255.255.255.255', 'out 17/9 255.255.255.255'],
    [],
  ],
];

t.test('entries are no wider than what was seen', (t) => {
  for (const [what, habits, entries] of TABLE)
    t.same(entriesOf(habits.map((text) => habitOf(text))), entries, what);
  t.end();
});

t.test('passing ports are a range from the fifth on, a port used often stays one', (t) => {
  const passive = (count: number): Habit[] =>
    Array.from({ length: count }, (_, index) =>
      habitOf(`out 6/${50_000 + index * 7} 10.77.0.1`, { count: 1 }),
    );
  t.equal(entriesOf(passive(4)).length, 4);
  t.same(entriesOf([...passive(5), habitOf('out 6/5100 10.77.0.1')]), [
    'out tcp 49152-65535 to 10.77.0.1',
    'out tcp 5100 to 10.77.0.1',
  ]);
  const named = passive(5).map((one) => ({ ...one, names: ['ftp.example'] }));
  t.same(entriesOf(named), ['out tcp 49152-65535 to 10.77.0.1'], 'a name cannot carry a range of thousands');
  t.end();
});

t.test('a name rather than an address, with the resolvers and domains that it needs', (t) => {
  const cloud = ['198.51.100.1', '198.51.100.2'].map((peer) =>
    habitOf(`out 6/443 ${peer}`, { names: ['cloud.example'] }),
  );
  const inside = habitOf('out 6/11112 10.77.0.7', { names: ['pacs.ward.example'] });
  const odd = ['x', 'bad_.example', '*.example', `${'a'.repeat(64)}.example`].map((name, index) =>
    habitOf(`out 6/80 198.51.100.${10 + index}`, { names: [name] }),
  );
  const set = propose(input([...cloud, inside]));
  t.same(set.proposals.map(({ entry }) => serviceOf(entry)).sort(), [
    'out tcp 11112 to name pacs.ward.example',
    'out tcp 443 to name cloud.example',
  ]);
  t.same([set.resolvers, set.domains], [['10.77.0.53'], ['pacs.ward.example']]);
  t.notMatch(entriesOf(odd).join(), /name/);
  const text = mergeProposal(POLICY, set, OPTIONS);
  const parsed = parsePolicy(text);
  t.ok(parsed.ok, text);
  t.match(text, /looked up as cloud\.example: 198\.51\.100\.1, 198\.51\.100\.2/);
  t.match(text, /# written by hand[^]*# bed 4/, 'what a person wrote stays');
  t.end();
});

t.test('the doubtful come first, with their reasons', (t) => {
  const set = propose(
    input([
      habitOf('out 6/80 10.77.0.1'),
      habitOf('in 6/22 198.51.100.9', { count: 1 }),
      habitOf('out 6/9999 10.77.0.1', { packetsIn: 10 }),
      habitOf('out 6/443 198.51.100.1'),
    ]),
  );
  t.match(
    set.proposals.map(({ entry, doubts }) => [serviceOf(entry), doubts.map(({ text }) => text).join('; ')]),
    [
      ['in tcp 22 from 198.51.100.9', /^opened to the device from outside.*seen once.*commands the device/],
      ['out tcp 9999 to 10.77.0.1', 'nobody ever answered'],
      ['out tcp 443 to 198.51.100.1', /no name/],
      ['out tcp 80 to 10.77.0.1', ''],
    ],
  );
  t.end();
});

/** A finding, a habit, and whether the habit is left out for it. */
const SUSPECTS: readonly (readonly [
  what: string,
  finding: Partial<Finding>,
  habit: string,
  more: Partial<Habit>,
  isLeftOut: boolean,
])[] = [
  [
    'a scanner of the network',
    { peer: '10.77.0.9', evidence: { from: 'network', ports: [1, 2, 3] } },
    'in 6/4711 10.77.0.9',
    {},
    true,
  ],
  [
    'what the device opens to it',
    { peer: '10.77.0.9', evidence: { from: 'network' } },
    'out 6/104 10.77.0.9',
    {},
    false,
  ],
  ['another peer', { peer: '10.77.0.9', evidence: { from: 'network' } }, 'in 6/2575 10.77.0.8', {}, false],
  [
    'a finding about another device',
    { device: 'pump-2', peer: '10.77.0.9' },
    'in 6/2575 10.77.0.9',
    {},
    false,
  ],
  [
    'the device by its MAC',
    { device: null, deviceMac: '02:00:00:00:00:0a', peer: '10.77.0.9' },
    'in 6/2575 10.77.0.9',
    {},
    true,
  ],
  [
    'a sweep: what began with it',
    { detector: 'hostSweep', evidence: { from: 'device', windowSeconds: 60 } },
    'out 6/80 10.77.0.30',
    { firstMs: MONDAY_MS + DAY_MS + 1_000 },
    true,
  ],
  [
    'a sweep: what was there before',
    { detector: 'hostSweep', evidence: { from: 'device', windowSeconds: 60 } },
    'out 6/80 10.77.0.30',
    {},
    false,
  ],
  [
    'a worm on one service: another service',
    { detector: 'wormSpread', evidence: { service: 'tcp/445' } },
    'out 6/80 10.77.0.30',
    { firstMs: MONDAY_MS + DAY_MS },
    false,
  ],
  [
    'the wrong protocol on a port',
    { detector: 'protocolMismatch', peer: '10.77.0.9', evidence: { port: 443, from: 'device' } },
    'out 6/443 10.77.0.9',
    {},
    true,
  ],
  [
    'a peer that had stopped before',
    { peer: '10.77.0.9' },
    'in 6/2575 10.77.0.9',
    { lastMs: MONDAY_MS },
    false,
  ],
  [
    'a device that fell silent',
    { detector: 'deviceSilent' },
    'out 6/80 10.77.0.1',
    { firstMs: MONDAY_MS + DAY_MS },
    false,
  ],
];

t.test('what a finding is about is left out, and shown', (t) => {
  for (const [what, finding, text, more, isLeftOut] of SUSPECTS) {
    const set = propose(input([habitOf(text, more)], [findingOf(finding)]));
    t.equal(set.proposals.length, isLeftOut ? 0 : 1, what);
    t.match(set.leftOut, isLeftOut ? [{ reason: 'finding', text: 'a scan' }] : [], what);
    if (isLeftOut)
      t.match(
        mergeProposal(POLICY, set, OPTIONS),
        /# left out: .*\n +# +a scan\n.*\n +# +- \{ direction/,
        what,
      );
  }
  t.end();
});

t.test('what the list permits already is not told as left out, but as permitted and with a finding', (t) => {
  const sweep = { detector: 'hostSweep', evidence: { from: 'device', windowSeconds: 60 } } as const;
  const began = { firstMs: MONDAY_MS + DAY_MS + 1_000 };
  const habits = [104, 105].map((port) => habitOf(`out 6/${port} 10.77.0.1`, began));
  const set = propose(input(habits, [findingOf(sweep)]));
  t.match(set.proposals, []);
  t.match(set.leftOut, [
    { reason: 'finding-listed', habits: [{ port: 104 }], entry: null },
    { reason: 'finding', habits: [{ port: 105 }], entry: { ports: ['105'] } },
  ]);
  const text = mergeProposal(POLICY, set, OPTIONS);
  t.match(text, /# permitted already, and a finding is about it: out tcp\/104 to 10\.77\.0\.1\n +# +a scan/);
  t.match(text, /# left out: out tcp\/105 to 10\.77\.0\.1\n/);
  t.end();
});

t.test('a scan is left out as one, not port by port', (t) => {
  const scanned = [21, 22, 23, 25, 80, 443, 445, 8080].map((port) =>
    habitOf(`in 6/${port} 10.77.0.9`, { count: 1 }),
  );
  const set = propose(input(scanned, [findingOf({ peer: '10.77.0.9', evidence: { from: 'network' } })]));
  t.match(set.leftOut, [{ reason: 'finding', habits: { length: 8 }, entry: null }]);
  t.match(
    mergeProposal(POLICY, set, OPTIONS),
    /# left out: in tcp\/21, .* and 2 more from 10\.77\.0\.9\n.*a scan\n.*seen 8 times/,
  );
  t.end();
});

t.test('brackets stay as people write them', (t) => {
  const set = propose(input([habitOf('out 6/80 10.77.0.1')]));
  const text = mergeProposal(POLICY, set, OPTIONS);
  for (const line of POLICY.split('\n')) t.ok(text.includes(line.trimEnd()), line);
  t.match(text, /ports: \[80\]/);
  t.end();
});

t.test('a connection whose beginning was not seen is not proposed', (t) => {
  const set = propose(input([habitOf('in 6/51234 10.77.0.1', { count: 2, midstream: 2 })]));
  t.match(set, { proposals: [], leftOut: [{ reason: 'middle' }] });
  t.end();
});

t.test('entries of the policy that nothing needed are told', (t) => {
  t.same(propose(input([])).existing, [{ index: 0, connections: 0 }]);
  t.same(propose(input([habitOf('out 6/104 10.77.0.1')])).existing, [{ index: 0, connections: 10 }]);
  t.end();
});

t.test('a device that the policy does not have is written with its MAC, watched only', (t) => {
  const set = propose({ ...input([habitOf('out 6/104 10.77.0.1')]), name: 'scale-1' });
  const parsed = parsePolicy(mergeProposal('version: 1\nsite: { name: x }\n', set, OPTIONS));
  t.match(parsed, {
    ok: true,
    policy: { devices: { 'scale-1': { mode: 'observe', allow: { length: 1 } } } },
  });
  t.end();
});

t.test(
  'whatever was looked up and found, the result is a policy that permits what was proposed and nothing else',
  (t) => {
    const nasty = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.constantFrom('a\n- x: y', '"', '# x', '*a', 'a: b', '\u2028x', 'pacs.example'),
    );
    const peer = fc.constantFrom(
      '10.77.0.1',
      '10.77.0.11',
      'fd77::1',
      '198.51.100.1',
      '224.0.0.251',
      '255.255.255.255',
      'ff02::1',
      'nonsense',
    );
    const one = fc.record({
      peer,
      direction: fc.constantFrom('out' as const, 'in' as const),
      protocol: fc.constantFrom(1, 2, 6, 17, 58, 89, 132),
      port: fc.option(fc.integer({ min: 0, max: 65_535 })),
      count: fc.integer({ min: 1, max: 3 }),
      names: fc.array(nasty, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), nasty, (some, title) => {
        const habits = some.map((more) => habitOf('out 6/1 10.0.0.1', more));
        const set = propose(input(habits, [findingOf({ title, peer: '198.51.100.1' })]));
        const parsed = parsePolicy(mergeProposal(POLICY, set, OPTIONS));
        if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
        const allow = parsed.policy.devices['pump-1']?.allow ?? [];
        for (const { entry } of set.proposals) if (!/^\{ direction/.test(entryText(entry))) return false;
        return allow.length === 1 + set.proposals.length && allow.every(({ peer: to }) => to !== 'any');
      }),
      { numRuns: 500 },
    );
    t.end();
  },
);

t.test('addresses of a proposal are those that were seen', (t) => {
  const { proposals } = propose(input([habitOf('out 6/80 10.77.0.1')]));
  t.match(proposals[0]?.evidence, { peers: ['10.77.0.1'], openedBy: 'device', count: 10, bytesOut: 1_000 });
  t.ok(parseAddress(proposals[0]?.evidence.peers[0] ?? ''));
  t.end();
});
