import t from 'tap';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import { assess, rank, type RiskInput } from '../../../agent/risk/assess.js';
import { guardView } from '../../../agent/risk/guard-view.js';
import { riskLevel } from '../../../agent/risk/scale.js';
import type { Subject } from '../../../agent/risk/subject.js';
import { supportOf } from '../../../agent/risk/support-state.js';
import { OWN_SUPPORT_TABLE } from '../../../agent/risk/support-table.js';

const nowMs = Date.parse('2026-11-24T12:00:00Z');

const subject = (more: Partial<Subject> = {}): Subject => ({
  id: '00:03:b1:00:00:01',
  name: 'pump-1',
  kind: 'infusion pump',
  os: 'Windows XP',
  software: null,
  criticality: { value: 'life-sustaining', source: 'policy' },
  holdsPhi: { value: 'no', source: 'policy' },
  endOfSupport: null,
  services: ['tcp/445', 'tcp/104'],
  speaks: ['SMB', 'HL7'],
  reaches: ['internet'],
  replaceBy: null,
  cost: null,
  compensating: null,
  owner: null,
  vendorSecurity: null,
  vendorSupport: null,
  ...more,
});

const input = (more: Partial<RiskInput> = {}): RiskInput => ({
  subject: subject(),
  support: supportOf('Windows XP', null, OWN_SUPPORT_TABLE, nowMs),
  kev: [],
  findings: [],
  guard: null,
  nowMs,
  ...more,
});

const policyText = (mode: string): string => `version: 1
site: { name: Ward, networks: [10.0.0.0/8] }
groups: { pacs: [{ address: 10.0.0.5 }, { address: 10.0.0.6 }] }
devices:
  pump-1:
    identity: { macs: ["00:03:b1:00:00:01"] }
    mode: ${mode}
    allow:
      - { direction: out, peer: { address: 10.0.0.9 }, protocol: tcp, ports: [2575], essential: true, why: doses }
      - { direction: in, peer: { group: pacs }, protocol: tcp, ports: [104], why: images }
      - { direction: out, peer: { network: 203.0.113.0/24 }, protocol: tcp, ports: [443], why: vendor }
`;

function guardOf(mode: string, level: 'normal' | 'contained' | 'cut') {
  const parsed = parsePolicy(policyText(mode));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return guardView(parsed.policy, 'pump-1', level);
}

t.test('levels combine as table I-2 of NIST SP 800-30 has it', (t) => {
  for (const [likelihood, impact, level] of [
    [100, 100, 'very high'],
    [90, 100, 'very high'],
    [50, 100, 'high'],
    [50, 85, 'moderate'],
    [10, 100, 'moderate'],
    [10, 50, 'low'],
    [2, 90, 'low'],
    [100, 4, 'very low'],
    [0, 0, 'very low'],
  ] as const)
    t.equal(riskLevel(likelihood, impact), level, `${likelihood} x ${impact}`);
  t.end();
});

t.test('the policy in force and containment take away what they refuse, and nothing else', (t) => {
  const residual = (mode: string, level: 'normal' | 'contained' | 'cut') =>
    assess(input({ guard: guardOf(mode, level) })).residual.likelihood;
  const bare = assess(input());
  t.equal(bare.residual.value, bare.inherent.value, 'without a policy nothing is taken away');
  for (const mode of ['observe', 'shadow'])
    t.equal(residual(mode, 'normal'), bare.inherent.likelihood, `${mode} refuses nothing`);
  t.ok(residual('enforce', 'normal') < bare.inherent.likelihood);
  t.ok(residual('enforce', 'contained') < residual('enforce', 'normal'));
  t.ok(residual('enforce', 'cut') <= residual('enforce', 'contained'));
  t.ok(residual('observe', 'contained') < bare.inherent.likelihood, 'an order counts in every mode');
  const impact = assess(input({ guard: guardOf('enforce', 'cut') }));
  t.equal(impact.residual.impact, impact.inherent.impact, 'no box makes a failure harmless');
  t.end();
});

t.test('what the policy lets out and in', (t) => {
  t.match(guardOf('enforce', 'normal'), { inPeers: 2, inServices: ['tcp/104'], mayReachOutside: true });
  t.match(guardOf('enforce', 'contained'), { inPeers: 0, inServices: [], mayReachOutside: false });
  const factor = assess(input({ guard: guardOf('enforce', 'normal') })).factors.find(
    ({ name }) => name === 'remote access services',
  );
  t.match(factor, { inherent: 6, residual: 0 }, 'SMB is not in the list');
  t.end();
});

t.test(
  'each thing that makes a device worse raises its rank, and the same input gives the same order',
  (t) => {
    const of = (more: Partial<RiskInput>): number => assess(input(more)).inherent.value;
    const base = of({});
    t.ok(of({ support: supportOf('Debian 13', null, OWN_SUPPORT_TABLE, nowMs) }) < base);
    t.ok(of({ findings: [{ severity: 'critical', detector: 'wormSpread' }] }) > base);
    t.equal(of({ findings: [{ severity: 'medium', detector: 'endOfSupport' }] }), base, 'counted once');
    t.ok(
      of({
        kev: [
          { vendor: 'Microsoft', product: 'Windows', count: 9, ransomware: true, cves: ['CVE-2017-0144'] },
        ],
      }) > base,
    );
    t.ok(of({ subject: subject({ reaches: [] }) }) < base);
    t.ok(of({ subject: subject({ reaches: ['from internet'] }) }) > base);
    t.ok(of({ subject: subject({ criticality: { value: 'low', source: 'policy' } }) }) < base);
    const named = (name: string, more: Partial<Subject> = {}) =>
      assess(input({ subject: subject({ name, id: name, ...more }) }));
    const all = [named('b'), named('a'), named('c', { services: ['tcp/23', 'tcp/445'] })];
    const order = ['c', 'a', 'b'];
    t.strictSame(
      rank(all).map(({ name }) => name),
      order,
    );
    t.strictSame(
      rank([...all].reverse()).map(({ name }) => name),
      order,
    );
    for (const { factors } of all)
      for (const { inherent, residual, max, why } of factors)
        t.ok(inherent <= max && residual <= inherent && why !== '', why);
    t.end();
  },
);
