/** Declares `contain`, `cut` and `release`. Their code is in containment.ts. */
import type { Command } from 'commander';
import type { OrderOptions, ReleaseOptions } from './containment.js';
import type { CliContext } from './context.js';
import { act, duration, leaf, nonEmpty, wholeNumber, withExample, type ReportStatus } from './declare.js';

const MAX_REASON_CHARACTERS = 500;
export const MAX_NAME_CHARACTERS = 100;
const MAX_ORDER_NUMBER = 2_000_000_000;

export function declareContainmentCommands(
  program: Command,
  context: CliContext,
  report: ReportStatus,
): void {
  withExample(
    ordering(
      leaf(
        program,
        'contain [device]',
        'leave a device only what is essential',
        'Entries that its policy marks essential go on; everything else, live connections included, stops.',
      ),
    ),
    'cordon contain pump-1 --reason "scans the ward network" --for 2h',
    'cordon contain --tag icu --reason "worm in the ward" --dry-run',
  ).action(
    act(report, async (device: string | undefined, options: OrderOptions) =>
      (await import('./containment.js')).orderContainment(context, device, 'contained', options),
    ),
  );

  withExample(
    ordering(
      leaf(program, 'cut [device]', 'let nothing pass to or from a device', 'Not even what is essential.'),
    )
      .option('--spare-life-sustaining', 'devices that a patient may hang on keep what is essential')
      .option('--confirm <name>', 'the name of what is cut a second time; asked for at a terminal')
      .option('--second-person <name>', 'who else wants it, instead', nonEmpty(MAX_NAME_CHARACTERS)),
    'cordon cut pump-1 --confirm pump-1 --reason "taken off the patient"',
    'cordon cut --whole-box --spare-life-sustaining --second-person "Dr. Shepherd" --reason ransom',
  ).action(
    act(report, async (device: string | undefined, options: OrderOptions) =>
      (await import('./containment.js')).orderContainment(context, device, 'cut', options),
    ),
  );

  withExample(
    signing(
      scoped(
        leaf(
          program,
          'release [device]',
          'end an order of containment',
          'Every order stands for itself: where several hold, say which one ends.',
        ),
      ),
    )
      .option(
        '--order <number>',
        'only this order (cordon status shows the numbers); may be given again',
        (text: string, before: readonly number[] | undefined) => [
          ...(before ?? []),
          wholeNumber(1, MAX_ORDER_NUMBER)(text),
        ],
      )
      .option('--all', 'every order on it, whoever gave it'),
    'cordon release pump-1 --reason "re-imaged and tested"',
    'cordon release --tag icu --order 4 --reason "false alarm of the scanner"',
  ).action(
    act(report, async (device: string | undefined, options: ReleaseOptions) =>
      (await import('./containment.js')).releaseContainment(context, device, options),
    ),
  );
}

function ordering(command: Command): Command {
  return signing(scoped(command))
    .option(
      '--for <duration>',
      'ends by itself after this long (90s, 15m, 2h, 7d); without it, when released',
      duration,
    )
    .option('--dry-run', 'show which live connections would stop, and change nothing');
}

function scoped(command: Command): Command {
  return command
    .option('--tag <name>', 'every device that has this tag in the policy, instead of one device')
    .option('--whole-box', 'everything behind the box, devices without a name too');
}

function signing(command: Command): Command {
  return command
    .requiredOption('--reason <text>', 'why, for the record', nonEmpty(MAX_REASON_CHARACTERS))
    .option('--by <name>', 'who, for the record (default: who is logged in)', nonEmpty(MAX_NAME_CHARACTERS));
}
