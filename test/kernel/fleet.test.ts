import './support/in-own-namespace.js';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { OPERATOR, READER, startBroker, subscribe, BROKER_PORT } from '../../agent/lab/broker.js';
import { createCertificates } from '../../agent/lab/certificates.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { must, waitFor } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../../agent/lab/network-lab.js';
import type { ContainmentOrder, DesiredResult } from '../../agent/messages/vocabulary.js';

const dir = await mkdtemp(join(tmpdir(), 'cordon-fleet-'));
const lab = await createNetworkLab('bridge');
t.teardown(async () => {
  await lab.close();
  await rm(dir, { recursive: true, force: true });
});
const certificates = await createCertificates(dir, ['box-1', READER, OPERATOR], [HOSPITAL[0]]);
await startBroker(lab.hospital, HOSPITAL[0], dir, certificates);
const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', { address: HOSPITAL[0], certificates });
const keys: string[] = [];
for (const [kid, role] of [
  ['online-1', 'online'],
  ['policy-1', 'policy'],
] as const) {
  const key = join(dir, `${kid}.pem`);
  await must(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', key]);
  const publicKey = await must(['sh', '-c', `openssl pkey -in ${key} -pubout -outform DER | base64 -w0`]);
  keys.push(`    - { kid: ${kid}, role: ${role}, publicKey: ${publicKey.trim()} }`);
}
await appendFile(join(dir, 'config.yaml'), `fleet:\n  keys:\n${keys.join('\n')}\n`);
await box.startEnforcer();
const policyFile = join(dir, 'policy.yaml');
await writeFile(policyFile, demoPolicy('bridge', lab.pumpMac));
await box.cordon('policy', 'apply', policyFile, '--no-confirm');
let agent = await box.startAgent();
const operator = await subscribe(lab.hospital, HOSPITAL[0], certificates);

let documents = 0;
const sign = async (kid: string, ver: number, parts: object): Promise<string> => {
  const file = join(dir, `document-${(documents += 1)}.json`);
  await writeFile(file, JSON.stringify({ aud: 'box-1', ver, orders: [], ...parts }));
  const ran = await box.cordon(
    'fleet',
    'sign-containment',
    '--key',
    join(dir, `${kid}.pem`),
    '--kid',
    kid,
    file,
  );
  if (ran.code !== 0) throw new Error(ran.stderr);
  return ran.stdout.trim();
};
/** Retained, as an operator does. */
const publish = (message: string): Promise<string> =>
  lab.hospital.must(
    [
      ...['mosquitto_pub', '-V', '5', '-h', HOSPITAL[0], '-p', String(BROKER_PORT), '-q', '1', '-r'],
      ...['--cafile', certificates.caFile, '--cert', certificates.certFile(OPERATOR)],
      ...['--key', certificates.keyFile(OPERATOR), '-t', 'cordon/v1/box-1/desired/containment', '-s'],
    ],
    { input: message },
  );
interface Reported {
  readonly orders: readonly ContainmentOrder[];
  readonly desired: readonly DesiredResult[];
}
const reported = (fits: (reported: Reported) => boolean) =>
  operator.arrived('/reported/containment', (payload) => fits(payload as Reported), 20_000);
const isApplied = ({ desired }: Reported, kid: string, ver: number): boolean =>
  desired.some((one) => one.kid === kid && one.ver === ver && one.state === 'applied');

const contain = { scope: { device: 'pump-1' }, level: 'contained', by: 'soc', reason: 'beacons' };

t.test('an online key contains a device; the box says so at the broker, with who and why', async (t) => {
  await publish(await sign('online-1', 1, { orders: [contain] }));
  const { payload } = await reported((one) => isApplied(one, 'online-1', 1) && one.orders.length === 1);
  t.match(payload, {
    orders: [{ scope: { device: 'pump-1' }, level: 'contained', by: 'soc (key online-1)', source: 'fleet' }],
  });
  const event = await operator.arrived('/evt/7001', () => true, 20_000);
  t.match(JSON.stringify(event.payload), /"by":"soc \(key online-1\)".*beacons/);
});

t.test('it cannot cut, and nobody without a key can do anything', async (t) => {
  await publish(await sign('online-1', 2, { orders: [{ ...contain, level: 'cut', confirmedBy: 'ciso' }] }));
  await reported(({ desired }) => desired.some(({ detail }) => detail.includes('by name only')));
  await publish('eyJhbGciOiJub25lIn0.e30.');
  await reported(({ desired }) => desired.some(({ detail }) => detail.includes('its header is not that')));
  const { stdout } = await box.cordon('status');
  t.match(stdout, /Fleet +document 1 of key online-1 is applied[^]*a document REFUSED/);
});

t.test('a box that was offline converges, and the policy key ends only what it names', async (t) => {
  agent.signal('SIGKILL');
  await agent.ended;
  const local = await box.cordon('contain', 'pump-1', '--reason', 'a nurse saw it', '--by', 'nurse');
  t.equal(local.code, 0, local.stderr);
  await publish(
    [
      await sign('policy-1', 1, { orders: [{ ...contain, scope: 'box', by: 'ciso' }] }),
      await sign('online-1', 3, { orders: [contain] }),
    ].join('\n'),
  );
  agent = await box.startAgent();
  const { payload } = await reported((one) => isApplied(one, 'policy-1', 1) && isApplied(one, 'online-1', 3));
  t.same((payload as Reported).orders.map(({ by }) => by.replace(/ \(uid.*/, '')).sort(), [
    'ciso (key policy-1)',
    'nurse',
    'soc (key online-1)',
  ]);
  await publish(await sign('policy-1', 2, {}));
  const ended = await reported((one) => isApplied(one, 'policy-1', 2) && one.orders.length === 1);
  t.match(ended.payload, { orders: [{ source: 'cli' }] }, 'what people ordered on the box goes on');
  const releases = [{ scope: { device: 'pump-1' }, by: 'ciso', reason: 're-imaged', orders: 'all' }];
  await publish(await sign('policy-1', 3, { releases }));
  await reported((one) => isApplied(one, 'policy-1', 3) && one.orders.length === 0);
  await publish(await sign('policy-1', 1, { orders: [{ ...contain, scope: 'box', by: 'ciso' }] }));
  await reported(({ desired }) => desired.some(({ detail }) => detail.includes('older (ver 1)')));
  await waitFor(
    async () => /Contained +nobody/.test((await box.cordon('status')).stdout),
    agent.ended,
    () => 'an old document was played back',
  );
  t.pass('what is old stays refused');
});
