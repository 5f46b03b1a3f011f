/**
 * The box of the lab: the real enforcer and agent, started through the command people use, with directories of its own.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BROKER_PORT } from './broker.js';
import type { Certificates } from './certificates.js';
import { waitFor, type Namespace, type Ran, type Running } from './namespace.js';
import type { LabMode } from './network-lab.js';

/** The compiled command, also when this file runs uncompiled in a test. */
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface LabBox {
  readonly environment: Readonly<Record<string, string>>;
  startEnforcer(): Promise<Running>;
  startAgent(): Promise<Running>;
  /** A `cordon` command on the box. */
  cordon(...words: string[]): Promise<Ran>;
}

export interface BoxBroker {
  readonly address: string;
  readonly certificates: Certificates;
}

export async function createLabBox(
  host: Namespace,
  dir: string,
  mode: LabMode,
  box: string,
  broker: BoxBroker | null,
): Promise<LabBox> {
  const environment = {
    CORDON_RUN_DIR: join(dir, 'run'),
    CORDON_STATE_DIR: join(dir, 'state'),
    CORDON_CONFIG: join(dir, 'config.yaml'),
    NO_COLOR: '1',
  };
  for (const sub of ['run', 'state/enforcer', 'state/agent'])
    await mkdir(join(dir, sub), { recursive: true });
  const lines = [`box: ${box}`, `mode: ${mode}`, 'devicePorts: [dev0]', 'networkPorts: [net0]'];
  if (broker) {
    const { address, certificates } = broker;
    const url = `mqtts://${address}:${BROKER_PORT}`;
    lines.push(
      'mqtt:',
      `  url: "${url}"`,
      `  caFile: ${certificates.caFile}`,
      `  certFile: ${certificates.certFile(box)}`,
      `  keyFile: ${certificates.keyFile(box)}`,
    );
  }
  await writeFile(environment.CORDON_CONFIG, `${lines.join('\n')}\n`);
  const start = async (process_: 'enforcer' | 'agent'): Promise<Running> => {
    const unit = await readUnit(process_);
    return host.start([process.execPath, ...unit.nodeFlags, MAIN, process_], {
      env: { ...environment, ...unit.environment },
    });
  };
  const answers = (request: string): Promise<boolean> =>
    host
      .run([process.execPath, MAIN, ...request.split(' ')], { env: environment })
      .then(({ code }) => code === 0);
  return {
    environment,
    async startEnforcer() {
      const running = await start('enforcer');
      await waitFor(
        () => answers('status --json'),
        running.ended,
        () => `enforcer: ${running.output().slice(-3000)}`,
      );
      return running;
    },
    async startAgent() {
      const running = await start('agent');
      await waitFor(
        () => answers('devices --json'),
        running.ended,
        () => `agent: ${running.output().slice(-3000)}`,
      );
      return running;
    },
    // A policy of 10,000 devices takes its time.
    cordon: (...words) =>
      host.run([process.execPath, MAIN, ...words], { env: environment, timeoutMs: 60_000 }),
  };
}

/** Node's flags and the environment as the unit has them, so that what is tried and measured here is what runs on a box. */
async function readUnit(
  process_: 'enforcer' | 'agent',
): Promise<{ nodeFlags: string[]; environment: Record<string, string> }> {
  const unit = await readFile(new URL(`../../systemd/cordon-${process_}.service`, import.meta.url), 'utf8');
  const [, program = ''] = /^ExecStart=\S+ (.*)$/m.exec(unit) ?? [];
  return {
    nodeFlags: program.split(' ').filter((word) => word.startsWith('--')),
    environment: Object.fromEntries(
      [...unit.matchAll(/^Environment="(\w+)=(.*)"$/gm)].map(([, name = '', value = '']) => [name, value]),
    ),
  };
}
