import './support/in-own-namespace.js';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { layer2Probes, probes, wardPolicy } from './support/verdict-probes.js';
import { lenientVerdicts, oneWay, redirects, verdicts } from './support/verdict-tests.js';
import { KernelLog, expectedFate, fateOf } from './support/verdicts.js';
import { Ward } from './support/ward.js';

const ward = await Ward.create('bridge');
const log = new KernelLog();
t.teardown(async () => {
  log.stop();
  await ward.close();
});
await ward.load(wardPolicy(ward));

verdicts(t, ward, log);
oneWay(t, ward, log);
redirects(t, ward, log);

t.test('what is layer 2 only', async (t) => {
  for (const probe of layer2Probes(ward))
    t.same(await fateOf(ward, log, probe), expectedFate(probe), probe.what);
});

t.test('with br_netfilter switched off by somebody else, nothing but ARP passes', async (t) => {
  const setTo = (value: string): void => {
    for (const name of ['iptables', 'ip6tables'])
      writeFileSync(`/proc/sys/net/bridge/bridge-nf-call-${name}`, value);
  };
  setTo('0');
  for (const family of [4, 6] as const)
    for (const probe of probes(ward, family)) {
      if (probe.expect !== 'passes') continue;
      const fate = await fateOf(ward, log, { ...probe, expect: 'not-filtered', logged: null });
      // Flooded, it is refused at each port.
      t.match(fate, { verdict: /^not-filtered/, arrived: false }, `IPv${family}: ${probe.what}`);
    }
  setTo('1');
});

lenientVerdicts(t, ward, log);
