import './support/in-own-namespace.js';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { waitFor } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../../agent/lab/network-lab.js';

const FAILURES = 6;
/** Nobody listens there. */
const CLOSED = Array.from({ length: FAILURES }, (_, index) => 9_101 + index);
const CLIENT = `
let left = process.argv.length - 2;
for (const port of process.argv.slice(2))
  require('node:net').connect({ host: process.argv[1], port: Number(port) }).on('error', () => { if (--left === 0) process.exit(0); });
`;

t.test('what failed in observe is told when it ends, over IPv4 and IPv6', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'cordon-ends-'));
  const lab = await createNetworkLab('bridge');
  t.teardown(async () => {
    await lab.close();
    await rm(dir, { recursive: true, force: true });
  });
  const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null);
  const policy = join(dir, 'policy.yaml');
  const observing = demoPolicy('bridge', lab.pumpMac).replace('mode: enforce', 'mode: observe');
  await writeFile(policy, `${observing}detect:\n  failedConnections: { leastFailures: ${2 * FAILURES} }\n`);
  const enforcer = await box.startEnforcer();
  await box.startAgent();
  const applied = await box.cordon('policy', 'apply', policy, '--no-confirm');
  t.equal(applied.code, 0, applied.stderr);
  for (const address of [HOSPITAL[0], HOSPITAL[1]])
    await lab.pump.must([process.execPath, '-e', CLIENT, address, ...CLOSED.map(String)]);
  await waitFor(
    async () => (await box.cordon('findings')).stdout.includes('found by failedConnections'),
    enforcer.ended,
    () => enforcer.output().slice(-2000),
  );
});
