/** Templates and site variables: one reviewed list for all devices of a kind, at sites that differ. */
import t from 'tap';
import { diffPolicies } from '../../../agent/policy/diff-policy.js';
import { endpointOf, explain } from '../../../agent/policy/explain.js';
import { parseAddress } from '../../../agent/policy/address.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import { siteVariables, type Policy, type SiteVariables } from '../../../agent/policy/schema.js';
import { changedVariables, readVariables, writeVariables } from '../../../agent/policy/site-variables.js';
import { compileRuleset } from '../../../agent/ruleset/compile-ruleset.js';
import { bridge } from '../ruleset/support.js';

const WARD = `version: 1
site:
  name: Ward
  variables:
    pacs: [{ address: 10.20.0.5 }, { address: "fd20::5" }]
    ehr: [{ network: 10.20.8.0/24 }]
templates:
  base:
    allow:
      - { direction: out, peer: $ehr, protocol: tcp, ports: [2575], essential: true, why: orders }
  infusion-pump:
    extends: [base]
    allow:
      - { direction: out, peer: $pacs, protocol: tcp, ports: [104], why: dose records }
devices:
  pump-1:
    identity: { macs: ["02:00:00:00:00:0a"], addresses: [10.77.0.10, "fd77::10"] }
    mode: enforce
    template: infusion-pump
    allow:
      - { direction: out, peer: { address: 10.20.0.9 }, protocol: udp, ports: [123], why: time }
  pump-2:
    identity: { macs: ["02:00:00:00:00:0b"], addresses: [10.77.0.11] }
    mode: enforce
    template: infusion-pump
`;

function policyOf(text: string, variables: SiteVariables = {}): Policy {
  const parsed = parsePolicy(text, variables);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.policy;
}

function problemsOf(text: string): readonly string[] {
  const parsed = parsePolicy(text);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
}

const decidedBy = (policy: Policy, to: string, protocol: number, port: number): string | undefined => {
  const [from, peer] = [parseAddress(to.includes(':') ? 'fd77::10' : '10.77.0.10'), parseAddress(to)];
  if (!from || !peer) throw new Error(to);
  const query = { from: endpointOf(policy, from), to: endpointOf(policy, peer), protocol, port };
  return explain(policy, query).judgements[0]?.entry?.path;
};

t.test('a device has the entries of its template, those that it extends first, and its own', (t) => {
  const policy = policyOf(WARD);
  t.equal(decidedBy(policy, '10.20.8.7', 6, 2575), 'templates.base.allow[0]');
  t.equal(decidedBy(policy, '10.20.0.5', 6, 104), 'templates.infusion-pump.allow[0]');
  t.equal(decidedBy(policy, 'fd20::5', 6, 104), 'templates.infusion-pump.allow[0]', 'over IPv6 too');
  t.equal(decidedBy(policy, '10.20.0.9', 17, 123), 'devices.pump-1.allow[0]');
  t.equal(decidedBy(policy, '10.20.0.5', 6, 105), undefined);
  t.equal(policy.devices['pump-2']?.allow.length, 2);
  t.end();
});

t.test(
  'the ruleset says where an entry was written, and the essential ones are there for each device',
  (t) => {
    const { tables } = compileRuleset({ policy: policyOf(WARD), config: bridge });
    const elements = (name: string) =>
      tables.flatMap(({ sets }) => sets.filter((set) => set.name === name).flatMap((set) => set.elements));
    t.same([...new Set(elements('allow4').map(({ comment }) => comment))].sort(), [
      'policy devices.pump-1.allow[0]',
      'policy templates.infusion-pump.allow[0]',
    ]);
    t.same(
      elements('essential4_ranges').map(({ comment }) => comment),
      ['policy templates.base.allow[0]', 'policy templates.base.allow[0]'],
    );
    t.end();
  },
);

t.test('the box says what a variable is here, before the policy does', (t) => {
  const address = parseAddress('192.0.2.5');
  if (!address) throw new Error('never');
  const there = policyOf(WARD, { pacs: [{ address }] });
  t.equal(decidedBy(there, '192.0.2.5', 6, 104), 'templates.infusion-pump.allow[0]');
  t.equal(decidedBy(there, '10.20.0.5', 6, 104), undefined);
  t.equal(decidedBy(there, '10.20.8.7', 6, 2575), 'templates.base.allow[0]', 'the other is as it was');
  t.end();
});

