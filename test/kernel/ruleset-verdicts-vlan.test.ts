import './support/in-own-namespace.js';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { tagged } from './support/frames.js';
import { layer2Probes, probes, wardPolicy, type Probe } from './support/verdict-probes.js';
import { verdicts } from './support/verdict-tests.js';
import { KernelLog, expectedFate, fateOf } from './support/verdicts.js';
import { Ward } from './support/ward.js';

const VLAN = 10;
const ward = await Ward.create('bridge', VLAN);
const log = new KernelLog();
t.teardown(async () => {
  log.stop();
  await ward.close();
});
await ward.load(wardPolicy(ward));

// The verdicts of untagged frames, one for one. The box has no address in a VLAN: its stack has no interface for them.
verdicts(t, ward, log, ['to the box itself']);

t.test('what is layer 2 only, behind a tag', async (t) => {
  for (const probe of layer2Probes(ward))
    t.same(await fateOf(ward, log, probe), expectedFate(probe), probe.what);
});

const permitted = (): readonly Probe[] =>
  ([4, 6] as const).flatMap((family) =>
    probes(ward, family)
      .filter(({ expect, isFlooded }) => expect === 'passes' && isFlooded !== true)
      .slice(0, 3),
  );

t.test('a VLAN that the configuration does not name, and a second tag, are refused', async (t) => {
  for (const probe of permitted()) {
    const inner = { ...probe, expect: 'ethertype' as const, logged: null };
    const twice = await fateOf(ward, log, { ...inner, frame: (tag) => tagged(probe.frame(tag), VLAN) });
    t.match(twice, { verdict: /^ethertype/, arrived: false }, `two tags: ${probe.what}`);
  }
  await ward.withVlan(20, async () => {
    for (const probe of permitted()) {
      const fate = await fateOf(ward, log, { ...probe, expect: 'ethertype', logged: null });
      t.match(fate, { verdict: /^ethertype/, arrived: false }, `VLAN 20: ${probe.what}`);
    }
  });
});

t.test('where the kernel does not hand tagged packets to the IP rules, they are refused', async (t) => {
  const setTo = (value: string): void => {
    writeFileSync('/proc/sys/net/bridge/bridge-nf-filter-vlan-tagged', value);
  };
  setTo('0');
  for (const probe of permitted()) {
    const fate = await fateOf(ward, log, { ...probe, expect: 'not-filtered', logged: null });
    t.match(fate, { verdict: /^not-filtered/, arrived: false }, probe.what);
  }
  setTo('1');
});
