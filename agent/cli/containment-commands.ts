/** Declares `contain`, `cut` and `release`. Their code is in containment.ts. */
import type { Command } from 'commander';
import type { OrderOptions, ReleaseOptions } from './containment.js';
import type { CliContext } from './context.js';
import { act, duration, leaf, nonEmpty, withExample, type ReportStatus } from './declare.js';

const MAX_REASON_CHARACTERS = 500;
export const MAX_NAME_CHARACTERS = 100;

export function declareContainmentCommands(
  program: Command,
  context: CliContext,
  report: ReportStatus,
): void {
  withExample(
    ordering(
      leaf(
        program,
        'contain <device>',
        'leave a device only what is essential',
        'Entries that its policy marks essential go on; everything else, live connections included, stops.',
      ),
    ),
    'cordon contain pump-1 --reason "scans the ward network" --for 2h',
  ).action(
    act(report, async (device: string, options: OrderOptions) =>
      (await import('./containment.js')).orderContainment(context, device, 'contained', options),
    ),
  );

  withExample(
    ordering(
      leaf(program, 'cut <device>', 'let nothing pass to or from a device', 'Not even what is essential.'),
    )
      .option('--confirm <device>', 'the name of the device a second time; asked for at a terminal')
      .option('--second-person <name>', 'who else wants it, instead', nonEmpty(MAX_NAME_CHARACTERS)),
    'cordon cut pump-1 --confirm pump-1 --reason "taken off the patient"',
  ).action(
    act(report, async (device: string, options: OrderOptions) =>
      (await import('./containment.js')).orderContainment(context, device, 'cut', options),
    ),
  );

  withExample(
    signing(leaf(program, 'release <device>', 'end a containment', 'The policy alone decides again.')),
    'cordon release pump-1 --reason "re-imaged and tested"',
  ).action(
    act(report, async (device: string, options: ReleaseOptions) =>
      (await import('./containment.js')).releaseContainment(context, device, options),
    ),
  );
}

function ordering(command: Command): Command {
  return signing(command)
    .option(
      '--for <duration>',
      'ends by itself after this long (90s, 15m, 2h, 7d); without it, when released',
      duration,
    )
    .option('--dry-run', 'show which live connections would stop, and change nothing');
}

function signing(command: Command): Command {
  return command
    .requiredOption('--reason <text>', 'why, for the record', nonEmpty(MAX_REASON_CHARACTERS))
    .option('--by <name>', 'who, for the record (default: who is logged in)', nonEmpty(MAX_NAME_CHARACTERS));
}
