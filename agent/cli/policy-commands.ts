/**
 * Declares `cordon policy …`. Those that need neither root nor a running box are in policy-offline.ts, those that ask the
 * enforcer in policy-online.ts.
 */
import { Option, type Command } from 'commander';
import type { CliContext } from './context.js';
import { act, leaf, nonEmpty, wholeNumber, withExample, type ReportStatus } from './declare.js';
import type { ExplainOptions } from './policy-explain.js';
import type { CompileOptions } from './policy-offline.js';
import type { ApplyOptions, DiffOptions, SignedOptions } from './policy-online.js';

const MAX_NAME_CHARACTERS = 100;
const MAX_CONFIRM_SECONDS = 86_400;
/** As policy/default-policy.ts says, where the reason is; written out here so that --help need not load it. */
export const SHOWN_CONFIRM_SECONDS = 120;
const PORTS_EXAMPLE = '--device-port eth1 --network-port eth0';

export function declarePolicyCommands(program: Command, context: CliContext, report: ReportStatus): void {
  const policy = withExample(
    program
      .command('policy')
      .helpCommand(false)
      .summary('what each device may talk to: check, apply, explain')
      .description('What each device may talk to: check, compare, apply, explain.'),
    'cordon policy check policy.yaml',
  );
  declareOffline(policy, context, report);
  declareOnline(policy, context, report);
}

function declareOffline(policy: Command, context: CliContext, report: ReportStatus): void {
  withExample(
    leaf(
      policy,
      'check <file>',
      'every problem of a policy at once',
      'Each with its place and how to put it right. Needs no root and no running box.',
    ),
    'cordon policy check policy.yaml',
  ).action(
    act(report, async (file: string, options: { json?: true }) =>
      (await import('./policy-offline.js')).checkPolicyFile(context, file, options),
    ),
  );

  withExample(
    leaf(
      policy,
      'compile <file>',
      'the nftables ruleset that a policy becomes',
      'Needs no root and no running box.',
    )
      .option('--config <file>', 'the box’s configuration (default: CORDON_CONFIG, where it exists)')
      .addOption(
        new Option('--mode <mode>', 'instead of --config: how the box stands in the network').choices([
          'bridge',
          'router',
        ]),
      )
      .option(
        '--bridge <name>',
        'instead of --config: the bridge that joins both sides (bridge mode; default br0)',
      )
      .option(
        '--device-port <name>',
        'instead of --config: an interface on the device side; may be repeated',
        collect,
      )
      .option(
        '--network-port <name>',
        'instead of --config: an interface on the network side; may be repeated',
        collect,
      ),
    'cordon policy compile policy.yaml --config /etc/cordon/config.yaml',
    `cordon policy compile policy.yaml --mode bridge ${PORTS_EXAMPLE}`,
  ).action(
    act(report, async (file: string, options: CompileOptions) =>
      (await import('./policy-offline.js')).compilePolicyFile(context, file, options),
    ),
  );

  withExample(
    leaf(policy, 'starter', 'the policy of a new box, which watches and refuses nothing'),
    'cordon policy starter > policy.yaml',
  ).action(act(report, async () => (await import('./policy-offline.js')).showStarter(context)));

  withExample(
    leaf(policy, 'schema', 'the JSON Schema of a policy, for editors'),
    'cordon policy schema > policy.schema.json',
  ).action(act(report, async () => (await import('./policy-offline.js')).showSchema(context)));

  withExample(
    leaf(
      policy,
      'explain',
      'whether a connection is permitted, and why',
      'Which entry says so, or what would allow it. With --policy it needs no root and no running box. Exit status 1 if it is refused.',
    )
      .option('--policy <file>', 'the policy to ask (default: the one that runs)')
      .requiredOption('--from <who>', 'who opens the connection: a device’s name or an address')
      .requiredOption('--to <who>', 'who is called: a device’s name or an address')
      .requiredOption('--proto <protocol>', 'tcp, udp, sctp, icmp, icmpv6, gre, esp, or an IANA number')
      .option('--port <number>', 'destination port, 1 to 65535', wholeNumber(1, 65_535)),
    'cordon policy explain --policy policy.yaml --from pump-1 --to 10.20.0.5 --proto tcp --port 104',
  ).action(
    act(report, async (options: ExplainOptions) =>
      (await import('./policy-explain.js')).explainConnection(context, options),
    ),
  );
}

function declareOnline(policy: Command, context: CliContext, report: ReportStatus): void {
  withExample(
    leaf(policy, 'show', 'the text of the policy that runs'),
    'cordon policy show > running.yaml',
  ).action(
    act(report, async (options: { json?: true }) =>
      (await import('./policy-online.js')).showRunning(context, options),
    ),
  );

  withExample(
    leaf(policy, 'diff <file>', 'what a policy would change', 'Device by device and entry by entry.').option(
      '--against <file>',
      'the policy to compare with (default: the one that runs)',
    ),
    'cordon policy diff policy.yaml',
  ).action(
    act(report, async (file: string, options: DiffOptions) =>
      (await import('./policy-online.js')).diffPolicy(context, file, options),
    ),
  );

  withExample(
    signing(
      leaf(
        policy,
        'apply <file>',
        'put a policy into force in one step',
        'Unless it is confirmed in time, the one before it comes back.',
      )
        .option(
          '--confirm-within <seconds>',
          `how long to wait for the confirmation, 1 to ${MAX_CONFIRM_SECONDS} (default ${SHOWN_CONFIRM_SECONDS})`,
          wholeNumber(1, MAX_CONFIRM_SECONDS),
        )
        .addOption(new Option('--no-confirm', 'in force at once, for good').conflicts('confirmWithin')),
    ),
    'cordon policy apply policy.yaml --confirm-within 300',
  ).action(
    act(report, async (file: string, options: ApplyOptions) =>
      (await import('./policy-online.js')).applyPolicy(context, file, options),
    ),
  );

  withExample(
    signing(leaf(policy, 'confirm', 'keep the policy that was applied last')),
    'cordon policy confirm',
  ).action(
    act(report, async (options: SignedOptions) =>
      (await import('./policy-online.js')).confirmPolicy(context, options),
    ),
  );

  withExample(
    signing(leaf(policy, 'rollback', 'go back to the policy before, at once')),
    'cordon policy rollback',
  ).action(
    act(report, async (options: SignedOptions) =>
      (await import('./policy-online.js')).rollbackPolicy(context, options),
    ),
  );
}

function signing(command: Command): Command {
  return command.option(
    '--by <name>',
    'who, for the record (default: who is logged in)',
    nonEmpty(MAX_NAME_CHARACTERS),
  );
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}
