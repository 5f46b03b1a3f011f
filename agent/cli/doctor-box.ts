/** Doctor's checks of this box: its configuration and interfaces, the two processes, the tables in the kernel. */
import { networkInterfaces } from 'node:os';
import { access } from 'node:fs/promises';
import type { BoxConfig } from '../policy/config.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import type { CliContext } from './context.js';
import { readConfigFile } from './documents.js';
import { fail, ok, warn, type Check } from './doctor-check.js';
import { CliError } from './errors.js';
import { runCommand } from './run-command.js';
import { withAgent, withEnforcer } from './sockets.js';

export interface BoxChecks {
  readonly checks: readonly Check[];
  /** Bridge mode, the default and the stricter one to check for, where no configuration says otherwise. */
  readonly mode: 'bridge' | 'router';
}

export async function checkBox(context: CliContext): Promise<BoxChecks> {
  const { config, check } = await checkConfig(context);
  const mode = config?.mode ?? 'bridge';
  const enforcer = await askEnforcer(context);
  return {
    mode,
    checks: [
      check,
      ...(config ? await checkInterfaces(config) : []),
      enforcer.check,
      await checkAgent(context),
      await checkTables(context, enforcer.status?.mode ?? mode, enforcer.status !== null),
    ],
  };
}

async function checkConfig(
  context: CliContext,
): Promise<{ readonly config: BoxConfig | null; readonly check: Check }> {
  const { configFile } = context.paths;
  const id = 'config';
  try {
    const config = await readConfigFile(configFile);
    return { config, check: ok(id, `${configFile}: ${config.mode} mode, box ${config.box}`) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    if (error.code === 'ENOENT')
      return {
        config: null,
        check: warn(id, `${configFile} is not there`, 'make install writes one to start from'),
      };
    const [first] = error.problems ?? [];
    const detail = first === undefined ? '' : `: ${first.path}: ${first.message}`;
    return { config: null, check: fail(id, `${error.message}${detail}`, `correct ${configFile}`) };
  }
}

async function checkInterfaces(config: BoxConfig): Promise<readonly Check[]> {
  const names = [
    ...config.devicePorts,
    ...config.networkPorts,
    ...(config.mode === 'bridge' ? [config.bridge] : []),
  ];
  return await Promise.all(
    names.map(async (name) => {
      const id = `interface.${name}`;
      if (!(await isThere(`/sys/class/net/${name}`)))
        return fail(
          id,
          'the configuration names it, this machine does not have it',
          'ip link shows the names there are',
        );
      if (
        config.mode === 'bridge' &&
        name !== config.bridge &&
        !(await isThere(`/sys/class/net/${config.bridge}/brif/${name}`))
      )
        return fail(
          id,
          `it is not a port of ${config.bridge}`,
          `ip link set ${name} master ${config.bridge}`,
        );
      // A bridge of two ports needs no address of its own; a router cannot route without.
      if (config.mode === 'router' && !networkInterfaces()[name])
        return warn(
          id,
          'it has no address, or is down',
          `ip address add … dev ${name}; ip link set ${name} up`,
        );
      return ok(id, 'there');
    }),
  );
}

async function askEnforcer(
  context: CliContext,
): Promise<{ readonly status: EnforcerStatus | null; readonly check: Check }> {
  const id = 'enforcer';
  try {
    const status = await withEnforcer(context, (client) => client.request('status', {}));
    return { status, check: ok(id, `answers, version ${status.version}, pid ${status.pid}`) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      status: null,
      check: fail(
        id,
        reason,
        'systemctl start cordon-enforcer; journalctl -u cordon-enforcer says why it stopped',
      ),
    };
  }
}

async function checkAgent(context: CliContext): Promise<Check> {
  const id = 'agent';
  try {
    const status = await withAgent(context, (client) => client.request('status', {}));
    if (!status.enforcerConnected)
      return warn(id, 'answers, but has no connection to the enforcer', 'systemctl status cordon-enforcer');
    if (status.broker.configured && !status.broker.connected)
      return warn(
        id,
        `answers, but the broker does not: ${status.broker.lastError ?? 'no connection yet'}`,
        'see mqtt in the configuration; events wait on disk meanwhile',
      );
    return ok(id, `answers, version ${status.version}, pid ${status.pid}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return warn(id, `${reason}; enforcement does not need it`, 'systemctl start cordon-agent');
  }
}

async function checkTables(
  context: CliContext,
  mode: 'bridge' | 'router',
  isEnforcing: boolean,
): Promise<Check> {
  const id = 'tables';
  const answer = await runCommand('nft', ['list', 'tables'], { environment: context.environment });
  if (answer.exitStatus !== 0)
    return warn(id, 'not seen: listing tables needs CAP_NET_ADMIN', 'sudo cordon doctor');
  const present = new Set(answer.stdout.split('\n').map((line) => line.trim()));
  const families = mode === 'bridge' ? ['inet', 'bridge'] : ['inet'];
  const missing = families.filter((family) => !present.has(`table ${family} cordon`));
  if (missing.length === 0) return ok(id, `table ${families.join(' and ')} cordon loaded`);
  const reason = `no table ${missing.join(', no table ')} cordon: nothing is enforced`;
  return isEnforcing
    ? fail(
        id,
        `${reason} here, though an enforcer answers`,
        'is the enforcer in another network namespace? cordon status',
      )
    : fail(id, reason, 'start the enforcer; at boot cordon-boot.service loads the last good rules');
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
