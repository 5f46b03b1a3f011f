import './support/in-own-namespace.js';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startWebServer } from '../../agent/lab/clinical.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { PATIENCE, must, type Running } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../../agent/lab/network-lab.js';
import { fromRoot } from '../root.js';

const LOADER = fromRoot('firmware/load-ruleset');

/** Stand for the users that `make install` makes. */
const ENFORCER_UID = 64_001;
const CORDON_GID = 64_000;

const dir = await mkdtemp(join(tmpdir(), 'cordon-first-'));
const lab = await createNetworkLab('bridge');
t.teardown(async () => {
  await lab.close();
  await rm(dir, { recursive: true, force: true });
});
const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null);
const policyFile = join(dir, 'policy.yaml');
await writeFile(policyFile, demoPolicy('bridge', lab.pumpMac));
await startWebServer(lab.hospital, HOSPITAL[0], 8080);

let enforcer: Running | null = null;
const boot = () => lab.box.run([LOADER], { env: box.environment });
const reaches = async (withinSeconds: number): Promise<boolean> =>
  (
    await lab.pump.run([
      'curl',
      '--silent',
      '--max-time',
      String(withinSeconds * PATIENCE),
      `http://${HOSPITAL[0]}:8080/`,
    ])
  ).code === 0;

t.test(
  'a fresh box: closed by the boot loader, then taken over by the enforcer, then given a policy',
  async (t) => {
    const booted = await boot();
    t.equal(booted.code, 1, 'only the closed ruleset is loaded');
    t.match(booted.stderr, /nothing crosses the box/);
    t.notOk(await reaches(1));
    enforcer = await box.startEnforcer();
    const doctor = await box.cordon('doctor', '--json');
    t.notMatch(doctor.stdout, /"no table/, doctor.stdout);
    const applied = await box.cordon('policy', 'apply', policyFile, '--no-confirm');
    t.equal(applied.code, 0, applied.stderr);
    t.ok(await reaches(10));
  },
);

t.test('closed by hand while the enforcer is away: its start opens what the policy permits', async (t) => {
  await enforcer?.stop();
  await lab.box.must(['nft', '-f', fromRoot('firmware/closed.nft')]);
  t.notOk(await reaches(1));
  enforcer = await box.startEnforcer();
  t.ok(await reaches(10));
});

/** A user namespace of one's own has root and nobody else. */
const hasOtherUsers =
  Number((await readFile('/proc/self/uid_map', 'utf8')).trim().split(/\s+/)[2]) > ENFORCER_UID;

t.test(
  'booting, the loader may read what the enforcer wrote, with no more rights than its unit gives it',
  { skip: hasOtherUsers ? false : 'this user namespace has no other users' },
  async (t) => {
    await enforcer?.stop();
    const unit = await readFile(fromRoot('systemd/cordon-boot.service'), 'utf8');
    const kept = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
    const bounding = ['-all', ...kept.map((name) => `+${name.toLowerCase().replace('cap_', '')}`)].join(',');
    const group = /^Group=cordon$/m.test(unit) ? CORDON_GID : 0;
    const state = join(dir, 'state/enforcer');
    await must(['chown', '-R', `${ENFORCER_UID}:${CORDON_GID}`, state]);
    await must(['chmod', '-R', 'o-rwx', state]);
    await lab.box.must(['nft', 'flush', 'ruleset']);
    const booted = await lab.box.run(
      ['setpriv', `--regid=${group}`, '--clear-groups', `--bounding-set=${bounding}`, LOADER],
      { env: box.environment },
    );
    t.equal(booted.code, 0, booted.stderr);
    t.ok(await reaches(10));
  },
);
