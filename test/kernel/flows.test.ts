import './support/in-own-namespace.js';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startWebServer } from '../../agent/lab/clinical.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { PATIENCE, waitFor } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../../agent/lab/network-lab.js';
import type { LiveFlow, LiveFlows } from '../../agent/messages/enforcer-messages.js';

t.test('live connections are shown with the entry that permits each, over IPv4 and IPv6', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'cordon-flows-'));
  const lab = await createNetworkLab('bridge');
  t.teardown(async () => {
    await lab.close();
    await rm(dir, { recursive: true, force: true });
  });
  const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null);
  const policy = join(dir, 'policy.yaml');
  await writeFile(policy, demoPolicy('bridge', lab.pumpMac));
  const enforcer = await box.startEnforcer();
  const applied = await box.cordon('policy', 'apply', policy, '--no-confirm');
  t.equal(applied.code, 0, applied.stderr);
  const flows = async (): Promise<readonly LiveFlow[]> =>
    (JSON.parse((await box.cordon('flows', '--json')).stdout) as LiveFlows).rows;
  t.match(await box.cordon('flows'), {
    code: 0,
    stdout: /no live connections/,
    stderr: /agent does not answer/,
  });

  const downloads = [];
  for (const [index, address] of [HOSPITAL[0], HOSPITAL[1]].entries()) {
    await startWebServer(lab.hospital, address, 8080);
    const host = index === 0 ? address : `[${address}]`;
    downloads.push(
      await lab.pump.start([
        'curl',
        '--silent',
        '--output',
        '/dev/null',
        '--max-time',
        String(60 * PATIENCE),
        `http://${host}:8080/slow`,
      ]),
    );
  }
  const answered = async (): Promise<readonly LiveFlow[]> =>
    (await flows()).filter(({ isAnswered, bytesIn }) => isAnswered && (bytesIn ?? 0) > 10_000);
  await waitFor(
    async () => (await answered()).length === 2,
    enforcer.ended,
    () => enforcer.output().slice(-2000),
  );
  const permittedBy = {
    rule: 'policy devices.pump-1.allow[3]',
    why: 'drug library download',
    essential: false,
  };
  for (const peer of [HOSPITAL[0], HOSPITAL[1]])
    t.match(
      (await answered()).find((flow) => flow.peer === peer),
      { device: 'pump-1', direction: 'out', protocol: 6, port: 8080, permittedBy, containment: null },
      peer,
    );
  const text = await box.cordon('flows', '--device', 'pump-1');
  t.match(text.stdout, /pump-1 +out +10\.77\.0\.1 +tcp 8080 .*allow\[3\]/, text.stderr);
  t.match(await box.cordon('flows', '--device', 'pump-2'), {
    code: 1,
    stderr: 'the policy has no device "pump-2"',
  });
  const limited = await box.cordon('flows', '--limit', '1');
  t.match(limited.stdout, '1 of 2; more with --limit');
  for (const download of downloads) await download.stop();
});
