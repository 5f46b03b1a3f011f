import './support/in-own-namespace.js';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startWebServer } from '../../agent/lab/clinical.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { PATIENCE, waitFor } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../../agent/lab/network-lab.js';
import type { ContainmentOrder } from '../../agent/messages/vocabulary.js';
import { fromRoot } from '../root.js';

const NEVER: Promise<unknown> = new Promise(() => undefined);
const LOADER = fromRoot('firmware/load-ruleset');

const dir = await mkdtemp(join(tmpdir(), 'cordon-containment-'));
const lab = await createNetworkLab('bridge');
t.teardown(async () => {
  await lab.close();
  await rm(dir, { recursive: true, force: true });
});
const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null);
const policyFile = join(dir, 'policy.yaml');
const policy = demoPolicy('bridge', lab.pumpMac).replace('holdsPhi:', 'tags: [icu]\n    holdsPhi:');
await writeFile(policyFile, policy);
await startWebServer(lab.hospital, HOSPITAL[0], 8080);
let enforcer = await box.startEnforcer();
const applied = await box.cordon('policy', 'apply', policyFile, '--no-confirm');
if (applied.code !== 0) throw new Error(applied.stderr);

/** A permitted entry that is not essential. */
const passes = async (): Promise<boolean> =>
  (await lab.pump.run(['curl', '--silent', '--max-time', String(PATIENCE), `http://${HOSPITAL[0]}:8080/`]))
    .code === 0;
const orders = async (): Promise<ContainmentOrder[]> =>
  (
    JSON.parse((await box.cordon('status', '--json')).stdout) as {
      enforcer: { containment: ContainmentOrder[] };
    }
  ).enforcer.containment;
