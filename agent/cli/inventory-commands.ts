/** Declares what is about the devices themselves: `devices` and its import and export, `device show`, `device set`. */
import { Option, type Command } from 'commander';
import type { CliContext } from './context.js';
import { act, leaf, nonEmpty, withExample, type ReportStatus } from './declare.js';
import type { ExportOptions, ImportOptions } from './device-exchange.js';
import type { ListOptions } from './devices.js';
import { listing } from './report-commands.js';

const MAX_WHO_CHARACTERS = 100;

export function declareInventoryCommands(program: Command, context: CliContext, report: ReportStatus): void {
  const devices = withExample(
    listing(
      leaf(
        program,
        'devices',
        'what is behind the box',
        'Kind, make, model and system with how sure that is; a question mark where sources contradict each other.',
      ),
    ),
    'cordon devices',
  ).action(
    act(report, async (options: ListOptions) => (await import('./devices.js')).listDevices(context, options)),
  );
  withExample(
    leaf(
      devices,
      'import [file]',
      'entries from a list that IT has',
      'CSV with a heading, or a JSON array; "-" reads standard input. Columns that have no place in the inventory are named and left out. A list with a fault in it changes nothing.',
    )
      .option('--template', 'print an empty list to fill in')
      .option('--dry-run', 'check it, change nothing')
      .option('--by <who>', 'who enters it (default: your account)', nonEmpty(MAX_WHO_CHARACTERS)),
    'cordon devices import --template > devices.csv',
    'cordon devices import devices.csv --dry-run',
  ).action(
    // --json is an option of `devices`, too, and commander gives it to that.
    act(report, async (file: string | undefined, _options: ImportOptions, command: Command) =>
      (await import('./device-exchange.js')).importDevices(
        context,
        file,
        command.optsWithGlobals<ImportOptions>(),
      ),
    ),
  );
  withExample(
    devices
      .command('export')
      .summary('the inventory for other programs')
      .description('The inventory for other programs, on standard output.')
      .addOption(
        new Option('--format <format>', 'netbox: for its bulk import of devices; cyclonedx: software found')
          .choices(['csv', 'json', 'netbox', 'cyclonedx'])
          .default('csv'),
      )
      .option('--site <name>', 'the site in NetBox', nonEmpty(MAX_WHO_CHARACTERS), 'clinic'),
    'cordon devices export --format netbox --site "Main hospital" > netbox.csv',
  ).action(
    act(report, async (options: ExportOptions) =>
      (await import('./device-exchange.js')).exportDevices(context, options),
    ),
  );
  const device = program.command('device').summary('one device: show, set').description('One device.');
  withExample(
    leaf(
      device,
      'show <device>',
      'everything known of a device',
      'Named by policy name, MAC or address. Every value with its source, how sure it is, and when it was said first and last.',
    ),
    'cordon device show pump-1',
  ).action(
    act(report, async (name: string, options: { json?: true }) =>
      (await import('./devices.js')).showDevice(context, name, options),
    ),
  );
  withExample(
    leaf(
      device,
      'set <device> <entries...>',
      'enter what nothing on the wire tells',
      'An entry wins over what was seen and is kept apart from it; an empty value takes it back. A MAC that was never seen is taken down.',
    ).option('--by <who>', 'who enters it (default: your account)', nonEmpty(MAX_WHO_CHARACTERS)),
    'cordon device set pump-1 owner="Biomedical engineering" criticality=life-sustaining vendor.security=psirt@vendor.example',
  ).action(
    act(report, async (name: string, entries: string[], options: { json?: true; by?: string }) =>
      (await import('./devices.js')).setEntries(context, name, entries, options),
    ),
  );
}
