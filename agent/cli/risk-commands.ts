/** Declares `risk`, `risk explain`, `eol` and `data import`. */
import { InvalidArgumentError, Argument, type Command } from 'commander';
import type { AssessmentOptions } from './assessments.js';
import type { CliContext } from './context.js';
import { act, leaf, nonEmpty, wholeNumber, withExample, type ReportStatus } from './declare.js';
import type { EolOptions } from './eol.js';
import { listing } from './report-commands.js';
import type { RiskOptions } from './risk.js';

const MAX_TEXT = 100;

export function declareRiskCommands(program: Command, context: CliContext, report: ReportStatus): void {
  const risk = withExample(
    sources(
      listing(
        leaf(
          program,
          'risk',
          'devices by risk, with and without the box',
          'Likelihood and impact after NIST SP 800-30, patient safety as an impact of its own. From the running box, or from a capture.',
        ),
      ),
    ),
    'cordon risk',
    'cordon risk --capture ward.pcapng --policy policy.yaml',
  ).action(
    act(report, async (options: RiskOptions) => (await import('./risk.js')).showRisk(context, options)),
  );
  withExample(
    sources(
      leaf(
        risk,
        'explain <device>',
        'every factor of one device',
        'With its weight, its reason, and what the box takes away.',
      ),
    ),
    'cordon risk explain pump-1',
  ).action(
    act(report, async (device: string, _options: AssessmentOptions, command: Command) =>
      (await import('./risk.js')).explainRisk(context, device, command.optsWithGlobals<AssessmentOptions>()),
    ),
  );
  withExample(
    sources(
      leaf(
        program,
        'eol',
        'the end-of-life budget, by year',
        'When support ends, when each device is to be replaced, at what cost, and what compensates until then; devices without a vendor contact.',
      ),
    )
      .option('--year <year>', 'of this year only', wholeNumber(2000, 2100))
      .option('--wide', 'every column in full, however wide'),
    'cordon eol --year 2027',
  ).action(
    act(report, async (options: EolOptions) => (await import('./eol.js')).showBudget(context, options)),
  );
  const data = program
    .command('data')
    .summary('public lists that risk is reckoned with')
    .description('Public lists that risk is reckoned with. The box fetches nothing by itself.');
  withExample(
    leaf(
      data,
      'import',
      'take in a list',
      'kev: the JSON of CISA; it replaces the one before. eol: JSON of endoflife.date, or YAML of your own with product, ends and source; it adds to those before.',
    )
      .addArgument(new Argument('<kind>', 'which list').choices(['kev', 'eol']))
      .addArgument(new Argument('<file>', 'the file, "-" for standard input'))
      .option(
        '--product <name>',
        'of which product the dates are, where the file does not say',
        nonEmpty(MAX_TEXT),
      )
      .option('--by <who>', 'who brings it (default: your account)', nonEmpty(MAX_TEXT)),
    'cordon data import kev known_exploited_vulnerabilities.json',
    'cordon data import eol debian.json --product Debian',
  ).action(
    act(
      report,
      async (kind: 'kev' | 'eol', file: string, options: { json?: true; by?: string; product?: string }) =>
        (await import('./eol.js')).importData(context, kind, file, options),
    ),
  );
}

/** Where it is reckoned from, when not from the running box. */
export function sources(command: Command): Command {
  return command
    .option('--capture <file>', 'reckon from a pcap or pcapng file instead of the running box')
    .option('--policy <file>', 'as if this policy were in force')
    .option('--kev <file>', 'this catalogue of exploited vulnerabilities (JSON of CISA)')
    .option('--eol <file>', 'these dates before the own ones')
    .option('--as-of <date>', 'as of this day (default: today)', day);
}

function day(text: string): string {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(Date.parse(text)))
    throw new InvalidArgumentError('Write a date like 2027-06-30.');
  return text;
}
