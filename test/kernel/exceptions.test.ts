import './support/in-own-namespace.js';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startWebServer } from '../../agent/lab/clinical.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { fakeClockEnvironment, setFakeClock } from '../../agent/lab/fake-clock.js';
import { createLabBox, type StartHow } from '../../agent/lab/lab-box.js';
import { PATIENCE, waitFor, type Running } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../../agent/lab/network-lab.js';
import type { EnforcerStatus } from '../../agent/messages/vocabulary.js';

const NEVER: Promise<unknown> = new Promise(() => undefined);
const SETTLES_SECONDS = 2;
const [SERVER] = HOSPITAL;

const dir = await mkdtemp(join(tmpdir(), 'cordon-exceptions-'));
const lab = await createNetworkLab('bridge');
t.teardown(async () => {
  await lab.close();
  await rm(dir, { recursive: true, force: true });
});
const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null, [
  `clockSettlesSeconds: ${SETTLES_SECONDS}`,
]);
await startWebServer(lab.hospital, SERVER, 8080);
await startWebServer(lab.hospital, SERVER, 8090);

const clockFile = join(dir, 'clock');
const clock = (text: string): Promise<void> => setFakeClock(clockFile, text);
await clock('+0');
const how: StartHow = { environment: await fakeClockEnvironment(clockFile) };
let enforcer: Running = await box.startEnforcer(how);
const agent = await box.startAgent();

const policyFile = join(dir, 'policy.yaml');
const in20Days = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10);
/** The pump's web entry stays, the one for 8090 is an exception. */
await writeFile(
  policyFile,
  demoPolicy('bridge', lab.pumpMac).replace(
    /^( *)allow:\n/m,
    (line, indent: string) =>
      `${line}${indent}  - { direction: out, peer: { address: ${SERVER} }, protocol: tcp, ports: [8090], until: ${in20Days}, why: "vendor" }\n`,
  ),
);
const apply = async (): Promise<void> => {
  const applied = await box.cordon('policy', 'apply', policyFile, '--no-confirm');
  if (applied.code !== 0) throw new Error(applied.stderr);
};
await apply();

const reaches = async (port: number): Promise<boolean> =>
  (await lab.pump.run(['curl', '--silent', '--max-time', String(PATIENCE), `http://${SERVER}:${port}/`]))
    .code === 0;
const exceptions = async (): Promise<EnforcerStatus['exceptions']> =>
  (await box.askEnforcer('status', {})).exceptions;
const eventually = (isTrue: () => Promise<boolean>, what: string): Promise<void> =>
  waitFor(isTrue, NEVER, () => `${what}\n${enforcer.output().slice(-2000)}`);
const stateIs = (state: string): Promise<void> =>
  eventually(async () => (await exceptions()).rows[0]?.state === state, `the exception is not ${state}`);
const settles = (): Promise<void> =>
  eventually(async () => (await exceptions()).isClockSettled, 'the clock does not settle');
const told = (kind: string): number =>
  enforcer
    .output()
    .split('\n')
    .filter((line) => line.includes(`"kind":"${kind}"`)).length;
const restart = async (): Promise<void> => {
  enforcer.signal('SIGKILL');
  await enforcer.ended;
  enforcer = await box.startEnforcer(how);
};
const elements = async (): Promise<string> => {
  const { stdout } = await lab.box.run(['nft', 'list', 'table', 'inet', 'cordon']);
  return stdout;
};

const explain = () =>
  box.cordon(...`policy explain --from pump-1 --to ${SERVER} --proto tcp --port 8090`.split(' '));

t.test('before its end an exception is reported, explained and passes', async (t) => {
  await settles();
  t.ok(await reaches(8090));
  const { stdout } = await box.cordon('status');
  t.match(stdout, new RegExp(`Exceptions +devices\\.pump-1\\.allow\\[0\\] ends in .*until\\s+${in20Days}`));
  const explained = await explain();
  t.match(explained.stdout, `permits it until ${in20Days}: devices.pump-1.allow[0]`);
  await eventually(
    async () =>
      (await box.cordon('findings')).stdout.includes('the exception devices.pump-1.allow[0] ends in'),
    'no reminder a month before',
  );
});

t.test('a clock that jumps ahead for less than it takes to settle ends nothing', async (t) => {
  await clock('+40d');
  await eventually(async () => !(await exceptions()).isClockSettled, 'the jump was not seen');
  t.equal((await exceptions()).rows[0]?.state, 'due');
  await clock('+0');
  await stateIs('running');
  await settles();
  t.ok(await reaches(8090));
  t.equal(told('exception-ended'), 0);
});

t.test('it ends by itself, with its live connection, and nothing else does', async (t) => {
  const download = (port: number): Promise<Running> =>
    lab.pump.start([
      'curl',
      '--silent',
      '--output',
      '/dev/null',
      '--max-time',
      String(60 * PATIENCE),
      `http://${SERVER}:${port}/slow`,
    ]);
  const [ends, goesOn] = [await download(8090), await download(8080)];
  const tracked = async (port: number): Promise<boolean> =>
    (await lab.box.run(['conntrack', '-L', '-p', 'tcp', '--dport', String(port), '--state', 'ESTABLISHED']))
      .stdout !== '';
  await eventually(async () => (await tracked(8090)) && (await tracked(8080)), 'no downloads');
  const { generation } = (await box.askEnforcer('status', {})).policy;
  await clock('+40d');
  await stateIs('ended');
  await eventually(async () => !(await tracked(8090)), 'its connection goes on');
  t.ok(await tracked(8080), 'the other one goes on');
  t.notOk(await reaches(8090));
  t.ok(await reaches(8080));
  t.notMatch(await elements(), /8090/);
  const after = (await box.askEnforcer('status', {})).policy;
  t.equal(after.generation, generation, 'of the same generation');
  t.equal(told('exception-ended'), 1);
  await eventually(
    async () => (await box.cordon('findings')).stdout.includes('has ended'),
    'no finding says that it has ended',
  );
  const explained = await explain();
  t.match(explained.stdout, `devices.pump-1.allow[0] permitted it until ${in20Days}, which is over`);
  await ends.stop();
  await goesOn.stop();
});

t.test('what ended comes back with no clock and no restart, but with a policy that is applied', async (t) => {
  await clock('+0');
  await restart();
  await settles();
  t.equal((await exceptions()).rows[0]?.state, 'ended');
  t.notOk(await reaches(8090));
  const loaded = await lab.box.run(['sh', '-c', `cat ${dir}/state/enforcer/current/ruleset.nft`]);
  t.notMatch(loaded.stdout, /8090/, 'nor with the ruleset that boots');
  await apply();
  t.equal((await exceptions()).rows[0]?.state, 'running');
  t.ok(await reaches(8090));
});

t.test('the agent runs', async (t) => {
  t.equal((await box.askAgent('status', {})).enforcerConnected, true);
  agent.signal('SIGTERM');
  await agent.ended;
  t.end();
});
