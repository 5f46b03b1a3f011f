/** Declares what an audit asks for: `report`, `audit verify`, `audit list` and `audit export`. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Anchor } from '../activity/verify-chain.js';
import type { ExportOptions, ListOptions, VerifyOptions } from './audit.js';
import type { CliContext } from './context.js';
import { act, leaf, nonEmpty, withExample, type ReportStatus } from './declare.js';
import { parseMoment, parsePeriod, type Period } from './period.js';
import type { ReportOptions } from './report.js';
import { listing } from './report-commands.js';
import { sources } from './risk-commands.js';

const MAX_TEXT = 100;
const MAX_PATH = 1_000;

export function declareAuditCommands(program: Command, context: CliContext, report: ReportStatus): void {
  declareReport(program, context, report);
  const audit = program
    .command('audit')
    .summary('the activity log: who changed what')
    .description(
      'Every change of policy, mode, containment and inventory entry: who, what, when; hash-chained, kept six years. Read from its files, as root; needs no agent.',
    );
  withExample(
    leaf(
      audit,
      'verify',
      'whether the log is what was written',
      'Finds what was changed, taken out, put in, moved or cut off, with its place. Exit status 1 if anything was.',
    )
      .option(
        '--from <path>',
        'a directory of the log, or an exported file, instead of this box',
        nonEmpty(MAX_PATH),
      )
      .option(
        '--anchor <seq:hash>',
        'a head of the log seen elsewhere, which it must hold; repeatable',
        anchor,
        [],
      ),
    'sudo cordon audit verify',
    'sudo cordon audit verify --anchor 812:5f0c…',
  ).action(
    act(report, async (options: VerifyOptions) => (await import('./audit.js')).verifyLog(context, options)),
  );
  withExample(
    filters(listing(leaf(audit, 'list', 'entries, the latest first')), context),
    'sudo cordon audit list --since 30d --what containment',
  ).action(
    act(report, async (options: ListOptions) => (await import('./audit.js')).listLog(context, options)),
  );
  withExample(
    filters(
      audit
        .command('export')
        .summary('entries as JSON lines or CSV')
        .description(
          'Entries as JSON lines or CSV, oldest first. JSON lines of the whole log can be verified elsewhere: audit verify --from FILE.',
        )
        .addOption(
          new Option('--format <format>', 'of the output').choices(['jsonl', 'csv']).default('jsonl'),
        )
        .option('--out <file>', 'write there instead of to standard output', nonEmpty(MAX_PATH)),
      context,
    ),
    'sudo cordon audit export --format csv --since 2026-01-01 --out activity.csv',
  ).action(
    act(report, async (options: ExportOptions) => (await import('./audit.js')).exportLog(context, options)),
  );
}

function declareReport(program: Command, context: CliContext, report: ReportStatus): void {
  const period = (text: string): Period => {
    const read = parsePeriod(text, context.nowMs());
    if (read === null) throw new InvalidArgumentError('Write it like 30d, or 2026-01-01..2026-03-31.');
    return read;
  };
  withExample(
    sources(
      program
        .command('report')
        .summary('the document an audit asks for, ready to print')
        .description(
          'Inventory, network map, risk ranking, segmentation plan, containment procedure, activity and incidents, end-of-life plan, contacts, crosswalk. From the running box (as root, for the activity log), or from a capture.',
        )
        .addOption(
          new Option('--format <format>', 'of the document')
            .choices(['html', 'pdf', 'md', 'json'])
            .default('html'),
        )
        .option('--json', 'the same as --format json')
        .addOption(
          new Option(
            '--period <period>',
            'of activity and incidents: 90d, or FROM..TO (default: 30d; of a capture, all of it)',
          ).argParser(period),
        )
        .option('--out <file>', 'write there instead of to standard output', nonEmpty(MAX_PATH))
        .option('--by <who>', 'who makes it (default: your account)', nonEmpty(MAX_TEXT)),
    ),
    'sudo cordon report --format pdf --period 90d --out report.pdf',
    'cordon report --capture ward.pcapng --policy policy.yaml --out report.html',
  ).action(
    act(report, async (options: ReportOptions) =>
      (await import('./report.js')).writeReport(
        context,
        options.json ? { ...options, format: 'json' } : options,
      ),
    ),
  );
}

function filters(command: Command, context: CliContext): Command {
  const moment = (text: string): number => {
    const atMs = parseMoment(text, context.nowMs());
    if (atMs === null)
      throw new InvalidArgumentError('Write a day like 2026-03-31, or how long ago, like 36h or 90d.');
    return atMs;
  };
  return command
    .option('--since <when>', 'not before: a day, or how long ago', moment)
    .option('--until <when>', 'before: a day (not in it), or how long ago', moment)
    .option('--who <text>', 'whose name holds this', nonEmpty(MAX_TEXT))
    .option('--what <kind>', 'of this kind, or kinds that begin so', nonEmpty(MAX_TEXT))
    .option(
      '--from <path>',
      'a directory of the log, or an exported file, instead of this box',
      nonEmpty(MAX_PATH),
    );
}

function anchor(text: string, before: readonly Anchor[]): readonly Anchor[] {
  const [, seq, hash] = /^(\d{1,12}):([0-9a-f]{64})$/.exec(text.toLowerCase()) ?? [];
  if (seq === undefined || hash === undefined)
    throw new InvalidArgumentError('Write the number of an entry, a colon and its hash of 64 digits.');
  return [...before, { seq: Number(seq), hash, from: `--anchor ${seq}` }];
}
