import './support/in-own-namespace.js';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { ActivityEntry } from '../../agent/activity/entry.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { waitFor } from '../../agent/lab/namespace.js';
import { createNetworkLab } from '../../agent/lab/network-lab.js';
import { ActivityLog } from '../../agent/store/activity-log.js';
import { run } from './support/shell.js';

t.test(
  'both processes: every change is in the log with the user that the kernel names, over kill -9 and absence',
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'cordon-activity-'));
    const lab = await createNetworkLab('bridge');
    t.teardown(async () => {
      await lab.close();
      await rm(dir, { recursive: true, force: true });
    });
    const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null);
    const policy = join(dir, 'policy.yaml');
    await writeFile(policy, demoPolicy('bridge', lab.pumpMac));
    const enforcer = await box.startEnforcer();
    const agent = await box.startAgent();
    const done = async (...words: string[]): Promise<void> => {
      const ran = await box.cordon(...words, '--by', 'nurse');
      t.equal(ran.code, 0, ran.stderr);
    };
    const entries = async (): Promise<readonly ActivityEntry[]> => {
      const ran = await box.cordon('audit', 'list', '--json');
      return (JSON.parse(ran.stdout) as { rows: ActivityEntry[] }).rows.toReversed();
    };
    const has = (what: string, object = '') =>
      waitFor(
        async () => (await entries()).some((one) => one.what === what && one.object.includes(object)),
        enforcer.ended,
        () => `no ${what}: ${agent.output().slice(-2000)}`,
      );

    await done('policy', 'apply', policy, '--no-confirm');
    await has('mode-changed', 'pump-1');
    await done('device', 'set', lab.pumpMac, 'owner=Biomed');
    await done('contain', 'pump-1', '--reason', 'odd traffic');
    await has('containment-ordered', 'pump-1');
    t.equal((await box.cordon('audit', 'verify')).code, 0);

    agent.signal('SIGKILL');
    await agent.ended;
    await done('release', 'pump-1', '--reason', 'looked at');
    t.equal((await box.cordon('audit', 'verify')).code, 0, 'verified without the agent');
    const again = await box.startAgent();
    await has('containment-released', 'pump-1');
    await again.stop();

    const all = await entries();
    const verified = await box.cordon('audit', 'verify');
    t.equal(verified.code, 0, verified.stdout);
    const of = (what: string) => all.filter((one) => one.what === what);
    t.match(of('policy-applied'), [
      { who: 'nurse (uid 0)', detail: /^generation 1: 1 device, sha256 [0-9a-f]{64}$/ },
    ]);
    t.match(of('mode-changed'), [
      { object: 'pump-1', who: 'nurse (uid 0)', detail: /not in the policy -> enforce$/ },
    ]);
    t.match(of('inventory-entered'), [{ who: 'nurse (uid 0)', detail: 'owner: "" -> "Biomed"' }]);
    t.match(of('containment-ordered'), [{ who: 'nurse (uid 0)', object: 'pump-1', detail: /odd traffic/ }]);
    const released = of('containment-released')[0];
    t.match(
      released,
      { who: 'nurse (uid 0)', detail: 'looked at' },
      'what happened without the agent was remembered',
    );
    t.ok((released?.noted ?? '') > (released?.at ?? ''), 'and says when it was written down');
    t.equal(of('agent-started').length, 2);
    t.equal(of('agent-stopping').length, 1, 'kill -9 leaves no farewell');

    // A database that has to be set aside takes nothing of the log with it; a log that was cut meanwhile is noticed by the database otherwise.
    const file = join(dir, 'state/agent/activity/activity-000001.jsonl');
    const lines = (await readFile(file, 'utf8')).split('\n');
    await writeFile(file, `${lines.slice(0, 4).join('\n')}\n`);
    const third = await box.startAgent();
    await has('damage-found');
    await third.stop();
    await writeFile(join(dir, 'state/agent/agent.db'), Buffer.alloc(8_192, 'x'));
    const fourth = await box.startAgent();
    t.match((await entries()).at(-1), { what: 'agent-started' });
    t.equal((await box.cordon('audit', 'verify')).code, 0);
    await fourth.stop();
  },
);

t.test(
  'a full disk: entries wait, nothing of the chain is broken, and it goes on once there is room',
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'cordon-full-'));
    t.teardown(async () => {
      run(`umount ${dir}`);
      await rm(dir, { recursive: true, force: true });
    });
    run(`mount -t tmpfs -o size=64k tmpfs ${dir}`);
    const directory = join(dir, 'activity');
    await mkdir(directory);
    const codes = new Set<unknown>();
    const log = new ActivityLog({
      directory,
      keepDays: 9,
      nowMs: Date.now,
      onWriteError: (error) => codes.add((error as NodeJS.ErrnoException).code),
    });
    log.open();
    await writeFile(join(dir, 'filler'), Buffer.alloc(32 * 1024));
    for (let index = 0; index < 200; index++)
      log.record([
        { atMs: Date.now(), who: 'nurse', what: 'login', object: String(index), detail: 'x'.repeat(300) },
      ]);
    t.same([...codes], ['ENOSPC']);
    t.ok((log.counters()['activityWaiting'] ?? 0) > 50);
    const waiting = log.counters()['activityWaiting'] ?? 0;
    await rm(join(dir, 'filler'));
    run(`mount -o remount,size=4m ${dir}`);
    log.tick();
    t.match(log.counters(), { activityWaiting: 0, activityLost: 0 }, `${waiting} waited`);
    t.equal(log.head.seq, 201);
    log.close();
    const { ChainVerifier } = await import('../../agent/activity/verify-chain.js');
    const { sha256 } = await import('../../agent/store/activity-segments.js');
    const verifier = new ChainVerifier(sha256);
    const text = await readFile(join(directory, 'activity-000001.jsonl'), 'utf8');
    text
      .trimEnd()
      .split('\n')
      .forEach((line, index) => verifier.take('a', index + 1, line));
    t.match(verifier.finish(), { problemsTotal: 0, entries: 201 });
  },
);
