import fc from 'fast-check';
import t from 'tap';
import { prove, type ProveInput } from '../../../agent/learn/prove.js';
import { addressBytes, parseAddress } from '../../../agent/policy/address.js';
import { createEntryMatcher } from '../../../agent/policy/match-entry.js';
import { NOTHING_LEARNED } from '../../../agent/policy/resolve-peers.js';
import { assignIds, NO_IDS } from '../../../agent/ruleset/assign-ids.js';
import { compileRuleset } from '../../../agent/ruleset/compile-ruleset.js';
import { createElementEvaluator } from '../../../agent/ruleset/evaluate-elements.js';
import { bridge, policyOf, WARD } from '../ruleset/support.js';
import { findingOf, habitOf, pump } from './support.js';

function input(habits: ProveInput['habits'], more: Partial<ProveInput> = {}): ProveInput {
  return {
    ...{ policy: policyOf(WARD), config: bridge, name: 'pump-1', device: pump, habits, findings: [] },
    ...{ learned: NOTHING_LEARNED, ...more },
  };
}

/** What the pump of WARD would meet, enforced. */
const TABLE: readonly (readonly [habit: string, fate: string, by: RegExp | null])[] = [
  ['out 6/104 10.77.0.1', 'passes', /pump-1\.allow\[0\]/],
  ['out 6/104 fd77::1', 'passes', /pump-1\.allow\[0\]/],
  ['out 6/11113 10.9.1.1', 'passes', /pump-1\.allow\[0\]/],
  ['out 6/150 10.9.8.7', 'passes', /pump-1\.allow\[1\]/],
  ['out 6/105 10.77.0.1', 'breaks', null],
  ['out 6/105 fd77::1', 'breaks', null],
  ['in 6/104 10.77.0.1', 'breaks', null],
  ['in 58/32768 fd77::1', 'passes', /pump-1\.allow\[3\]/],
  ['in 1/2048 10.77.0.1', 'breaks', null],
  ['out 17/67 10.77.0.1', 'passes', /infrastructure/],
  ['out 6/6000 10.77.0.11', 'passes', /pump-1\.allow\[2\]/],
  ['in 17/5353 224.0.0.251', 'breaks', null],
];

t.test('what would break, with the entry that would allow it', (t) => {
  for (const [text, fate, by] of TABLE) {
    const [proved] = prove(input([habitOf(text)]));
    t.equal(proved?.fate, fate, text);
    if (by) t.match(proved?.by, by, text);
    else t.match(proved, { by: null, refusedBy: 'pump-1' }, text);
  }
  t.match(prove(input([habitOf('out 6/105 fd77::1')]))[0]?.wouldAllow, {
    ...{ direction: 'out', peer: { address: 'fd77::1' }, protocol: 'tcp', ports: ['105'] },
  });
  t.end();
});

t.test('the list of a guarded device at the other end counts where it is enforced', (t) => {
  const text = WARD.replace('mode: shadow', 'mode: enforce').replace(
    'ports: [6000], why: "alarms of',
    'ports: [6001], why: "alarms of',
  );
  const [proved] = prove(input([habitOf('out 6/6000 10.77.0.11')], { policy: policyOf(text) }));
  t.match(proved, {
    fate: 'breaks',
    refusedBy: 'monitor-1',
    wouldAllow: { direction: 'in', peer: { device: 'pump-1' } },
  });
  t.end();
});

t.test('the mode of the device does not matter: the list is proven as enforced', (t) => {
  const policy = policyOf(WARD.replace('mode: enforce', 'mode: observe'));
  t.match(prove(input([habitOf('out 6/105 10.77.0.1')], { policy })), [{ fate: 'breaks' }]);
  t.end();
});

