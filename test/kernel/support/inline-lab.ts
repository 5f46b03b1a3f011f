/** A lab with the real enforcer inline, for tests of what becomes of first packets while it judges, fails or hangs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demoPolicy } from '../../../agent/lab/demo-policy.js';
import { createLabBox, type LabBox } from '../../../agent/lab/lab-box.js';
import { waitFor, type Running } from '../../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL, type LabMode, type NetworkLab } from '../../../agent/lab/network-lab.js';
import type { EnforcerStatus } from '../../../agent/messages/vocabulary.js';

export const FAMILIES = [4, 6] as const;
export type Family = (typeof FAMILIES)[number];
export const PERMITTED = 8080;
export const ESSENTIAL = 2575;
export const FORBIDDEN = 8081;
/** Permitted as a range, and enough ports to be a scan. */
export const SCANNED = Array.from({ length: 24 }, (_, index) => 9000 + index);

/** Says nothing: a port that carried data is no longer counted as one that was scanned, and the data might be seen before the next port is. */
const SERVER = `
for (const port of process.argv.slice(1))
  require('node:net').createServer((socket) => socket.on('error', () => undefined).resume()).listen({ host: '::', port, backlog: 4096 });
setTimeout(() => console.log('listening'), 200);
`;

/** Connects to each port \`times\` times at once; prints what became of them. */
const CLIENT = `
const [host, ports, times, timeoutMs] = process.argv.slice(1);
const net = require('node:net');
const result = { connected: [], failed: [], slowestMs: 0, withinSecond: 0 };
let left = 0;
const done = () => { if (--left === 0) { console.log(JSON.stringify(result)); process.exit(0); } };
for (let round = 0; round < Number(times); round++) for (const port of ports.split(',').map(Number)) {
  left++;
  const began = performance.now();
  const socket = net.connect({ host, port });
  const timer = setTimeout(() => { result.failed.push(port); socket.destroy(); done(); }, Number(timeoutMs));
  socket.on('error', () => { clearTimeout(timer); result.failed.push(port); done(); });
  socket.on('connect', () => {
    clearTimeout(timer);
    const tookMs = performance.now() - began;
    result.connected.push(port);
    result.slowestMs = Math.max(result.slowestMs, tookMs);
    if (tookMs < 1000) result.withinSecond++;
    socket.destroy();
    done();
  });
}
`;

export interface Connections {
  readonly connected: readonly number[];
  readonly failed: readonly number[];
  readonly slowestMs: number;
  readonly withinSecond: number;
}

export class InlineLab {
  readonly lab: NetworkLab;
  readonly box: LabBox;
  readonly #dir: string;
  #enforcer: Running;

  private constructor(lab: NetworkLab, box: LabBox, dir: string, enforcer: Running) {
    this.lab = lab;
    this.box = box;
    this.#dir = dir;
    this.#enforcer = enforcer;
  }

  static async create(mode: LabMode, settings: readonly string[] = []): Promise<InlineLab> {
    const dir = await mkdtemp(join(tmpdir(), 'cordon-inline-'));
    const lab = await createNetworkLab(mode);
    const box = await createLabBox(lab.box, dir, mode, 'box-1', null, settings);
    const ports = [PERMITTED, ESSENTIAL, FORBIDDEN, ...SCANNED].map(String);
    await lab.hospital.start([process.execPath, '-e', SERVER, ...ports], { readyWhen: /listening/ });
    const policy = join(dir, 'policy.yaml');
    await writeFile(
      policy,
      `${demoPolicy(mode, lab.pumpMac).replace('ports: [8080]', 'ports: [8080, "9000-9999"]')}detect:\n  portScan: { action: refuse, ports: 5 }\n`,
    );
    const made = new InlineLab(lab, box, dir, await box.startEnforcer());
    const applied = await box.cordon('policy', 'apply', policy, '--no-confirm');
    if (applied.code !== 0) throw new Error(applied.stderr);
    return made;
  }

  get enforcer(): Running {
    return this.#enforcer;
  }

  async restart(): Promise<void> {
    await this.#enforcer.stop();
    this.#enforcer = await this.box.startEnforcer();
    await this.isInline();
  }

  async status(): Promise<EnforcerStatus> {
    const { stdout, stderr } = await this.box.cordon('status', '--json');
    if (stdout === '') throw new Error(stderr);
    return (JSON.parse(stdout) as { enforcer: EnforcerStatus }).enforcer;
  }

  /** Until first packets are held. */
  isInline(): Promise<void> {
    return waitFor(
      async () => (await this.status()).inspection.active === 'inline',
      this.#enforcer.ended,
      () => `not inline: ${this.#enforcer.output().slice(-2000)}`,
    );
  }

  async connect(
    family: Family,
    ports: readonly number[],
    { times = 1, timeoutMs = 1_000 } = {},
  ): Promise<Connections> {
    const host = HOSPITAL[family === 4 ? 0 : 1];
    const stdout = await this.lab.pump.must(
      [process.execPath, '-e', CLIENT, host, ports.join(','), String(times), String(timeoutMs)],
      { timeoutMs: timeoutMs + 20_000 },
    );
    return JSON.parse(stdout) as Connections;
  }

  async close(): Promise<void> {
    // A stopped process does not hear SIGTERM.
    this.#enforcer.signal('SIGCONT');
    await this.lab.close();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
