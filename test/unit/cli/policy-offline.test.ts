import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { BAD_POLICY, CHANGED_POLICY, CONFIG, POLICY } from './policies.js';
import { controlsIn, emptyBox } from './run-cordon.js';

const PORTS = ['--device-port', 'eth1', '--network-port', 'eth0'] as const;

t.test('a sound policy is checked without a running box', async (t) => {
  const box = emptyBox(t);
  const file = join(box.directory, 'policy.yaml');
  writeFileSync(file, POLICY);
  const ran = await box.cordon('policy', 'check', file);
  t.equal(ran.exitStatus, 0);
  t.match(ran.stdout, 'no problems');
  t.equal(ran.stderr, '');
  const asJson = await box.cordonWithInput(POLICY, 'policy', 'check', '-', '--json');
  t.match(JSON.parse(asJson.stdout), { ok: true, devices: 1, entries: 2, modes: { enforce: 1 } });
});

t.test('every problem of a policy is told with its path, and 1 is the exit status', async (t) => {
  const box = emptyBox(t);
  const ran = await box.cordonWithInput(BAD_POLICY, 'policy', 'check', '-');
  t.equal(ran.exitStatus, 1);
  t.equal(ran.stdout, '');
  for (const path of ['identity.macs[0]', 'allow[0].peer.address', 'allow[0].ports[0]'])
    t.match(ran.stderr, `devices.pump-1.${path}`);
  const asJson = await box.cordonWithInput(BAD_POLICY, 'policy', 'check', '-', '--json');
  t.equal(asJson.exitStatus, 1);
  t.equal(asJson.stderr, '');
  const { error } = JSON.parse(asJson.stdout) as { error: { code: string; problems: readonly unknown[] } };
  t.equal(error.code, 'bad-policy');
  t.equal(error.problems.length, 3);
});

t.test('a policy cannot reach the terminal through its problems', async (t) => {
  const text = POLICY.replace('pump-1', '"pump\\e[2J\\u202e"');
  const ran = await emptyBox(t).cordonWithInput(text, 'policy', 'check', '-');
  t.equal(ran.exitStatus, 1);
  t.same(controlsIn(ran.stderr), []);
});

t.test('what cannot be read is told in a line', async (t) => {
  const box = emptyBox(t);
  const notText = join(box.directory, 'not-text');
  writeFileSync(notText, Buffer.from([0xff, 0xfe, 0x00, 0x80]));
  const cases: readonly (readonly [string, string])[] = [
    [join(box.directory, 'absent.yaml'), 'there is no such file'],
    [box.directory, 'it is a directory'],
    [notText, 'it is not UTF-8 text'],
  ];
  for (const [file, said] of cases) {
    const ran = await box.cordon('policy', 'check', file);
    t.equal(ran.exitStatus, 1, said);
    t.match(ran.stderr, /^cordon: [^\n]*\n$/, said);
    t.match(ran.stderr, said);
  }
});

t.test('a document without an end is not read to the end', async (t) => {
  const ran = await emptyBox(t).cordon('policy', 'check', '/dev/zero');
  t.equal(ran.exitStatus, 1);
  t.match(ran.stderr, 'larger than 16 MiB');
});