t.test('what is wrong is told once, where it is written', (t) => {
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'an unknown variable',
      'peer: $pacs',
      'peer: $pasc',
      /^templates\.infusion-pump\.allow\[0\]\.peer: nobody has said what \$pasc is here/,
    ],
    [
      'an unknown template',
      'template: infusion-pump',
      'template: infusion-pumps',
      /^devices\.pump-1\.template: there is no template "infusion-pumps"/,
    ],
    [
      'an unknown one to extend',
      'extends: [base]',
      'extends: [basis]',
      /^templates\.infusion-pump\.extends\[0\]: there is no template "basis"/,
    ],
    [
      'one that extends itself',
      '  base:\n',
      '  base:\n    extends: [infusion-pump]\n',
      /^templates\.\S+\.extends\[0\]: "\S+" extends itself, by way of/,
    ],
    [
      'ports that a protocol has not',
      'protocol: tcp, ports: [104]',
      'protocol: icmp, ports: [104]',
      /^templates\.infusion-pump\.allow\[0\]\.ports: icmp has no ports/,
    ],
    [
      'a group that is not there',
      'peer: $pacs',
      'peer: { group: pacs }',
      /^templates\.infusion-pump\.allow\[0\]\.peer\.group: there is no group "pacs"/,
    ],
    [
      'the same in a device',
      'peer: { address: 10.20.0.9 }, protocol: udp, ports: [123]',
      'peer: $pacs, protocol: tcp, ports: [104]',
      /^devices\.pump-1\.allow\[0\]: permits the same as templates\.infusion-pump\.allow\[0\]/,
    ],
    [
      'a variable of another alphabet',
      'peer: $pacs',
      'peer: $PACS',
      /^templates\.infusion-pump\.allow\[0\]\.peer: write "any", a variable/,
    ],
  ];
  for (const [what, from, to, wanted] of cases) {
    const problems = problemsOf(WARD.replace(from, to));
    t.equal(problems.length, 1, `${what}: ${problems.join('; ')}`);
    t.match(problems[0], wanted, what);
  }
  t.end();
});

t.test('templates that extend one another in a ring, or a chain of many, are bounded work', (t) => {
  const ring = Array.from({ length: 300 }, (_, at) => `  t${at}: { extends: [t${(at + 1) % 300}] }\n`);
  t.equal(problemsOf(`version: 1\nsite: { name: x }\ntemplates:\n${ring.join('')}`).length, 1);
  const entry = (port: number): string =>
    `{ direction: out, peer: any, protocol: tcp, ports: [${port}], why: x }`;
  const chain = Array.from({ length: 900 }, (_, at) => {
    const entries = [entry(at * 2 + 1), entry(at * 2 + 2)].join(', ');
    return `  t${at}: { extends: [${at === 0 ? '' : `t${at - 1}`}], allow: [${entries}] }\n`;
  });
  const [first] = problemsOf(`version: 1\nsite: { name: x }\ntemplates:\n${chain.join('')}`);
  t.match(first, /^templates\.t\d+: \d+ entries with those that it extends, above 1000/);
  t.end();
});

t.test('a difference is told where it is written, not in every device', (t) => {
  const before = policyOf(WARD);
  const changed = (from: string, to: string) =>
    diffPolicies(before, policyOf(WARD.replace(from, to))).map(({ path, kind, widens }) => [
      path,
      kind,
      widens,
    ]);
  t.same(changed('ports: [104]', 'ports: [104, 11112]'), [
    ['templates.infusion-pump.allow[0]', 'removed', false],
    ['templates.infusion-pump.allow[0]', 'added', true],
  ]);
  t.same(changed('10.20.0.5 }', '10.20.0.6 }'), [['site.variables.pacs', 'changed', true]]);
  t.same(changed('    template: infusion-pump\n    allow', '    allow'), [
    ['devices.pump-1.template', 'removed', false],
  ]);
  t.end();
});

t.test(
  "which variables of the box would stand for something else now: those that a device's list uses",
  (t) => {
    const own = (written: object): SiteVariables => siteVariables.parse(written);
    const members = [{ address: '10.20.0.6' }, { network: '10.20.9.0/24' }, { name: 'pacs.example' }];
    const policy = policyOf(WARD, own({ pacs: members, unused: members }));
    const changed = (written: object): readonly string[] => changedVariables(policy, own(written));
    t.same(changed({ pacs: members }), [], 'one that nobody uses is not missed');
    t.same(changed({ pacs: members.slice(1) }), ['pacs']);
    t.same(changed({}), ['pacs'], "gone: the policy's own would count");
    t.same(changed({ pacs: members, ehr: [] }), ['ehr'], "come: it would count before the policy's own");
    t.same(changed({ pacs: members, ehr: [{ network: '10.20.8.0/24' }] }), [], 'the same as there');
    const withAnother = policyOf(WARD.replace('$pacs', '$constructor'), own({ constructor: members }));
    t.same(changedVariables(withAnother, own({})), ['constructor']);
    t.same(readVariables(writeVariables(own({ pacs: members }))), own({ pacs: members }));
    t.end();
  },
);
