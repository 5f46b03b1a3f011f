import { writeFileSync } from 'node:fs';
import t from 'tap';
import { checkLines } from '../../../agent/cli/doctor.js';
import { fail, ok, warn, type Check } from '../../../agent/cli/doctor-check.js';
import { checkNftVersion } from '../../../agent/cli/doctor-kernel.js';
import { checkNode } from '../../../agent/cli/doctor-machine.js';
import { emptyBox } from './run-cordon.js';

t.test('every check of this machine has a reason, and every fault a remedy', async (t) => {
  const box = emptyBox(t);
  const ran = await box.cordon('doctor', '--json');
  const { checks, ...counts } = JSON.parse(ran.stdout) as {
    checks: readonly Check[];
    ok: number;
    warn: number;
    fail: number;
  };
  t.equal(ran.stderr, '');
  t.equal(ran.exitStatus, 1, 'no enforcer runs in an empty box');
  t.equal(counts.ok + counts.warn + counts.fail, checks.length);
  for (const check of checks) {
    t.not(check.reason, '', check.id);
    t.equal(check.remedy === null, check.outcome === 'ok', check.id);
  }
  const outcomeOf = (id: string) => checks.find((check) => check.id === id)?.outcome;
  t.match(
    { node: outcomeOf('node.version'), addon: outcomeOf('node.addon'), nft: outcomeOf('nft') },
    { node: 'ok', addon: 'ok', nft: 'ok' },
  );
  t.equal(outcomeOf('enforcer'), 'fail');
  t.equal(outcomeOf('agent'), 'warn');
  t.equal(outcomeOf('config'), 'warn');
});

t.test('the configuration is held against this machine', async (t) => {
  const box = emptyBox(t);
  writeFileSync(
    box.configFile,
    'box: ward-7\nmode: router\ndevicePorts: [absent0]\nnetworkPorts: [absent1]\n',
  );
  const ran = await box.cordon('doctor');
  t.match(ran.stdout, /^FAIL {2}interface\.absent0: /m);
  t.match(ran.stdout, /^FAIL {2}interface\.absent1: /m);
  t.match(ran.stdout, /^ok {4}config: /m);
  t.notMatch(ran.stdout, 'bridge-nf-call');
  writeFileSync(box.configFile, 'box: "UPPER"\n');
  t.match((await box.cordon('doctor')).stdout, /^FAIL {2}config: /m);
});

t.test('versions are judged by number, not by text', (t) => {
  const node: readonly (readonly [string, string])[] = [
    ['20.19.0', 'ok'],
    ['20.18.3', 'fail'],
    ['20.9.0', 'fail'],
    ['24.1.0', 'ok'],
    ['9.99.0', 'fail'],
  ];
  for (const [version, outcome] of node) t.equal(checkNode(version).outcome, outcome, version);
  const nft: readonly (readonly [string, string])[] = [
    ['nftables v1.0.6 (Lester Gooch #5)', 'ok'],
    ['nftables v1.1.3 (Commodore Bullmoose #4)', 'ok'],
    ['nftables v1.0.10 (x)', 'ok'],
    ['nftables v0.9.8 (x)', 'warn'],
    ['something else', 'fail'],
  ];
  for (const [stdout, outcome] of nft)
    t.equal(checkNftVersion({ exitStatus: 0, isAbsent: false, stdout, stderr: '' }).outcome, outcome, stdout);
  t.match(checkNftVersion({ exitStatus: null, isAbsent: true, stdout: '', stderr: '' }), { outcome: 'fail' });
  t.end();
});

t.test('faults come first, each with its remedy below', (t) => {
  t.same(checkLines([ok('a', 'fine'), warn('b', 'so so', 'do this'), fail('c', 'broken', 'do that')], 80), [
    'FAIL  c: broken',
    '        remedy: do that',
    'warn  b: so so',
    '        remedy: do this',
    'ok    a: fine',
  ]);
  t.end();
});