t.test('a policy is compiled for the box of a configuration, or of the options', async (t) => {
  const box = emptyBox(t);
  writeFileSync(box.configFile, CONFIG);
  const compile = ['policy', 'compile', '-'] as const;
  const byConfig = await box.cordonWithInput(POLICY, ...compile);
  t.equal(byConfig.exitStatus, 0, byConfig.stderr);
  t.match(byConfig.stdout, /table inet cordon \{/);
  t.match(byConfig.stdout, /table bridge cordon \{/);
  t.equal((await box.cordonWithInput(POLICY, ...compile, ...PORTS)).stdout, byConfig.stdout);
  const router = await box.cordonWithInput(POLICY, ...compile, '--mode', 'router', ...PORTS, '--json');
  t.match(JSON.parse(router.stdout), { mode: 'router', nft: /table inet cordon \{/ });
});

t.test('what the compiler lacks is said', async (t) => {
  const box = emptyBox(t);
  const compile = async (...args: readonly string[]) =>
    await box.cordonWithInput(POLICY, 'policy', 'compile', '-', ...args);
  const cases: readonly (readonly [readonly string[], number, string])[] = [
    [[], 2, 'give --config FILE'],
    [['--mode', 'bridge'], 2, 'at least one --device-port'],
    [['--config', '/absent', ...PORTS], 2, 'either --config'],
    [['--config', '/absent'], 1, 'there is no such file'],
    [['--device-port', 'bad name!', '--network-port', 'eth0'], 2, 'not an interface name'],
  ];
  for (const [args, exitStatus, said] of cases) {
    const ran = await compile(...args);
    t.equal(ran.exitStatus, exitStatus, said);
    t.match(ran.stderr, said);
  }
  writeFileSync(box.configFile, 'box: UPPER\n');
  const badConfig = await compile();
  t.equal(badConfig.exitStatus, 1);
  t.match(badConfig.stderr, 'devicePorts');
});

t.test('a connection is explained from a file, with the entry or with what is missing', async (t) => {
  const box = emptyBox(t);
  const file = join(box.directory, 'policy.yaml');
  writeFileSync(file, POLICY);
  const explain = async (to: string, ...args: readonly string[]) =>
    await box.cordon('policy', 'explain', '--policy', file, '--from', 'pump-1', '--to', to, ...args);
  for (const to of ['10.20.0.5', '2001:db8::5']) {
    const permitted = await explain(to, '--proto', 'tcp', '--port', '104');
    t.equal(permitted.exitStatus, 0, to);
    t.match(permitted.stdout, /^PERMITTED\n/);
    t.match(permitted.stdout, /devices\.pump-1\.allow\[[01]\]/);
  }
  const refused = await explain('10.20.0.5', '--proto', 'tcp', '--port', '443');
  t.equal(refused.exitStatus, 1);
  t.match(refused.stdout, /^REFUSED\n/);
  t.match(refused.stdout, 'peer: { address: "10.20.0.5" }, protocol: tcp, ports: [443]');
  const asJson = await explain('10.20.0.5', '--proto', 'tcp', '--port', '443', '--json');
  t.match(JSON.parse(asJson.stdout), { verdict: 'refuse', judgements: [{ device: 'pump-1' }] });
  const usage: readonly (readonly [readonly string[], string])[] = [
    [['pump-9', '--proto', 'tcp', '--port', '1'], 'neither an address nor a device'],
    [['10.20.0.5', '--proto', 'tcp'], 'needs a --port'],
    [['10.20.0.5', '--proto', 'constructor'], 'give one of'],
    [['10.20.0.5', '--proto', '300'], 'up to 255'],
  ];
  for (const [[to = '', ...args], said] of usage) {
    const ran = await explain(to, ...args);
    t.equal(ran.exitStatus, 2, said);
    t.match(ran.stderr, said);
  }
});

t.test('two policies are compared without a running box', async (t) => {
  const box = emptyBox(t);
  const [before, after] = [join(box.directory, 'before.yaml'), join(box.directory, 'after.yaml')];
  writeFileSync(before, POLICY);
  writeFileSync(after, CHANGED_POLICY);
  const ran = await box.cordon('policy', 'diff', after, '--against', before);
  t.equal(ran.exitStatus, 0);
  t.match(ran.stdout, /^\+! devices\.pump-1\.allow\[1\]\n {5}out tcp 2575 to 10\.20\.0\.6/m);
  t.match(ran.stdout, /^- {2}devices\.pump-1\.allow\[1\]/m);
  t.match((await box.cordon('policy', 'diff', before, '--against', before)).stdout, 'changes nothing');
});

t.test('the policy to begin with is a sound one', async (t) => {
  const box = emptyBox(t);
  const starter = await box.cordon('policy', 'starter');
  t.equal(starter.exitStatus, 0);
  t.equal((await box.cordonWithInput(starter.stdout, 'policy', 'check', '-')).exitStatus, 0);
});

t.test('the JSON Schema is one', async (t) => {
  const ran = await emptyBox(t).cordon('policy', 'schema');
  t.equal(ran.exitStatus, 0);
  t.match(JSON.parse(ran.stdout), { $schema: /json-schema\.org/, type: 'object' });
});
