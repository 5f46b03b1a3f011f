import './support/in-own-namespace.js';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { makeDicomFile, startDicomServer, startWebServer, storeImage } from '../../agent/lab/clinical.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { waitFor } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../../agent/lab/network-lab.js';
import type { InventoryDetail, InventoryRow } from '../../agent/messages/agent-messages.js';

/** A DHCPDISCOVER of a Windows XP machine (RFC 2131 section 4.4.1), to whoever hears it. */
const DHCP_CLIENT = `
const socket = require('node:dgram').createSocket({ type: 'udp4', reuseAddr: true });
const mac = process.argv[1].split(':').map((pair) => parseInt(pair, 16));
const text = (code, value) => [code, value.length, ...Buffer.from(value)];
const head = [1, 1, 6, 0, 1, 2, 3, 4, ...Array(20).fill(0), ...mac, ...Array(202).fill(0), 99, 130, 83, 99];
const packet = Buffer.from([...head, 53, 1, 1, ...text(12, 'PUMP-WARD3'), ...text(60, 'MSFT 5.0'), 255]);
socket.bind(68, () => {
  socket.setBroadcast(true);
  socket.send(packet, 67, '255.255.255.255', () => socket.close());
});
`;

t.test('what real clients say is in the inventory of the box', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'cordon-inventory-'));
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
  const applied = await box.cordon('policy', 'apply', policy, '--no-confirm');
  t.equal(applied.code, 0, applied.stderr);

  const dicom = await startDicomServer(lab.hospital, dir);
  await startWebServer(lab.hospital, HOSPITAL[0], 8080);
  const image = await storeImage(lab.pump, HOSPITAL[0], await makeDicomFile(dir));
  t.equal(image.code, 0, image.stderr);
  await lab.pump.run([
    'curl',
    '--silent',
    '--user-agent',
    'Mozilla/4.0 (Windows NT 5.1)',
    `http://${HOSPITAL[0]}:8080/`,
  ]);
  await lab.pump.run([process.execPath, '-e', DHCP_CLIENT, lab.pumpMac]);

  const rows = async (): Promise<readonly InventoryRow[]> =>
    (JSON.parse((await box.cordon('devices', '--json')).stdout) as { rows: InventoryRow[] }).rows;
  const pump = async (): Promise<InventoryRow | undefined> =>
    (await rows()).find(({ policyName }) => policyName === 'pump-1');
  await waitFor(
    async () => {
      const found = await pump();
      return found?.fields.name !== undefined && ['DICOM', 'HTTP'].every((one) => found.speaks.includes(one));
    },
    enforcer.ended,
    () => `enforcer: ${enforcer.output().slice(-2000)} agent: ${agent.output().slice(-2000)}`,
  );
  const found = await pump();
  t.match(found, { macs: [lab.pumpMac], fields: { name: { value: 'PUMP-WARD3' }, port: { value: 'dev0' } } });
  t.match(found?.fields.os?.value ?? '', /^Windows/);
  t.match((await box.cordon('device', 'show', 'pump-1')).stdout, /name +PUMP1 +dicom\.ae-title/);
  t.equal((await rows()).length, 1, 'servers on the other side are not behind the box');
  t.match((await box.cordon('devices')).stdout, /pump-1 .*Example/, 'the make that the policy has');

  const entered = await box.cordon(
    'device',
    'set',
    'pump-1',
    'kind=infusion pump',
    'owner=Biomed',
    '--by',
    'nurse',
  );
  t.equal(entered.code, 0, entered.stderr);
  await agent.stop();
  await box.startAgent();
  const again = await pump();
  t.match(again, {
    fields: { kind: { value: 'infusion pump', source: 'operator' }, name: { value: 'PUMP-WARD3' } },
  });
  t.match(again?.operator.owner, { value: 'Biomed', by: 'nurse' });
  const detail = JSON.parse(
    (await box.cordon('device', 'show', lab.pumpMac, '--json')).stdout,
  ) as InventoryDetail;
  t.ok((detail.evidence.name ?? []).length > 0, 'the evidence outlives a restart');

  const set = await box.cordon('device', 'set', 'pump-1', 'endOfSupport=2014-04-08');
  t.equal(set.code, 0, set.stderr);
  const explained = await box.cordon('risk', 'explain', 'pump-1');
  t.match(explained.stdout, /residual .*\n +inherent /, explained.stderr);
  t.match(explained.stdout, /the box leaves 0 peers/, 'the policy in force counts');
  t.match((await box.cordon('eol')).stdout, /allow-list enforce|allow-list/, 'what compensates is named');

  const stored = await readFile(join(dir, 'state/agent/agent.db'), 'latin1');
  t.notMatch(stored, /NOBODY|LAB0/, 'the patient of the image is nowhere on disk');
  t.equal(await dicom.stored(), 1);
});
