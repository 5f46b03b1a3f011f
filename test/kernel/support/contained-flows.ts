/**
 * Live UDP and ICMP in both families, opened by either end, while the real box contains and cuts: the same in bridge and in router mode.
 * Clients know nothing of it: they go on sending, and have to go on by themselves after the release.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type t from 'tap';
import { createLabBox } from '../../../agent/lab/lab-box.js';
import { PATIENCE, waitFor, type Namespace, type Running } from '../../../agent/lab/namespace.js';
import {
  createNetworkLab,
  HOSPITAL,
  PUMP,
  type LabMode,
  type NetworkLab,
} from '../../../agent/lab/network-lab.js';

const PORTS = { essential: 5100, other: 5200 } as const;
/** Where a machine is emulated, as seldom as it can answer. */
const EVERY_MS = 10 * PATIENCE;
/** Answers more that are taken for "it goes on". */
const PROGRESS = 5;

/**
 * Asks every few milliseconds from one socket, which is one connection. The questions are numbered: for each answer it says the number and how
 * many came, so that a question on its way, or a machine that is slow to answer, is not taken for lost.
 */
const ASK = `
const [host, port] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
let [asked, answered] = [0, 0];
socket.on('error', () => undefined).on('message', (number) => console.log(String(number), ++answered));
setInterval(() => socket.send(String(++asked), Number(port), host), ${EVERY_MS});
`;
const ANSWER = `
for (const port of process.argv.slice(1)) {
  const socket = require('node:dgram').createSocket({ type: 'udp6' });
  socket.on('error', () => undefined).on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(Number(port), () => console.log('ready'));
}
`;

class Flow {
  readonly name: string;
  readonly isEssential: boolean;
  readonly #running: Running;

  constructor(name: string, isEssential: boolean, running: Running) {
    this.name = name;
    this.isEssential = isEssential;
    this.#running = running;
  }

  answered(): number {
    return this.#running.output().split('\n').length - 1;
  }

  /** Of a datagram flow: how many questions before the one that was answered last have no answer. */
  lost(): number {
    const [number = '0', answered = '0'] =
      this.#running.output().trimEnd().split('\n').at(-1)?.split(' ') ?? [];
    return Number(number) - Number(answered);
  }

  async goesOn(): Promise<void> {
    const before = this.answered();
    await waitFor(
      () => this.answered() >= before + PROGRESS,
      this.#running.ended,
      () => `${this.name} does not go on`,
    );
  }
}

export async function testContainedFlows(tap: typeof t, mode: LabMode): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'cordon-flows-'));
  const lab = await createNetworkLab(mode);
  tap.teardown(async () => {
    await lab.close();
    await rm(dir, { recursive: true, force: true });
  });
  const box = await createLabBox(lab.box, dir, mode, 'box-1', null);
  await box.startEnforcer();
  const cordon = async (...words: string[]): Promise<string> => {
    const ran = await box.cordon(...words);
    if (ran.code !== 0) throw new Error(`${words.join(' ')}: ${ran.stderr}`);
    return ran.stdout;
  };
  await writeFile(join(dir, 'policy.yaml'), policyText(mode, lab.pumpMac));
  await cordon('policy', 'apply', join(dir, 'policy.yaml'), '--no-confirm');

  const ports = Object.values(PORTS).map(String);
  for (const host of [lab.pump, lab.hospital])
    await host.start([process.execPath, '-e', ANSWER, ...ports], { readyWhen: /ready[^]*ready/ });
  const flows: Flow[] = [];
  for (const [from, to, addresses] of [
    ['pump', 'hospital', HOSPITAL],
    ['hospital', 'pump', PUMP[mode]],
  ] as const)
    for (const address of addresses)
      flows.push(...(await startFlows(lab[from], `${from} to ${to}`, address)));
  await Promise.all(flows.map((flow) => flow.goesOn()));
  const essential = flows.filter((flow) => flow.isEssential);
  const others = flows.filter((flow) => !flow.isEssential);
  const [witness] = essential;
  if (!witness) throw new Error('no essential flow');
  const tracked = async (port: number): Promise<number> =>
    (await lab.box.must(['sh', '-c', 'conntrack -L -f ipv4 2>/dev/null; conntrack -L -f ipv6 2>/dev/null']))
      .split('\n')
      .filter((line) => line.includes(`dport=${port} `) && !line.includes('UNREPLIED')).length;

  tap.test('contain stops live UDP and ICMP both ways, and essential flows lose no packet', async (t) => {
    const lostBefore = essential.map((flow) => flow.lost());
    const overflowedBefore = await overflowed(lab);
    await cordon('contain', 'pump-1', '--reason', 'test');
    await witness.goesOn();
    const before = others.map((flow) => flow.answered());
    await witness.goesOn();
    for (const [index, flow] of others.entries())
      t.equal(flow.answered(), before[index], `stands still: ${flow.name}`);
    t.equal(await tracked(PORTS.other), 0, 'their connections are gone');
    t.equal(await tracked(PORTS.essential), 4, 'those of essential flows are not');
    await cordon('release', 'pump-1', '--reason', 'test');
    await Promise.all(flows.map((flow) => flow.goesOn()));
    t.pass('released, clients that never stopped asking go on by themselves');
    // A program that gets no processor lets its socket overflow: that is lost in nobody's network.
    const spilt = (await overflowed(lab)) - overflowedBefore;
    const lost = essential.map((flow, index) => flow.lost() - (lostBefore[index] ?? 0));
    for (const [index, flow] of essential.entries())
      t.ok((lost[index] ?? 0) <= spilt, `lost: ${flow.name}`, { lost: lost[index], spilt });
  });

  tap.test('cut stops essential flows too, and they go on after the release', async (t) => {
    await cordon('cut', 'pump-1', '--confirm', 'pump-1', '--reason', 'test');
    const before = flows.map((flow) => flow.answered());
    // Answers that were written before the order are read with the first of these.
    const stopped = await stillAfter(flows, before);
    t.same(stopped, [], 'nothing goes on');
    t.equal((await tracked(PORTS.other)) + (await tracked(PORTS.essential)), 0, 'no connection is left');
    await cordon('release', 'pump-1', '--reason', 'test');
    await Promise.all(flows.map((flow) => flow.goesOn()));
    t.pass('all go on');
  });
}

