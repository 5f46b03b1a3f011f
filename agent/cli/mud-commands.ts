/** Declares `cordon mud check`, `import`, `export` and `diff`. */
import type { Command } from 'commander';
import type { CliContext } from './context.js';
import { act, leaf, withExample, type ReportStatus } from './declare.js';
import type { MudDiffOptions } from './mud.js';
import type { MudExportOptions } from './mud-export.js';
import type { MudSiteOptions } from './mud-site.js';

export function declareMudCommands(program: Command, context: CliContext, report: ReportStatus): void {
  const mud = withExample(
    program
      .command('mud')
      .helpCommand(false)
      .summary('Manufacturer Usage Descriptions: check, import, export, compare')
      .description(
        'Manufacturer Usage Descriptions (RFC 8520): what the maker says a device needs. Files are read from disk; nothing is ever fetched.',
      ),
    'cordon mud import pump.json > pump.yaml',
  );
  withExample(
    atSite(
      leaf(
        mud,
        'check <file>',
        'what a MUD file asks for, and what of it cannot be used here',
        'All that import does but for printing the policy: every entry is carried over or dropped whole, with the reason; the exit status is 1 where a class is nobody here. Needs no root, and no running box but for --device without --policy.',
      ),
    ),
    'cordon mud check pump.json --signature pump.p7s --ca maker-ca.pem',
    'cordon mud check pump.json --device pump-1 --class my-controller=10.20.0.5',
  ).action(
    act(report, async (file: string, options: MudSiteOptions) =>
      (await import('./mud.js')).checkMudFile(context, file, options),
    ),
  );
  withExample(
    atSite(
      leaf(
        mud,
        'import <file>',
        'a MUD file as a template of a policy',
        'The policy goes to standard output, what it changes and what was dropped to standard error. Nothing is put into force: that is cordon policy apply.',
      ),
    ),
    'cordon mud import pump.json --device pump-1 --policy policy.yaml > new.yaml',
    'cordon mud import pump.json --class my-controller=10.20.0.5',
  ).action(
    act(report, async (file: string, options: MudSiteOptions) =>
      (await import('./mud-import.js')).importMudFile(context, file, options),
    ),
  );
  withExample(
    leaf(
      mud,
      'export <device>',
      'what a device may do, as a MUD file',
      'An entry that MUD cannot say without saying more is left out, and told of on standard error; the exit status is then 1.',
    )
      .option('--policy <file>', 'the policy to read (default: the one that runs)')
      .option('--url <url>', 'what the file calls itself, an https URL'),
    'cordon mud export pump-1 --policy policy.yaml',
  ).action(
    act(report, async (device: string, options: MudExportOptions) =>
      (await import('./mud-export.js')).exportMudFile(context, device, options),
    ),
  );
  withExample(
    leaf(
      mud,
      'diff <old> <new>',
      'what a newer MUD file permits that an older one does not, and the other way',
    ),
    'cordon mud diff pump-2023.json pump-2024.json',
  ).action(
    act(report, async (before: string, after: string, options: MudDiffOptions) =>
      (await import('./mud.js')).diffMudFiles(context, before, after, options),
    ),
  );
}

/** Who signed the file, and who is meant by it here. */
function atSite(command: Command): Command {
  return command
    .option('--signature <file>', 'its detached signature (CMS, DER or PEM); needs --ca')
    .option('--ca <file>', 'whom to trust: PEM certificates')
    .option('--accept-expired', 'take a signature whose certificates have expired since it was made')
    .option('--device <name>', 'give the template to this device of the policy')
    .option(
      '--policy <file>',
      'the policy to add it to (default: with --device the one that runs, else an empty one)',
    )
    .option('--template <name>', 'what to call it (default: after the file)')
    .option(
      '--class <class=who>',
      'who a class of the file is here: addresses, networks, group:NAME or class:CLASS, with commas; may be repeated',
      collect,
    );
}

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}
