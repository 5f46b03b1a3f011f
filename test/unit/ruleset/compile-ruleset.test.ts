import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import type { BoxConfig } from '../../../agent/policy/config.js';
import { compileRuleset } from '../../../agent/ruleset/compile-ruleset.js';
import { diffRulesets } from '../../../agent/ruleset/diff-ruleset.js';
import { renderRuleset } from '../../../agent/ruleset/render-ruleset.js';
import type { Ruleset } from '../../../agent/ruleset/ruleset.js';
import { bridge, policyOf, router, WARD } from './support.js';
import { fromRoot } from '../../root.js';

const golden = (name: string): string => fromRoot(`test/golden/${name}.nft`);

for (const [name, text, config] of [
  ['ward-bridge', WARD, bridge],
  ['ward-router', WARD, router],
  ['no-devices-bridge', 'version: 1\nsite: { name: x }\n', bridge],
] as const) {
  t.test(`the ruleset of ${name} is the reviewed one (UPDATE_GOLDEN=1 writes it anew)`, (t) => {
    const rendered = renderRuleset(compileRuleset({ policy: policyOf(text), config }));
    const file = golden(name);
    if (process.env['UPDATE_GOLDEN'] !== undefined || !existsSync(file)) writeFileSync(file, rendered);
    t.equal(rendered, readFileSync(file, 'utf8'));
    t.end();
  });
}

t.test('what is only checked is attached to no hook: the kernel would drop what waits in a queue', (t) => {
  const ruleset = compileRuleset({ policy: policyOf(WARD), config: bridge });
  const [checked, loaded] = (['check', 'replace'] as const).map((how) => renderRuleset(ruleset, { how }));
  t.match(loaded, /filter hook/);
  t.notMatch(checked, /filter hook/);
  t.end();
});

t.test('the number of rules does not depend on the number of devices', (t) => {
  const many = Array.from(
    { length: 500 },
    (_, index) =>
      `  d${index}: { identity: { macs: ["02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}"] }, mode: enforce }\n`,
  );
  const rules = (ruleset: Ruleset): number =>
    ruleset.tables.reduce(
      (sum, table) => sum + table.chains.reduce((inner, chain) => inner + chain.rules.length, 0),
      0,
    );
  const none = compileRuleset({ policy: policyOf('version: 1\nsite: { name: x }\n'), config: bridge });
  const all = compileRuleset({
    policy: policyOf(`version: 1\nsite: { name: x }\ndevices:\n${many.join('')}`),
    config: bridge,
  });
  t.equal(rules(all), rules(none));
  t.end();
});

t.test('IPv6 has a twin for every rule of the allow-list, of identity and of containment', (t) => {
  const { tables } = compileRuleset({ policy: policyOf(WARD), config: bridge });
  const rules = tables
    .filter((table) => table.family === 'inet')
    .flatMap((table) =>
      table.chains.flatMap((chain) => chain.rules.map((rule) => `${chain.name}: ${rule.text}`)),
    );
  const toSix = (rule: string): string =>
    rule
      .replace(/\bip (s|d)addr\b/g, 'ip6 $1addr')
      .replace('nfproto ipv4', 'nfproto ipv6')
      .replace(/(allow|essential|resolvers|device_by_ip|bindings|fixed_macs|source_ip)4/g, '$16');
  // 0.0.0.0 is one address; its IPv6 counterpart is :: beside link-local ones.
  const v4 = rules.filter((rule) => /\bip (s|d)addr\b/.test(rule) && !rule.includes('0.0.0.0'));
  t.ok(v4.length >= 20, `${v4.length} rules`);
  for (const rule of v4) t.ok(rules.includes(toSix(rule)), toSix(rule));
  t.end();
});

t.test('tagged frames are named by their VLAN, and not at all where the configuration names none', (t) => {
  const text = (config: BoxConfig): string =>
    renderRuleset(compileRuleset({ policy: policyOf(WARD), config }));
  t.notMatch(text(bridge), /vlan/);
  t.match(
    text({ ...bridge, vlans: [10, 20] }),
    /ether type vlan vlan id \{ 10, 20 \} meta protocol \{ ip, ip6 \} accept/,
  );
  t.end();
});

t.test('names are no elements of the ruleset; the resolvers that answer for them are', (t) => {
  const { tables } = compileRuleset({
    policy: policyOf(`version: 1
site: { name: x, resolvers: [10.77.0.53, "fd77::53"] }
devices:
  pump-1:
    identity: { macs: ["02:00:00:00:00:0a"] }
    mode: enforce
    allow: [{ direction: out, peer: { name: pacs.hospital.example }, protocol: tcp, ports: [104], why: x }]
`),
    config: bridge,
  });
  const sets = new Map(tables[0]?.sets.map((set) => [set.name, set]));
  t.same(sets.get('resolvers4')?.elements, [{ key: '10.77.0.53' }]);
  t.same(sets.get('resolvers6')?.elements, [{ key: 'fd77::53' }]);
  for (const name of ['allow4', 'allow4_ranges', 'allow4_names', 'allow6_names_any'])
    t.same(sets.get(name)?.elements, [], name);
  t.end();
});

t.test('a change of one device is a few elements, with comments and without', (t) => {
  const before = compileRuleset({ policy: policyOf(WARD), config: bridge, generation: 1 });
  const after = compileRuleset({
    policy: policyOf(WARD.replace('mode: shadow', 'mode: enforce').replace('10.77.0.11,', '10.77.0.12,')),
    config: bridge,
    generation: 2,
  });
  const change = diffRulesets(before, after);
  t.ok(change);
  t.match(change?.text, /delete element inet cordon generation \{ 1 \}\n/);
  t.match(change?.text, /add element inet cordon generation \{ 2 \}\n/, 'elements that carry no comment too');
  t.match(change?.text, /add element inet cordon bindings4 \{ 02:00:00:00:00:0b \. 10\.77\.0\.12 \}/);
  t.match(change?.text, /delete element inet cordon lenient/);
  t.equal(diffRulesets(before, before)?.text, '', 'nothing differs: nothing to do');
  t.equal(
    diffRulesets(before, compileRuleset({ policy: policyOf(WARD), config: router })),
    null,
    'another mode is not a change of elements',
  );
  t.end();
});