t.test('what a finding is about is refused rightly, what began before is not known', (t) => {
  const findings = [findingOf({ peer: '10.77.0.9', evidence: { from: 'network' } })];
  t.match(prove(input([habitOf('in 6/4711 10.77.0.9')], { findings })), [
    { fate: 'refused-rightly', findings: { length: 1 } },
  ]);
  t.match(prove(input([habitOf('in 6/51234 10.77.0.1', { midstream: 10 })])), [{ fate: 'unknown' }]);
  t.end();
});

t.test('an entry with a name permits the addresses that the name had, of a resolver of the policy', (t) => {
  const named = WARD.replace(
    'site: { name: Ward 3,',
    'site: { name: Ward 3, resolvers: [10.77.0.53], domains: [in.example],',
  ).replace(
    '    allow:\n      - { direction: out, peer: { group: servers }',
    '    allow:\n      - { direction: out, peer: { name: cloud.example }, protocol: tcp, ports: [443], why: x }\n      - { direction: out, peer: { name: a.in.example }, protocol: tcp, ports: [443], why: x }\n      - { direction: out, peer: { group: servers }',
  );
  const policy = policyOf(named);
  const habits = [
    habitOf('out 6/443 198.51.100.1', { names: ['cloud.example'] }),
    habitOf('out 6/443 198.51.100.2', { names: ['other.example'] }),
    habitOf('out 6/443 10.77.0.7', { names: ['cloud.example'] }),
    habitOf('out 6/443 10.77.0.8', { names: ['a.in.example'] }),
  ];
  const fates = (more: Partial<ProveInput> = {}) =>
    Object.fromEntries(
      prove(input(habits, { policy, ...more })).map(({ habit, fate }) => [habit.peer, fate]),
    );
  t.same(fates(), {
    '198.51.100.1': 'passes',
    '198.51.100.2': 'breaks',
    '10.77.0.7': 'breaks',
    '10.77.0.8': 'passes',
  });
  t.equal(fates({ device: { ...pump, resolvers: ['203.0.113.1'] } })['198.51.100.1'], 'breaks');
  t.match(
    prove(input(habits, { policy })).find(({ habit }) => habit.peer.endsWith('.100.1'))?.by,
    /allow\[0\]/,
  );
  t.end();
});

t.test('the elements mean what the entries mean, for random connections of every device', (t) => {
  const policy = policyOf(WARD);
  const ids = assignIds(Object.keys(policy.devices), NO_IDS);
  const evaluate = createElementEvaluator(compileRuleset({ policy, config: bridge }));
  const matcher = createEntryMatcher(policy, NOTHING_LEARNED);
  const address = fc.oneof(
    fc.constantFrom(
      '10.77.0.1',
      'fd77::1',
      '10.77.0.10',
      '10.77.0.11',
      '10.9.8.0',
      '10.9.8.255',
      '10.9.9.0',
      '10.8.255.255',
      '10.10.0.0',
      'fd77::ffff:ffff:ffff:ffff',
      'fd76:ffff::',
      'fd78::',
    ),
    fc.ipV4(),
  );
  const connection = fc.record({
    device: fc.constantFrom('monitor-1', 'pump-1', 'scale-1'),
    opened: fc.boolean(),
    protocol: fc.constantFrom(1, 6, 17, 58, 47, 132),
    peer: address,
    port: fc.oneof(
      fc.constantFrom(99, 100, 104, 105, 2000, 2001, 6000, 6001, 11111, 11112, 11113, 11114),
      fc.integer({ min: 1, max: 65_535 }),
    ),
  });
  fc.assert(
    fc.property(connection, ({ device, opened, protocol, peer, port }) => {
      const parsed = parseAddress(peer);
      if (parsed === null) return true;
      const found = evaluate({
        deviceId: ids.get(device) ?? 0,
        opened,
        peer: parsed,
        protocol,
        port,
        source: null,
      });
      const entry = matcher(
        device,
        { opened, protocol, peer: addressBytes(parsed), port, source: null },
        false,
      );
      return found === (entry === null ? null : `policy devices.${device}.allow[${entry}]`);
    }),
    { numRuns: 5_000 },
  );
  t.end();
});
