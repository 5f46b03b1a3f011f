/**
 * The box of the lab: the real enforcer and agent, started through the command people use, with directories of its own.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, DEFAULT_REQUEST_TIMEOUT_MS, type ConnectOptions, type IpcClient } from '../ipc/client.js';
import type { RequestTable } from '../ipc/request-table.js';
import { agentRequests } from '../messages/agent-messages.js';
import { requests } from '../messages/enforcer-messages.js';
import { pathsFromEnvironment } from '../paths.js';
import { BROKER_PORT } from './broker.js';
import type { Certificates } from './certificates.js';
import { PATIENCE, waitFor, type Namespace, type Ran, type Running } from './namespace.js';
import type { LabMode } from './network-lab.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export type BoxProcess = 'enforcer' | 'agent';

/** What a test changes of how a process is started: another environment (a faked clock), another build (an upgrade). */
export interface StartHow {
  readonly environment?: Readonly<Record<string, string>>;
  readonly main?: string;
}

export interface LabBox {
  readonly environment: Readonly<Record<string, string>>;
  /** Resolves once it answers. */
  startEnforcer(how?: StartHow): Promise<Running>;
  startAgent(how?: StartHow): Promise<Running>;
  /** One question to a running process; rejects as the command would fail. */
  askEnforcer: IpcClient<typeof requests>['request'];
  askAgent: IpcClient<typeof agentRequests>['request'];
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
  /** Further lines of its configuration. */
  settings: readonly string[] = [],
): Promise<LabBox> {
  const environment = {
    CORDON_RUN_DIR: join(dir, 'run'),
    CORDON_STATE_DIR: join(dir, 'state'),
    CORDON_CONFIG: join(dir, 'config.yaml'),
    CORDON_TIMEOUT: String((DEFAULT_REQUEST_TIMEOUT_MS / 1000) * PATIENCE),
    NO_COLOR: '1',
  };
  for (const sub of ['run', 'state/enforcer', 'state/agent'])
    await mkdir(join(dir, sub), { recursive: true });
  const lines = [`box: ${box}`, `mode: ${mode}`, 'devicePorts: [dev0]', 'networkPorts: [net0]', ...settings];
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
  const paths = pathsFromEnvironment(environment);
  const timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS * PATIENCE;
  const enforcerSocket = { socketPath: paths.enforcerSocket, peerName: 'enforcer', requests, timeoutMs };
  const agentSocket = {
    socketPath: paths.agentSocket,
    peerName: 'agent',
    requests: agentRequests,
    timeoutMs,
  };
  const start = async (which: BoxProcess, how: StartHow, ask: () => Promise<unknown>): Promise<Running> => {
    const unit = await readUnit(which);
    const program = [process.execPath, ...unit.nodeFlags, how.main ?? MAIN, which];
    // Who may not raise its priority (no root) is told so by `nice`, which goes on.
    const running = await host.start(unit.nice === null ? program : ['nice', '-n', unit.nice, ...program], {
      env: { ...environment, ...unit.environment, ...how.environment },
    });
    try {
      await waitFor(
        () =>
          ask().then(
            () => true,
            () => false,
          ),
        running.ended,
        () => `${which}: ${running.output().slice(-3000)}`,
      );
    } catch (error) {
      running.signal('SIGKILL');
      throw error;
    }
    return running;
  };
  const askEnforcer: LabBox['askEnforcer'] = (name, params, options) =>
    asking(enforcerSocket, (client) => client.request(name, params, options));
  const askAgent: LabBox['askAgent'] = (name, params, options) =>
    asking(agentSocket, (client) => client.request(name, params, options));
  return {
    environment,
    startEnforcer: (how = {}) => start('enforcer', how, () => askEnforcer('status', {})),
    startAgent: (how = {}) => start('agent', how, () => askAgent('status', {})),
    askEnforcer,
    askAgent,
    // A policy of 10,000 devices takes its time.
    cordon: (...words) =>
      host.run([process.execPath, MAIN, ...words], { env: environment, timeoutMs: 60_000 }),
  };
}

async function asking<T extends RequestTable, Result>(
  options: ConnectOptions<T>,
  use: (client: IpcClient<T>) => Promise<Result>,
): Promise<Result> {
  const client = await connect(options);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

interface Unit {
  readonly nodeFlags: readonly string[];
  readonly nice: string | null;
  readonly environment: Readonly<Record<string, string>>;
}

/** Node's flags, priority and environment as the unit has them, so that what is tried and measured here is what runs on a box. */
async function readUnit(which: BoxProcess): Promise<Unit> {
  const unit = await readFile(new URL(`../../systemd/cordon-${which}.service`, import.meta.url), 'utf8');
  const [, program = ''] = /^ExecStart=\S+ (.*)$/m.exec(unit) ?? [];
  return {
    nodeFlags: program.split(' ').filter((word) => word.startsWith('--')),
    nice: /^Nice=(\S+)$/m.exec(unit)?.[1] ?? null,
    environment: Object.fromEntries(
      [...unit.matchAll(/^Environment="(\w+)=(.*)"$/gm)].map(([, name = '', value = '']) => [name, value]),
    ),
  };
}