/** Datagrams that arrived and found a full socket, in both namespaces and families. */
async function overflowed(lab: NetworkLab): Promise<number> {
  let sum = 0;
  for (const host of [lab.pump, lab.hospital]) {
    const text = await host.must(['cat', '/proc/net/snmp', '/proc/net/snmp6']);
    const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith('Udp: '));
    const at = names.split(' ').indexOf('RcvbufErrors');
    sum += Number(values.split(' ')[at]) + Number(/^Udp6RcvbufErrors\s+(\d+)$/m.exec(text)?.[1] ?? 0);
  }
  return sum;
}

/** The names of those that were answered after everything under way had arrived. */
async function stillAfter(flows: readonly Flow[], before: readonly number[]): Promise<string[]> {
  let counts = before;
  let rounds = 0;
  await waitFor(
    () => {
      const now = flows.map((flow) => flow.answered());
      rounds = now.every((count, index) => count === counts[index]) ? rounds + 1 : 0;
      counts = now;
      return rounds >= 10;
    },
    new Promise(() => undefined),
    () => 'something goes on',
  ).catch(() => undefined);
  return rounds >= 10 ? [] : flows.map(({ name }) => name);
}

async function startFlows(from: Namespace, direction: string, address: string): Promise<Flow[]> {
  const flows: Flow[] = [];
  for (const [what, port] of Object.entries(PORTS)) {
    const running = await from.start([process.execPath, '-e', ASK, address, String(port)]);
    flows.push(new Flow(`UDP ${direction}, ${address}, ${what}`, what === 'essential', running));
  }
  const ping = await from.start(['ping', '-n', '-i', '0.05', address]);
  flows.push(new Flow(`ICMP ${direction}, ${address}`, false, ping));
  return flows;
}

function policyText(mode: LabMode, pumpMac: string): string {
  const [address4, address6] = PUMP[mode];
  const entries = (['out', 'in'] as const).flatMap((direction) => [
    `{ direction: ${direction}, peer: { group: servers }, protocol: udp, ports: [${PORTS.essential}], essential: true, why: alarms }`,
    `{ direction: ${direction}, peer: { group: servers }, protocol: udp, ports: [${PORTS.other}], why: records }`,
    `{ direction: ${direction}, peer: { group: servers }, protocol: icmp, why: ping }`,
    `{ direction: ${direction}, peer: { group: servers }, protocol: icmpv6, why: ping }`,
  ]);
  return `version: 1
site: { name: Flows, networks: [10.77.0.0/16, 10.78.0.0/16, "fd77::/64", "fd78::/64"] }
unknownDevices: refuse
groups:
  servers: [{ address: ${HOSPITAL[0]} }, { address: "${HOSPITAL[1]}" }]
devices:
  pump-1:
    identity: { macs: ["${pumpMac}"], addresses: [${address4}, "${address6}"] }
    mode: enforce
    allow:
${entries.map((entry) => `      - ${entry}\n`).join('')}`;
}
