import './support/in-own-namespace.js';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { IS_EMULATED, waitFor } from '../../agent/lab/namespace.js';
import { createNetworkLab } from '../../agent/lab/network-lab.js';
import { ascii, cdp, lldp, rawFrames } from './support/frames.js';

/** Of one sender, at once: more than is read of it in a minute. */
const FLOOD = 60;

for (const mode of ['bridge', 'router'] as const)
  t.test(`what a device announces by LLDP and CDP is in the inventory, ${mode} mode`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'cordon-announcements-'));
    const lab = await createNetworkLab(mode);
    t.teardown(async () => {
      await lab.close();
      await rm(dir, { recursive: true, force: true });
    });
    const box = await createLabBox(lab.box, dir, mode, 'box-1', null);
    const enforcer = await box.startEnforcer();
    const policy = join(dir, 'policy.yaml');
    await writeFile(policy, demoPolicy(mode, lab.pumpMac));
    const [applied] = await Promise.all([
      box.cordon('policy', 'apply', policy, '--no-confirm'),
      box.startAgent(),
    ]);
    t.equal(applied.code, 0, applied.stderr);
    const becomes = (isTrue: () => Promise<boolean>): Promise<void> =>
      waitFor(isTrue, enforcer.ended, () => enforcer.output().slice(-2_000));
    const status = () => box.askEnforcer('status', {});
    const send = (frames: readonly (readonly number[])[]) =>
      lab.pump.must(['sh', '-c', rawFrames(frames, 'eth0')]);
    const isKnown = (device: string, field: 'name' | 'model', value: string): Promise<void> =>
      becomes(() =>
        box.askAgent('inventory.show', { device }).then(
          ({ evidence }) => (evidence[field] ?? []).some((one) => one.value === value),
          () => false,
        ),
      );

    await becomes(async () => (await status()).announcementsUnheard === null);
    await send([
      lldp(lab.pumpMac, [
        [5, ascii('PUMP-WARD3')],
        [6, ascii('Infusion workstation, Linux 4.19')],
        [127, [0x00, 0x12, 0xbb, 9, ...ascii('Example Medical')]],
        [127, [0x00, 0x12, 0xbb, 10, ...ascii('Volumat 7')]],
        [127, [0x00, 0x12, 0xbb, 8, ...ascii('SN-0042')]],
        [127, [0x00, 0x12, 0xbb, 7, ...ascii('4.1.2')]],
      ]),
    ]);
    // The switch that the device stands behind, which no policy names.
    const other = '00:1b:54:00:00:07';
    await send([
      cdp(other, [
        [1, ascii('sw-ward3')],
        [4, [0, 0, 0, 0x28]],
        [5, ascii('Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE')],
        [6, ascii('cisco WS-C2960-8TC-L')],
      ]),
    ]);
    await isKnown('pump-1', 'model', 'Volumat 7');
    await isKnown(other, 'model', 'WS-C2960-8TC-L');
    const pump = (await box.cordon('device', 'show', 'pump-1')).stdout;
    for (const line of [
      /name +PUMP-WARD3 +lldp\.name/,
      /model +Volumat 7 +lldp\.model/,
      /serial +SN-0042 +lldp\.serial/,
      /version +4\.1\.2 +lldp\.software/,
      /port +dev0 +box\.port/,
    ])
      t.match(pump, line);
    const shown = (await box.cordon('device', 'show', other)).stdout;
    for (const line of [/name +sw-ward3 +cdp\.device-id/, /kind +network equipment/, /port +dev0/])
      t.match(shown, line);

    const unread = async (): Promise<number> => (await status()).dropped['announcements'] ?? 0;
    const before = await unread();
    await send(Array.from({ length: FLOOD }, (_, index) => lldp('02:00:00:00:00:66', [[5, [65 + index]]])));
    await send([lldp(lab.pumpMac, [[5, ascii('RENAMED')]])]);
    await isKnown('pump-1', 'name', 'RENAMED');
    // An emulated machine sends them so slowly that they are within the rate.
    if (!IS_EMULATED)
      t.ok((await unread()) - before >= FLOOD / 2, 'what is beyond the rate is counted and not read');
    if (mode === 'router') return;

    await lab.box.must(['nft', 'flush', 'ruleset']);
    await becomes(
      async () => (await lab.box.run(['nft', 'list', 'chain', 'netdev', 'cordon', 'port_0'])).code === 0,
    );
    await send([lldp(lab.pumpMac, [[5, ascii('AFTER-THE-FLUSH')]])]);
    await isKnown('pump-1', 'name', 'AFTER-THE-FLUSH');
  });
