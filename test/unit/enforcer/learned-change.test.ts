import t from 'tap';
import { learnedChange } from '../../../agent/enforcer/learned-change.js';
import { boxConfig } from '../../../agent/policy/config.js';
import { parseAddress, type Address } from '../../../agent/policy/address.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import type { LearnedAddresses } from '../../../agent/policy/resolve-peers.js';
import { assignIds, NO_IDS } from '../../../agent/ruleset/assign-ids.js';
import { compileRuleset } from '../../../agent/ruleset/compile-ruleset.js';
import { diffRulesets } from '../../../agent/ruleset/diff-ruleset.js';
import { shapeOf, withPartChanged } from '../../../agent/ruleset/ruleset-shape.js';

const POLICY = `
version: 1
site: { name: Ward }
devices:
  alone:
    identity: { macs: ['02:00:00:00:00:01'] }
    mode: enforce
    allow: [{ direction: out, peer: { address: 10.0.0.5 }, protocol: tcp, ports: [104], why: x }]
  leased:
    identity: { macs: ['02:00:00:00:00:02'] }
    mode: enforce
    allow: [{ direction: in, peer: { device: viewer }, protocol: tcp, ports: [80], essential: true, why: x }]
  viewer:
    identity: { macs: ['02:00:00:00:00:03'] }
    mode: enforce
    # Overlapping, with and without the learnt addresses: the pieces depend on the whole list.
    allow:
      - { direction: out, peer: { device: leased }, protocol: any, why: x }
      - { direction: out, peer: { device: other }, protocol: icmp, why: x }
      - { direction: out, peer: { network: 10.0.0.0/8 }, protocol: any, why: x }
      - { direction: out, peer: { device: leased }, protocol: tcp, ports: [1-1000], why: x }
  other:
    identity: { macs: ['02:00:00:00:00:04'], addresses: [10.9.9.9] }
    mode: shadow
    allow: [{ direction: out, peer: { device: alone }, protocol: tcp, ports: [22], why: x }]
`;

const parsed = parsePolicy(POLICY);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
const { policy } = parsed;
const config = boxConfig.parse({ box: 'b', devicePorts: ['dev0'], networkPorts: ['net0'] });
const ids = assignIds(Object.keys(policy.devices), NO_IDS);

function learnt(devices: Readonly<Record<string, readonly string[]>>): LearnedAddresses {
  return new Map(
    Object.entries(devices).map(([device, texts]) => [
      device,
      texts.map(parseAddress).filter((address): address is Address => address !== null),
    ]),
  );
}

function sorted(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split('\n')
    .map((line) => {
      const [head = '', elements = ''] = line.split(' { ');
      return `${head} ${elements.replace(' }', '').split(', ').sort().join(', ')}`;
    })
    .sort();
}

const first = learnt({ viewer: ['10.0.0.20'] });
const cases: readonly (readonly [string, LearnedAddresses, LearnedAddresses, readonly string[]])[] = [
  [
    'of a device that others name',
    first,
    learnt({ viewer: ['10.0.0.20'], leased: ['10.0.0.7'] }),
    ['leased'],
  ],
  ['in both families', first, learnt({ viewer: ['10.0.0.20'], leased: ['10.0.0.7', 'fd00::7'] }), ['leased']],
  ['of a device that nobody names', first, learnt({ viewer: ['10.0.0.21', 'fd00::9'] }), ['viewer']],
  ['of two at once', first, learnt({ viewer: ['10.0.0.22'], alone: ['10.0.0.1'] }), ['viewer', 'alone']],
];

for (const [what, before, after, devices] of cases)
  t.test(`an address learnt ${what} changes what compiling everything would change`, (t) => {
    const source = { policy, config, ids, generation: 3 };
    const whole = [before, after].map((learned) => compileRuleset({ ...source, learned }));
    const [old, next] = whole;
    if (!old || !next) throw new Error('two were compiled');
    const change = learnedChange({ ...source, learned: before }, after, new Set(devices));
    t.same(sorted(change?.text), sorted(diffRulesets(old, next)?.text));
    if (!change) return;
    t.same(
      withPartChanged(shapeOf(old), change.before, change.after),
      shapeOf(next),
      'and counts what it counts',
    );
    t.end();
  });
