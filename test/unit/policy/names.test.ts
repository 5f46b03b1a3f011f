/** Host names in a policy: what is refused, with the path and the way out; what explain and diff say of them. */
import t from 'tap';
import { parseAddress, type Address } from '../../../agent/policy/address.js';
import { diffPolicies } from '../../../agent/policy/diff-policy.js';
import { endpointOf, explain, type Endpoint } from '../../../agent/policy/explain.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import { policyOf } from '../ruleset/support.js';

function ward(site: string, entry: string, groups = ''): string {
  return `version: 1
site: { name: Ward 3${site} }
${groups}
devices:
  pump-1:
    identity: { macs: ["02:00:00:00:00:0a"], addresses: [10.77.0.10] }
    mode: enforce
    allow:
      - { direction: out, why: x, ${entry} }
`;
}

const RESOLVERS = ', resolvers: [10.77.0.53]';
const PACS = 'peer: { name: pacs.hospital.example }, protocol: tcp, ports: [104]';
const GROUP = 'peer: { group: pacs }, protocol: tcp, ports: [104]';

t.test('problems with their path and hint', (t) => {
  for (const [text, path, message, hint] of [
    [ward('', PACS), 'devices.pump-1.allow[0].peer.name', /without resolvers/, /site\.resolvers/],
    [
      ward(RESOLVERS, PACS.replace('pacs', '"*').replace('example', 'example"')),
      'devices.pump-1.allow[0].peer.name',
      /allows no wildcards/,
      /wildcardNames: true/,
    ],
    [
      ward(RESOLVERS, PACS.replace('pacs.hospital.example', '10.20.0.5')),
      'devices.pump-1.allow[0].peer.name',
      /under "address"/,
      /^$/,
    ],
    [
      ward(RESOLVERS, 'peer: { name: pacs.example }, protocol: any'),
      'devices.pump-1.allow[0].protocol',
      /one protocol/,
      /each protocol/,
    ],
    [
      ward(RESOLVERS, 'peer: { name: pacs.example }, protocol: tcp, ports: ["1000-2000"]'),
      'devices.pump-1.allow[0].ports',
      /1001 ports, more than 256/,
      /1-65535/,
    ],
    [
      ward(RESOLVERS, PACS.replace('pacs.hospital.example', 'servers'), 'groups: { servers: [] }'),
      'devices.pump-1.allow[0].peer.name',
      /is a group of this policy/,
      /\{ group: servers \}/,
    ],
    [
      ward('', GROUP, 'groups: { pacs: [{ name: a.example }] }'),
      'groups.pacs[0].name',
      /without resolvers/,
      /./,
    ],
    [
      ward(RESOLVERS, GROUP, 'groups: { pacs: [{ name: a.example }, { name: A.EXAMPLE. }] }'),
      'groups.pacs[1]',
      /is also groups\.pacs\[0\]/,
      /^$/,
    ],
    [ward(', resolvers: [127.0.0.1]', PACS), 'site.resolvers[0]', /loopback/, /^$/],
    [
      ward(', resolvers: [10.0.0.1, 10.0.0.1]', PACS),
      'site.resolvers[1]',
      /is also site\.resolvers\[0\]/,
      /^$/,
    ],
    [ward(', resolvers: [dns.example]', PACS), 'site.resolvers[0]', /not an IPv4 or IPv6 address/, /^$/],
    [ward(`${RESOLVERS}, domains: ["*.example"]`, PACS), 'site.domains[0]', /no wildcard here/, /^$/],
  ] as const) {
    const parsed = parsePolicy(text);
    const problems = parsed.ok ? [] : parsed.problems;
    t.match(problems, [{ path, message }], path);
    t.match(problems[0]?.hint ?? '', hint);
    t.equal(problems.length, 1, JSON.stringify(problems));
  }
  t.end();
});

t.test(
  'what is right: any case, a dot at the end, wildcards where the site says so, all ports, no ports',
  (t) => {
    for (const [site, entry, groups] of [
      [RESOLVERS, PACS.replace('pacs', 'PACS').replace('example', 'Example.')],
      [`${RESOLVERS}, wildcardNames: true`, PACS.replace('pacs', '"*').replace('example', 'example"')],
      [RESOLVERS, 'peer: { name: pacs.example }, protocol: tcp, ports: [1-65535]'],
      [RESOLVERS, 'peer: { name: pacs.example }, protocol: icmp'],
      [`${RESOLVERS}, domains: [hospital.example]`, PACS],
      [RESOLVERS, GROUP, 'groups: { pacs: [{ name: a.example }, { address: 10.9.9.9 }] }'],
    ] as const) {
      const parsed = parsePolicy(ward(site, entry, groups));
      t.same(parsed.ok ? [] : parsed.problems, [], entry);
    }
    t.end();
  },
);

const policy = policyOf(ward(RESOLVERS, PACS));
const at = (text: string): Address => parseAddress(text) ?? { family: 4, text: 'never' };
const query = (to: Endpoint, port = 104) => ({
  from: endpointOf(policy, at('10.77.0.10')),
  to,
  protocol: 6,
  port,
});

t.test('explain: by name, by an address that is known to be its, and by one that may be', (t) => {
  const byName = (name: string): Endpoint => ({ address: at('0.0.0.0'), device: null, name });
  t.match(explain(policy, query(byName('pacs.hospital.example'))), {
    verdict: 'permit',
    judgements: [{ entry: { path: 'devices.pump-1.allow[0]' } }],
  });
  t.match(explain(policy, query(byName('other.hospital.example'))), {
    verdict: 'refuse',
    judgements: [{ ifNamed: [], wouldAllow: /peer: \{ name: "other\.hospital\.example" \}/ }],
  });
  const byAddress = query(endpointOf(policy, at('10.20.0.5')));
  t.match(explain(policy, byAddress), {
    verdict: 'refuse',
    judgements: [{ ifNamed: [{ path: 'devices.pump-1.allow[0]', names: ['pacs.hospital.example'] }] }],
  });
  t.match(
    explain(policy, byAddress, new Map(), (device, name) =>
      device === 'pump-1' && name === 'pacs.hospital.example' ? [at('10.20.0.5')] : [],
    ),
    { verdict: 'permit', judgements: [{ entry: { path: 'devices.pump-1.allow[0]' } }] },
  );
  t.match(explain(policy, query(endpointOf(policy, at('10.20.0.5')), 105)), {
    verdict: 'refuse',
    judgements: [{ ifNamed: [] }],
  });
  t.end();
});

t.test('diff: names, resolvers and wildcards widen', (t) => {
  const after = policyOf(
    ward(
      ', resolvers: [10.77.0.53, 10.77.0.54], wildcardNames: true, domains: [hospital.example]',
      PACS.replace('pacs', 'ehr'),
    ),
  );
  t.match(diffPolicies(policy, after), [
    { path: 'site.resolvers', widens: true, after: '["10.77.0.53","10.77.0.54"]' },
    { path: 'site.domains', widens: true },
    { path: 'site.wildcardNames', before: 'false', after: 'true', widens: true },
    { path: 'devices.pump-1.allow[0]', before: /to pacs\.hospital\.example/, widens: false },
    { path: 'devices.pump-1.allow[0]', after: /to ehr\.hospital\.example/, widens: true },
  ]);
  t.match(diffPolicies(after, policy).slice(0, 3), [{ widens: false }, { widens: false }, { widens: false }]);
  t.end();
});
