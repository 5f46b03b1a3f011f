/** Declares what only looks: `status`, `refusals`, `findings`, `flows`, `names`, `inventory` and `doctor`. */
import { Option, type Command } from 'commander';
import type { CliContext } from './context.js';
import { act, leaf, nonEmpty, wholeNumber, withExample, type ReportStatus } from './declare.js';
import type { InventoryCommandOptions } from './inventory.js';
import type { RecordOptions } from './records.js';
import type { ReplayCommandOptions } from './replay.js';

const MAX_ROWS = 10_000;
const DEFAULT_ROWS = 200;
const MAX_DEVICE_CHARACTERS = 64;

export function declareReportCommands(program: Command, context: CliContext, report: ReportStatus): void {
  withExample(
    leaf(
      program,
      'status',
      'what is enforced, contained and refused',
      'Both processes, the policy in force, exact counts of what was refused and of what was not kept. Exit status 1 if the enforcer does not answer.',
    ),
    'cordon status',
  ).action(
    act(report, async (options: { json?: true }) =>
      (await import('./status.js')).showStatus(context, options),
    ),
  );

  withExample(
    listing(
      leaf(program, 'refusals', 'connections that were refused', 'Alike ones merged, the last seen first.'),
    ).option('--device <name>', 'of this device only', nonEmpty(MAX_DEVICE_CHARACTERS)),
    'cordon refusals --device pump-1',
  ).action(
    act(report, async (options: RecordOptions) =>
      (await import('./records.js')).showRefusals(context, options),
    ),
  );

  withExample(
    listing(
      leaf(
        program,
        'findings',
        'what the detectors found',
        'With the evidence, and what would make it go away.',
      ),
    )
      .option('--device <name>', 'of this device only', nonEmpty(MAX_DEVICE_CHARACTERS))
      .addOption(new Option('--state <state>', 'only those').choices(['open', 'closed'])),
    'cordon findings --state open',
  ).action(
    act(report, async (options: RecordOptions) =>
      (await import('./records.js')).showFindings(context, options),
    ),
  );

  withExample(
    listing(
      leaf(
        program,
        'flows',
        'live connections, and what permits each',
        'From the kernel, those with most bytes first; with the open findings about them.',
      ),
    ).option('--device <name>', 'of this device only', nonEmpty(MAX_DEVICE_CHARACTERS)),
    'cordon flows --device pump-1',
  ).action(
    act(report, async (options: RecordOptions) => (await import('./flows.js')).showFlows(context, options)),
  );

  withExample(
    listing(
      leaf(
        program,
        'names',
        'what host names in allow-lists stand for',
        'Their addresses for each device and until when, other names that share them, and answers that were not believed.',
      ),
    ).option('--device <name>', 'of this device only', nonEmpty(MAX_DEVICE_CHARACTERS)),
    'cordon names --device pump-1',
  ).action(
    act(report, async (options: RecordOptions) => (await import('./names.js')).showNames(context, options)),
  );

  withExample(
    leaf(
      program,
      'replay <captures...>',
      'captures and flow logs through the detectors',
      'As a box would have seen it, one file after the other, with the time of the capture. Reads pcap, pcapng, Zeek conn.log and Argus binetflow. Needs no root and no running box. Without a policy every device is only watched. Exit status 1 if a file could not be read to its end.',
    )
      .option(
        '--device <who[=name]>',
        'a device, by MAC or address; may be repeated (default: every private and link-local address)',
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      )
      .option(
        '--side <mac-or-network>',
        'who has this MAC, or an address in this network, is a device; may be repeated',
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      )
      .option(
        '--baseline <file>',
        'what is in this capture is usual, and what is new after it is told; may be repeated',
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      )
      .option('--policy <file>', 'judge by this policy; its devices count as devices'),
    'cordon replay ward.pcapng --device 00:03:b1:00:00:01=pump-1',
    'cordon replay today.pcapng --side 10.20.0.0/16 --baseline last-week.pcapng --json',
  ).action(
    act(report, async (captures: readonly string[], options: ReplayCommandOptions) =>
      (await import('./replay.js')).replayCaptures(context, captures, options),
    ),
  );

  withExample(
    leaf(
      program,
      'inventory',
      'devices that a capture shows',
      'Read passively from what devices say of themselves; nothing about patients is read. Every value has its source and how sure it is; a question mark where sources contradict each other.',
    )
      .requiredOption('--capture <file>', 'a pcap or pcapng file')
      .option(
        '--makers <file>',
        "makers by MAC prefix, in place of the registry that comes with it (a list like the IEEE's oui.txt)",
      )
      .option('--wide', 'every column in full, however wide'),
    'cordon inventory --capture ward.pcapng',
  ).action(
    act(report, async (options: InventoryCommandOptions) =>
      (await import('./inventory.js')).showInventory(context, options),
    ),
  );

  withExample(
    leaf(
      program,
      'doctor',
      'check this machine, with a remedy for each fault',
      'What the kernel can do (tried for real, in a network namespace of its own), the settings that Cordon leans on, the processes and the tables. Exit status 1 if a check failed.',
    ),
    'sudo cordon doctor',
  ).action(
    act(report, async (options: { json?: true }) =>
      (await import('./doctor.js')).runDoctor(context, options),
    ),
  );
}

export function listing(command: Command): Command {
  return command
    .option(
      '--limit <rows>',
      `at most this many rows, 1 to ${MAX_ROWS}`,
      wholeNumber(1, MAX_ROWS),
      DEFAULT_ROWS,
    )
    .option('--wide', 'every column in full, however wide');
}
