import './support/in-own-namespace.js';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  makeDicomFile,
  sendHl7,
  startDicomServer,
  startHl7Server,
  startWebServer,
  storeImage,
} from '../../agent/lab/clinical.js';
import { createLabBox } from '../../agent/lab/lab-box.js';
import { PATIENCE, waitFor, type Namespace } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL, OUTSIDE, PUMP } from '../../agent/lab/network-lab.js';
import type { LearnDetail } from '../../agent/messages/agent-messages.js';

const PUMP_WEB_PORT = 8081;
/** Somebody in the hospital who is no server of the pump. */
const SCANNER = '10.77.0.30';

const policyText = (mac: string): string => `# kept by hand
version: 1
site: { name: Ward, networks: [10.77.0.0/24, "fd77::/64"] }
unknownDevices: refuse
devices:
  pump-1:
    identity: { macs: ["${mac}"], addresses: [${PUMP.bridge[0]}, "${PUMP.bridge[1]}"] }
    mode: observe
`;

async function curl(from: Namespace, address: string, port: number): Promise<boolean> {
  const host = address.includes(':') ? `[${address}]` : address;
  const { code } = await from.run([
    'curl',
    '--silent',
    '--max-time',
    String(3 * PATIENCE),
    '-o',
    '/dev/null',
    `http://${host}:${port}/`,
  ]);
  return code === 0;
}

