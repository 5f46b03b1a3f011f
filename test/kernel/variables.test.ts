/** Site variables of a box change in their file under a running box: nothing changes by itself, and a person is told. */
import './support/in-own-namespace.js';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { createNetworkLab } from '../../agent/lab/network-lab.js';

const dir = t.testdir();
const lab = await createNetworkLab('bridge');
t.teardown(() => lab.close());
const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null);
const configFile = join(dir, 'config.yaml');
const config = await readFile(configFile, 'utf8');
const configure = (more: string): Promise<void> => writeFile(configFile, config + more);
const policyFile = join(dir, 'policy.yaml');
await writeFile(
  policyFile,
  `version: 1
site: { name: Ward }
templates:
  pump: { allow: [{ direction: out, peer: $pacs, protocol: tcp, ports: [104], why: images }] }
devices:
  pump-1: { identity: { macs: ["${lab.pumpMac}"], addresses: [10.77.0.10] }, mode: enforce, template: pump }
`,
);

await configure('variables: { pacs: [{ address: 10.77.0.1 }], unused: [{ address: 10.77.0.9 }] }\n');
let enforcer = await box.startEnforcer();

const restart = async (): Promise<void> => {
  enforcer.signal('SIGKILL');
  await enforcer.ended;
  enforcer = await box.startEnforcer();
};
const apply = () => box.cordon('policy', 'apply', policyFile, '--no-confirm');
const variables = async () => (await box.askEnforcer('status', {})).variables;
const permitted = async (): Promise<string> => {
  const listed = await lab.box.must(['nft', 'list', 'set', 'inet', 'cordon', 'allow4']);
  return [...listed.matchAll(/10\.77\.0\.\d+/g)].join();
};

t.test('a changed variable is told of and not applied, not by a restart either', async (t) => {
  t.equal((await apply()).code, 0);
  t.same([await permitted(), await variables()], ['10.77.0.1', { changed: [], problem: null }]);
  await configure('variables: { pacs: [{ address: 10.77.0.2 }], unused: [] }\n');
  t.same(await variables(), { changed: ['pacs'], problem: null }, 'the one that is used');
  await restart();
  t.same([await permitted(), await variables()], ['10.77.0.1', { changed: ['pacs'], problem: null }]);
  t.match((await box.cordon('status')).stdout, /^Variables +\$pacs has changed.*generation 1 keeps/m);
  const explained = await box.cordon(
    ...'policy explain --from pump-1 --to 10.77.0.1 --proto tcp --port 104'.split(' '),
  );
  t.match(explained.stdout, /^PERMITTED/, 'what counts is what was applied');
});

t.test('apply takes it over and says so; rollback comes back with the old one', async (t) => {
  const applied = await apply();
  t.match(applied.stdout, /\$?pacs/, applied.stdout);
  t.same([await permitted(), await variables()], ['10.77.0.2', { changed: [], problem: null }]);
  await box.askEnforcer('policy.rollback', { by: 'test' });
  t.same([await permitted(), await variables()], ['10.77.0.1', { changed: ['pacs'], problem: null }]);
});

t.test(
  'a variable that is gone, or a configuration that does not read, stops an apply and nothing else',
  async (t) => {
    const text = await readFile(policyFile, 'utf8');
    const ask = () => box.askEnforcer('policy.apply', { text, by: 'test', confirmWithinSeconds: null });
    await configure('');
    await t.rejects(ask(), { code: 'bad-policy' });
    await restart();
    t.same([await permitted(), await variables()], ['10.77.0.1', { changed: ['pacs'], problem: null }]);
    await configure('variables: { pacs: [{ adress: 10.77.0.3 }] }\n');
    await t.rejects(ask(), {
      code: 'bad-policy',
      message: /config\.yaml.* has one problem; nothing was changed/,
    });
    t.match(await variables(), { changed: [], problem: /variables\.pacs/ });
    t.equal(await permitted(), '10.77.0.1');
  },
);
