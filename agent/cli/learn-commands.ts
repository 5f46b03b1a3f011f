/** Declares `cordon learn`: from a box in front of an undocumented device to a proven allow-list. */
import { Option, type Command } from 'commander';
import type { CliContext } from './context.js';
import { act, leaf, nonEmpty, withExample, type ReportStatus } from './declare.js';
import type { ProposeOptions } from './learn-propose.js';
import type { ProveOptions } from './learn-prove.js';
import type { LearnSourceOptions } from './learn-source.js';

const MAX_NAME_CHARACTERS = 63;

export function declareLearnCommands(program: Command, context: CliContext, report: ReportStatus): void {
  const learn = withExample(
    program
      .command('learn')
      .summary('from what was seen to an allow-list')
      .description(
        'From what was seen of a device to an allow-list that is proven before it is enforced. Nothing that was learnt is enforced before a person applies it.',
      )
      .helpCommand(false),
    'cordon learn status && cordon learn propose pump-1 -o proposed.yaml',
  );

  withExample(
    fromCaptures(
      leaf(
        learn,
        'status [device]',
        'what was seen, and how much of a week and a month',
        'For each device, or for one in detail: since when, hours of the week that were watched (of 168), connections seen once only, what is still new, whether a monthly job can have been seen.',
      ),
    ),
    'cordon learn status pump-1',
  ).action(
    act(report, async (device: string | undefined, options: LearnSourceOptions) =>
      (await import('./learn-status.js')).showLearning(context, device, options),
    ),
  );

  withExample(
    fromCaptures(
      leaf(
        learn,
        'propose <device>',
        'an allow-list from what was seen, with the evidence',
        'Prints the policy with the entries that are missing for this device, the doubtful ones first, each with its evidence; what a finding is about is left out and shown. Changes nothing.',
      )
        .option('--policy <file>', 'the policy to extend (default: the one that runs)')
        .option(
          '--name <name>',
          'its name, where the policy does not have it yet',
          nonEmpty(MAX_NAME_CHARACTERS),
        )
        .addOption(
          new Option('--mode <mode>', 'put the device into this mode').choices([
            'observe',
            'shadow',
            'enforce',
          ]),
        )
        .option('-o, --output <file>', 'write the policy there, and print what it changes')
        .option('--force', 'overwrite that file'),
    ),
    'cordon learn propose pump-1 --mode shadow -o proposed.yaml',
    'cordon learn propose 00:03:b1:00:00:01 --name pump-1 --capture monday.pcap',
  ).action(
    act(report, async (device: string, options: ProposeOptions) =>
      (await import('./learn-propose.js')).proposeEntries(context, device, options),
    ),
  );

  withExample(
    leaf(
      learn,
      'shadow <device>',
      'what enforce would have refused since the policy was applied',
      'In shadow and observe, connections that no entry permits pass, and are told. Exit status 1 if there were any.',
    ),
    'cordon learn shadow pump-1',
  ).action(
    act(report, async (device: string, options: { json?: true }) =>
      (await import('./learn-shadow.js')).showShadow(context, device, options),
    ),
  );

  withExample(
    fromCaptures(
      leaf(
        learn,
        'prove <device>',
        'what a policy, enforced, would break of what was seen',
        'Every connection that was seen goes through the compiled ruleset. Exit status 1 if one would be refused.',
      ).option('--policy <file>', 'the policy to prove (default: the one that runs)'),
    ),
    'cordon learn prove pump-1 --policy proposed.yaml',
    'cordon learn prove pump-1 --policy proposed.yaml --capture monday.pcap',
  ).action(
    act(report, async (device: string, options: ProveOptions) =>
      (await import('./learn-prove.js')).proveDevice(context, device, options),
    ),
  );
}

function fromCaptures(command: Command): Command {
  return command
    .option(
      '--capture <file>',
      'instead of the box: a capture (pcap, pcapng) or flow log (Zeek, Argus); may be repeated, oldest first',
      collect,
    )
    .option(
      '--device <who=name>',
      'with --capture: MAC or address of a device, and its name; may be repeated',
      collect,
    );
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}