t.test('observe, propose, shadow, prove, enforce: the same clients go on, and nobody else', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'cordon-learn-'));
  const lab = await createNetworkLab('bridge');
  t.teardown(async () => {
    await lab.close();
    await rm(dir, { recursive: true, force: true });
  });
  const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null);
  const enforcer = await box.startEnforcer();
  const agent = await box.startAgent();
  const output = (): string =>
    `enforcer: ${enforcer.output().slice(-1500)} agent: ${agent.output().slice(-1500)}`;
  const cordon = async (code: number, ...words: string[]): Promise<string> => {
    const ran = await box.cordon(...words);
    t.equal(ran.code, code, `cordon ${words.join(' ')}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  };
  const apply = (file: string): Promise<string> => cordon(0, 'policy', 'apply', file, '--no-confirm');
  const first = join(dir, 'policy.yaml');
  await writeFile(first, policyText(lab.pumpMac));
  await apply(first);

  const dicom = await startDicomServer(lab.hospital, dir);
  const image = await makeDicomFile(dir);
  for (const address of HOSPITAL) {
    await startHl7Server(lab.hospital, address);
    await startWebServer(lab.hospital, address, 8080);
  }
  for (const address of PUMP.bridge) await startWebServer(lab.pump, address, PUMP_WEB_PORT);
  for (const address of OUTSIDE) await startWebServer(lab.outside, address, 80);
  const ping = async (from: Namespace, to: string): Promise<boolean> =>
    (await from.run(['ping', '-c', '1', '-W', '2', to])).code === 0;
  /** What the pump is for, and who maintains it: each over both families where the client can. */
  const work = async (): Promise<Record<string, boolean>> => {
    const [dicomCode, hl7, hl7v6] = await Promise.all([
      storeImage(lab.pump, HOSPITAL[0], image).then(({ code }) => code),
      sendHl7(lab.pump, HOSPITAL[0], 2).then(({ code }) => code),
      sendHl7(lab.pump, HOSPITAL[1], 2).then(({ code }) => code),
    ]);
    return {
      dicom: dicomCode === 0,
      hl7: hl7 === 0,
      hl7v6: hl7v6 === 0,
      download: await curl(lab.pump, HOSPITAL[0], 8080),
      downloadv6: await curl(lab.pump, HOSPITAL[1], 8080),
      maintenance: await curl(lab.hospital, PUMP.bridge[0], PUMP_WEB_PORT),
      maintenancev6: await curl(lab.hospital, PUMP.bridge[1], PUMP_WEB_PORT),
      ping: await ping(lab.pump, HOSPITAL[0]),
      pingv6: await ping(lab.pump, HOSPITAL[1]),
    };
  };
  const works = Object.fromEntries(
    ['dicom', 'hl7', 'hl7v6', 'download', 'downloadv6', 'maintenance', 'maintenancev6', 'ping', 'pingv6'].map(
      (name) => [name, true],
    ),
  );
  const shown = async (): Promise<LearnDetail> =>
    JSON.parse((await box.cordon('learn', 'propose', 'pump-1', '--json')).stdout) as LearnDetail;
  interface Json {
    readonly proposals: readonly {
      readonly entry: object;
      readonly evidence: { readonly ended: number; readonly count: number; readonly bytesIn: number };
    }[];
    readonly leftOut: readonly {
      readonly reason: string;
      readonly habits: readonly { readonly peer: string }[];
    }[];
    readonly policy: string;
  }
  const proposal = async (): Promise<Json> => (await shown()) as unknown as Json;

  t.same(await work(), works, 'observe: everything works');
  t.same(await work(), works, 'and again: it is a habit');
  await lab.hospital.run(
    [
      'nmap',
      '-n',
      '-Pn',
      '-sS',
      '-T4',
      '-S',
      SCANNER,
      '-e',
      'eth0',
      '--max-retries',
      '0',
      '-p',
      '1-80',
      PUMP.bridge[0],
    ],
    { timeoutMs: 30_000 },
  );
  // The kernel tells of ends when it gets round to them, which may take it minutes.
  await lab.box.must(['conntrack', '-F']);
  let seen: Json = { proposals: [], leftOut: [], policy: '' };
  await waitFor(
    async () => {
      seen = await proposal();
      const isEnded =
        seen.proposals.length >= 9 && seen.proposals.every(({ evidence }) => evidence.ended > 0);
      return isEnded && seen.leftOut.some(({ reason }) => reason === 'finding');
    },
    enforcer.ended,
    () => `${JSON.stringify(seen.proposals, null, 1)} ${output()}`,
  );
  const entry = (direction: string, address: string, protocol: string, ports?: string[]) => ({
    ...{ direction, peer: { address }, protocol, ...(ports === undefined ? {} : { ports }) },
  });
  const expected = [
    entry('out', HOSPITAL[0], 'tcp', ['104']),
    ...HOSPITAL.flatMap((address) => [
      entry('out', address, 'tcp', ['2575']),
      entry('out', address, 'tcp', ['8080']),
      entry('in', address, 'tcp', [String(PUMP_WEB_PORT)]),
      {
        ...entry('out', address, address.includes(':') ? 'icmpv6' : 'icmp'),
        icmpTypes: [address.includes(':') ? 128 : 8],
      },
    ]),
  ];
  const keys = (entries: readonly object[]): readonly string[] =>
    entries.map((one) => JSON.stringify({ ...one, why: '' })).sort();
  t.same(
    keys(seen.proposals.map(({ entry: one }) => one)),
    keys(expected),
    'exactly what was used, both families',
  );
  t.ok(
    seen.proposals.every(({ evidence }) => evidence.count >= 2 && evidence.bytesIn > 0),
    'with counts and bytes',
  );
  t.ok(
    seen.leftOut
      .filter(({ reason }) => reason === 'finding')
      .every(({ habits }) => habits.every(({ peer }) => peer === SCANNER)),
    'what the scanner did is left out, and nothing else',
  );

  const proposed = join(dir, 'proposed.yaml');
  await cordon(0, 'learn', 'propose', 'pump-1', '--mode', 'shadow', '-o', proposed);
  const text = await readFile(proposed, 'utf8');
  t.match(text, /# kept by hand[^]*# left out: in tcp.* from 10\.77\.0\.30/);
  t.match(
    await cordon(0, 'learn', 'prove', 'pump-1', '--policy', proposed),
    /Nothing that pump-1 was seen to do/,
  );
  await apply(proposed);

  t.same(await work(), works, 'shadow: everything works');
  t.match(await cordon(0, 'learn', 'shadow', 'pump-1'), /0 connections that enforce would refuse/);
  for (const address of OUTSIDE)
    t.ok(await curl(lab.pump, address, 80), `shadow refuses nothing: ${address}`);
  let shadow = '';
  await waitFor(
    async () => {
      shadow = (await box.cordon('learn', 'shadow', 'pump-1')).stdout;
      return OUTSIDE.every((address) => shadow.includes(`out tcp/80 to ${address}: 1 time,`));
    },
    enforcer.ended,
    () => `${shadow} ${output()}`,
  );
  t.match(shadow, /kernel counted 2 first packets/);
  t.match(await cordon(0, 'status'), /2 first packets that enforce would refuse/);
  const broken = await cordon(1, 'learn', 'prove', 'pump-1');
  t.match(broken, /^2 of \d+ connections .* would be refused[^]*203\.0\.113\.10[^]*- \{ direction: out/);

  const enforced = join(dir, 'enforced.yaml');
  await writeFile(enforced, text.replace('mode: shadow', 'mode: enforce'));
  await apply(enforced);
  t.same(await work(), works, 'enforce: the same clients work');
  for (const address of OUTSIDE) t.notOk(await curl(lab.pump, address, 80), `enforce refuses ${address}`);
  t.notOk(await curl(lab.hospital, PUMP.bridge[0], 8444), 'and a port of the pump that nobody was allowed');
  t.equal(await dicom.stored(), 1);

  await agent.stop();
  await box.startAgent();
  t.match(await cordon(0, 'learn', 'status'), /pump-1/, 'what was learnt outlives a restart');
});
