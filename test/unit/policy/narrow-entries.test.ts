/** Entries that name source ports, ICMP types or one family: what they permit, and what of them is refused to be read. */
import fc from 'fast-check';
import t from 'tap';
import { addressBytes, parseAddress } from '../../../agent/policy/address.js';
import { createEntryMatcher } from '../../../agent/policy/match-entry.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import { NOTHING_LEARNED } from '../../../agent/policy/resolve-peers.js';
import type { Policy } from '../../../agent/policy/schema.js';
import { assignIds, NO_IDS } from '../../../agent/ruleset/assign-ids.js';
import { compileRuleset } from '../../../agent/ruleset/compile-ruleset.js';
import { createElementEvaluator } from '../../../agent/ruleset/evaluate-elements.js';
import { bridge } from '../ruleset/support.js';

const policyText = (...entries: readonly string[]): string => `version: 1
site: { name: x, resolvers: [10.0.0.53] }
devices:
  thing:
    identity: { macs: ["02:00:00:00:00:0a"] }
    mode: enforce
    allow:
${entries.map((entry) => `      - { ${entry}, why: x }\n`).join('')}`;

function policyOf(...entries: readonly string[]): Policy {
  const parsed = parsePolicy(policyText(...entries));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.policy;
}

const ENTRIES = [
  'direction: out, peer: { network: 10.0.0.0/8 }, protocol: udp, ports: [100, "200-300"], sourcePorts: ["90-110", 250]',
  'direction: out, peer: { network: 10.0.0.0/9 }, protocol: udp, ports: ["95-105"], sourcePorts: ["100-120"]',
  'direction: in, peer: any, protocol: tcp, ports: [100], sourcePorts: [100], family: ipv6',
  'direction: out, peer: any, protocol: icmp, icmpTypes: [8, "13/0"]',
  'direction: in, peer: { address: "fd00::1" }, protocol: icmpv6, icmpTypes: ["128/0"], essential: true',
  'direction: out, peer: any, protocol: tcp, ports: [100], family: ipv4',
];

t.test('the elements mean what the entries mean, for random connections', (t) => {
  const policy = policyOf(...ENTRIES);
  const evaluate = createElementEvaluator(compileRuleset({ policy, config: bridge }));
  const id = assignIds(['thing'], NO_IDS).get('thing') ?? 0;
  const matcher = createEntryMatcher(policy, NOTHING_LEARNED);
  const port = fc.oneof(
    fc.integer({ min: 88, max: 125 }),
    fc.integer({ min: 195, max: 305 }),
    fc.constantFrom(1, 65_535),
  );
  const connection = fc.record({
    opened: fc.boolean(),
    protocol: fc.constantFrom(1, 6, 17, 17, 58),
    peer: fc.constantFrom('10.0.0.1', '10.127.255.255', '10.128.0.0', '11.0.0.0', 'fd00::1', 'fd00::2'),
    port,
    source: fc.oneof(
      port,
      fc.constantFrom(8 * 256, 8 * 256 + 3, 13 * 256, 13 * 256 + 1, 128 * 256, 128 * 256 + 1, 0),
      fc.constant(null),
    ),
  });
  let permitted = 0;
  fc.assert(
    fc.property(connection, ({ peer, ...rest }) => {
      const address = parseAddress(peer);
      if (!address) return false;
      const entry = matcher('thing', { ...rest, peer: addressBytes(address) }, false);
      if (entry !== null) permitted += 1;
      return (evaluate({ ...rest, deviceId: id, peer: address }) === null) === (entry === null);
    }),
    { numRuns: 6_000 },
  );
  t.ok(permitted > 30, `${permitted} permitted`);
  t.end();
});

t.test('what narrows nothing, or cannot, is a problem', (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      'direction: out, peer: any, protocol: icmp, sourcePorts: [5]',
      /allow\[0\]\.sourcePorts: icmp has no ports/,
    ],
    [
      'direction: out, peer: any, protocol: tcp, ports: [5], icmpTypes: [8]',
      /allow\[0\]\.icmpTypes: tcp has no ICMP types/,
    ],
    [
      'direction: out, peer: any, protocol: icmp, icmpTypes: [256]',
      /icmpTypes\[0\]: "256" is not an ICMP type/,
    ],
    [
      'direction: out, peer: any, protocol: icmp, icmpTypes: ["8/300"]',
      /icmpTypes\[0\]: "8\/300" is not an ICMP type/,
    ],
    [
      'direction: out, peer: any, protocol: icmp, family: ipv6',
      /allow\[0\]\.family: the entry is about IPv4 already/,
    ],
    ['direction: out, peer: { address: 10.0.0.1 }, protocol: gre, family: ipv6', /allow\[0\]\.family/],
    [
      'direction: out, peer: { name: a.example }, protocol: udp, ports: [5], sourcePorts: [5]',
      /allow\[0\]\.sourcePorts: cannot go with a name/,
    ],
  ];
  for (const [entry, wanted] of cases) {
    const parsed = parsePolicy(policyText(entry));
    t.match(
      parsed.ok ? '' : parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'),
      wanted,
      entry,
    );
  }
  t.ok(
    parsePolicy(
      policyText(ENTRIES[5] ?? '', 'direction: out, peer: any, protocol: tcp, ports: [100], family: ipv6'),
    ).ok,
    'two families are two entries',
  );
  t.end();
});
