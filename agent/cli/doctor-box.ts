/** Doctor's checks of this box: its configuration and interfaces, the two processes, the tables in the kernel. */
import { z } from 'zod';
import type { BoxConfig } from '../policy/config.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import type { CliContext } from './context.js';
import { readConfigFile } from './documents.js';
import { fail, ok, warn, type Check } from './doctor-check.js';
import { firstLine } from './doctor-kernel.js';
import { CliError } from './errors.js';
import { runCommand } from './run-command.js';
import { withAgent, withEnforcer } from './sockets.js';
import { SHOW_VARIABLES_CHANGE, TAKE_VARIABLES_OVER, variableNames } from './status-lines.js';

export interface BoxChecks {
  readonly checks: readonly Check[];
  /** Bridge mode, the default and the stricter one to check for, where no configuration says otherwise. */
  readonly mode: 'bridge' | 'router';
  /** Whether frames with a VLAN tag are filtered at all. */
  readonly hasVlans: boolean;
}

export async function checkBox(context: CliContext): Promise<BoxChecks> {
  const { config, check } = await checkConfig(context);
  const mode = config?.mode ?? 'bridge';
  const enforcer = await askEnforcer(context);
  return {
    mode,
    hasVlans: (config?.vlans.length ?? 0) > 0,
    checks: [
      check,
      ...(config ? await checkInterfaces(context, config) : []),
      enforcer.check,
      ...(enforcer.status ? [checkPortGuard(enforcer.status), checkAnnouncements(enforcer.status)] : []),
      ...(enforcer.status ? checkVariables(enforcer.status) : []),
      ...(enforcer.status ? checkPanel(enforcer.status) : []),
      await checkAgent(context),
      await checkTables(context, enforcer.status?.mode ?? mode, enforcer.status !== null),
    ],
  };
}

/** A configuration that does not read is told by its own check. */
function checkVariables({ variables: { changed }, policy }: EnforcerStatus): readonly Check[] {
  if (changed.length === 0) return [];
  const have = changed.length === 1 ? 'has' : 'have';
  return [
    warn(
      'variables',
      `${variableNames(changed)} ${have} changed in the configuration since generation ${policy.generation} was applied, which keeps what it was applied with`,
      `${SHOW_VARIABLES_CHANGE}, then: ${TAKE_VARIABLES_OVER}`,
    ),
  ];
}

/** Nothing where none is configured. */
function checkPanel({ panel }: EnforcerStatus): readonly Check[] {
  const part = (id: string, problem: string | null, works: string, remedy: string): Check =>
    problem === null ? ok(id, works) : fail(id, problem, remedy);
  return [
    ...(panel.button
      ? [
          part(
            'button',
            panel.button.problem,
            'the button is read',
            'is it there (ls /dev/input/by-path), and may the enforcer read it: firmware/button.conf beside this program says how',
          ),
        ]
      : []),
    ...(panel.light
      ? [
          part(
            'light',
            panel.light.problem,
            `the light shows ${panel.light.shows}`,
            'is it there (ls /sys/class/leds), and may the enforcer write it: firmware/button.conf beside this program says how',
          ),
        ]
      : []),
  ];
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

/** Asked of `ip` rather than of /sys, which may show another network namespace than the one we are in. */
const linkList = z.array(
  z.object({ ifname: z.string(), master: z.string().optional(), flags: z.array(z.string()) }),
);

async function checkInterfaces(context: CliContext, config: BoxConfig): Promise<readonly Check[]> {
  const { environment } = context;
  const answer = await runCommand('ip', ['-json', 'link', 'show'], { environment });
  const links = linkList.safeParse(answer.exitStatus === 0 ? parseJson(answer.stdout) : null);
  if (!links.success)
    return [warn('interfaces', `not seen: ip link: ${firstLine(answer)}`, 'apt-get install iproute2')];
  const byName = new Map(links.data.map((link) => [link.ifname, link]));
  const isBridged = config.mode === 'bridge';
  const names = [...config.devicePorts, ...config.networkPorts, ...(isBridged ? [config.bridge] : [])];
  return names.map((name) => {
    const id = `interface.${name}`;
    const link = byName.get(name);
    if (!link)
      return fail(
        id,
        'the configuration names it, this machine does not have it',
        'ip link shows the names there are',
      );
    if (isBridged && name !== config.bridge && link.master !== config.bridge)
      return fail(id, `it is not a port of ${config.bridge}`, `ip link set ${name} master ${config.bridge}`);
    if (!link.flags.includes('UP')) return warn(id, 'it is switched off', `ip link set ${name} up`);
    if (!link.flags.includes('LOWER_UP')) return warn(id, 'it has no carrier', 'is the cable plugged in?');
    return ok(id, 'there, up, with a carrier');
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
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

function checkPortGuard({ portsUnguarded }: EnforcerStatus): Check {
  const id = 'ports';
  return portsUnguarded === null
    ? ok(id, 'nothing leaves that the tables did not admit, also while there are none')
    : warn(
        id,
        `a flushed ruleset would let everything pass until it is restored: ${portsUnguarded}`,
        'modprobe -a sch_ingress cls_bpf; tc qdisc show tells whether another ingress qdisc is in the way',
      );
}

function checkAnnouncements({ announcementsUnheard }: EnforcerStatus): Check {
  const id = 'announcements';
  return announcementsUnheard === null
    ? ok(id, 'LLDP and CDP of devices are read')
    : warn(
        id,
        `what devices say of themselves by LLDP and CDP is not read: ${announcementsUnheard}`,
        'modprobe nfnetlink_log; the kernel wants CONFIG_NF_TABLES_NETDEV; everything else works without it',
      );
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