const cordon = async (...words: string[]): Promise<string> => {
  const ran = await box.cordon(...words, '--reason', 'test');
  if (ran.code !== 0) throw new Error(`${words.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
};
const eventually = (isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> =>
  waitFor(isTrue, NEVER, () => `${what}\n${enforcer.output().slice(-2000)}`);
const restart = async (): Promise<void> => {
  enforcer.signal('SIGKILL');
  await enforcer.ended;
  enforcer = await box.startEnforcer();
};
/** What the kernel of a box that boots now would hold. */
const boot = async (): Promise<string> =>
  (
    await lab.box.run(
      [
        'unshare',
        '-n',
        'sh',
        '-c',
        `${LOADER} && nft list map inet cordon containment && nft list set inet cordon cut`,
      ],
      { env: box.environment },
    )
  ).stdout;

t.test(
  'several orders on one device: each ends by itself, and the strictest of what is left holds',
  async (t) => {
    await cordon('contain', 'pump-1', '--by', 'Grey');
    await cordon('contain', '--tag', 'icu', '--by', 'Yang');
    await cordon('cut', '--whole-box', '--by', 'Bailey', '--confirm', 'box-1');
    await cordon('contain', 'pump-1', '--by', 'Karev');
    const given = await orders();
    t.same(
      given.map(({ scope, level, by }) => [scope, level, by.split(' ')[0]]),
      [
        [{ device: 'pump-1' }, 'contained', 'Grey'],
        [{ tag: 'icu' }, 'contained', 'Yang'],
        ['box', 'cut', 'Bailey'],
        [{ device: 'pump-1' }, 'contained', 'Karev'],
      ],
    );
    t.match(await boot(), /jump contained_out[^]*set cut[^]*0x01000000/, 'and so it would boot');
    const several = await box.cordon('release', 'pump-1', '--reason', 'r');
    t.equal(several.code, 1);
    t.match(several.stderr, /2 orders hold pump-1: \d+ \(pump-1 contained by Grey \(uid [^)]+\), cli\)/);
    const karev = given.find(({ by }) => by.startsWith('Karev'));
    const one = await cordon('release', 'pump-1', '--order', String(karev?.id));
    t.match(one, /is released \(contained by Karev[^]*STILL HELD by:[^]*on pump-1[^]*on the whole box/);
    await cordon('release', '--whole-box');
    await cordon('release', 'pump-1');
    t.notOk(await passes(), 'the order on its tag goes on');
    const foreign = await box.cordon('release', 'pump-1', '--reason', 'r');
    t.match(foreign.stderr, 'no order is on pump-1 itself; what holds it:');
    const untagged = join(dir, 'untagged.yaml');
    await writeFile(untagged, policy.replace('tags: [icu]', 'tags: []'));
    t.equal((await box.cordon('policy', 'apply', untagged, '--no-confirm')).code, 0);
    t.notOk(await passes(), 'a policy without the tag releases nobody');
    await cordon('release', '--tag', 'icu');
    t.ok(await passes(), 'the last order is gone');
  },
);

t.test('a reminder comes before a timed order ends, and both are told', async (t) => {
  await cordon('contain', 'pump-1', '--for', '3s');
  await eventually(() => /containment-ending[^]*containment-expired/.test(enforcer.output()), 'not told');
  t.ok(await passes());
  t.same(await orders(), []);
});

t.test(
  'with the enforcer dead the kernel alone ends what was to end, and what it ended is told after',
  async (t) => {
    const seconds = 5 * PATIENCE;
    await cordon('contain', 'pump-1', '--for', `${seconds}s`, '--by', 'timed');
    enforcer.signal('SIGKILL');
    await enforcer.ended;
    const [, left] = /timeout (\d+)s/.exec(await boot()) ?? [];
    const isLeft = Number(left) >= seconds * 0.6 && Number(left) <= seconds;
    t.ok(isLeft, `after a boot what was left when it was written: ${left} of ${seconds} s`);
    await eventually(passes, 'the kernel does not let it go');
    enforcer = await box.startEnforcer();
    await eventually(() => enforcer.output().includes('containment-expired'), 'not told');
    t.same(await orders(), []);
  },
);

t.test('orders survive a restart; without a record they are taken over from the kernel', async (t) => {
  await cordon('cut', 'pump-1', '--confirm', 'pump-1');
  await cordon('contain', '--whole-box', '--for', '1h');
  await restart();
  t.same((await orders()).length, 2);
  for (const copy of ['containment.json', 'containment.copy.json'])
    await writeFile(join(dir, 'state/enforcer', copy), 'damaged');
  await restart();
  const adopted = await orders();
  t.match(
    adopted.find(({ scope }) => scope === 'box'),
    { level: 'contained', source: 'adopted', untilMs: Number },
  );
  t.match(
    adopted.find(({ scope }) => scope !== 'box'),
    { scope: { device: 'pump-1' }, level: 'cut', source: 'adopted', untilMs: null },
  );
  t.equal(adopted.length, 2);
  t.notOk(await passes());
  await cordon('release', 'pump-1');
  await cordon('release', '--whole-box');
  t.ok(await passes());
});

t.test('an order holds while somebody removes our tables, and while the disk refuses', async (t) => {
  const state = join(dir, 'state/enforcer');
  await lab.box.must(['nft', 'delete', 'table', 'inet', 'cordon']);
  await cordon('contain', 'pump-1');
  t.notOk(await passes());
  await rm(join(state, 'containment.json'));
  // A directory where the file is to be: the write fails, as it would on a full disk.
  await lab.box.must(['mkdir', '-p', join(state, 'containment.json.new/x')]);
  await cordon('cut', 'pump-1', '--confirm', 'pump-1');
  await eventually(() => enforcer.output().includes('orders are not on disk'), 'not told');
  t.equal((await orders()).length, 2);
  await lab.box.must(['rm', '-r', join(state, 'containment.json.new')]);
  await cordon('release', 'pump-1', '--all');
  t.match(JSON.parse(await readFile(join(state, 'containment.json'), 'utf8')), { orders: [] });
  t.ok(await passes());
});
