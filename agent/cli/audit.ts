/** `cordon audit verify`, `list` and `export`: the activity log, read from its files. */
import { writeFileSync } from 'node:fs';
import { counted } from '../counted.js';
import type { ActivityEntry } from '../activity/entry.js';
import { canonicalJson } from '../activity/canonical-json.js';
import type { Anchor, ChainProblem, ChainReport } from '../activity/verify-chain.js';
import { renderCsv } from '../inventory/csv.js';
import { readActivity, type ReadActivity } from './activity-files.js';
import type { CliContext } from './context.js';
import { CliError, EXIT_DONE, EXIT_REFUSED, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { renderTable, type Column } from './table.js';
import { wrap } from './text-width.js';

export interface VerifyOptions {
  readonly json?: true;
  readonly from?: string;
  readonly anchor?: readonly Anchor[];
}

export interface FilterOptions {
  readonly from?: string;
  readonly since?: number;
  readonly until?: number;
  readonly who?: string;
  readonly what?: string;
}

export interface ListOptions extends FilterOptions {
  readonly json?: true;
  readonly wide?: true;
  readonly limit: number;
}

export interface ExportOptions extends FilterOptions {
  readonly format: 'jsonl' | 'csv';
  readonly out?: string;
}

const MAX_SHOWN = 50;
const LIMITS =
  'Whoever has root on the box can write the whole log anew. That shows only against a head that was seen elsewhere: by the broker, or on a printed report (--anchor).';

/** Exit status 1 where anything is not as it was written. */
export async function verifyLog(context: CliContext, options: VerifyOptions): Promise<ExitStatus> {
  const spans: ActivityEntry[] = [];
  const read = await readActivity(context, options.from ?? null, options.anchor ?? [], (entry) => {
    spans[spans.length === 0 ? 0 : 1] = entry;
  });
  const isWhole = read.report.problemsTotal === 0;
  if (options.json) context.json({ isWhole, segments: read.segments, ...read.report, limits: LIMITS });
  else context.lines(verdictLines(read, spans, context.columns));
  return isWhole ? EXIT_DONE : EXIT_REFUSED;
}

function verdictLines(
  { report, segments }: ReadActivity,
  spans: readonly ActivityEntry[],
  columns: number,
): readonly string[] {
  const [from, to] = [spans[0]?.at.slice(0, 10) ?? '', spans.at(-1)?.at.slice(0, 10) ?? ''];
  const extent = `${counted(report.entries, 'entry', 'entries')} in ${segments} file${segments === 1 ? '' : 's'}, ${from} to ${to}`;
  const shown = report.problems.slice(0, MAX_SHOWN);
  return [
    ...(report.problemsTotal === 0
      ? [`The activity log is whole: ${extent}.`]
      : [
          `The activity log is NOT as it was written: ${report.problemsTotal} problem${report.problemsTotal === 1 ? '' : 's'} in ${extent}.`,
          ...shown.flatMap((problem) =>
            wrap(problemText(problem), columns - 2, '  ').map((line) => `  ${line}`),
          ),
          ...(report.problemsTotal > shown.length
            ? [`  and ${report.problemsTotal - shown.length} more (--json)`]
            : []),
        ]),
    ...(report.droppedTo > 0
      ? [`Entries up to ${report.droppedTo} were dropped for their age, as recorded.`]
      : []),
    `Head: ${report.last.seq}:${report.last.hash}`,
    `Held against: ${report.anchored.length === 0 ? 'nothing but itself' : report.anchored.join(', ')}`,
    ...wrap(LIMITS, columns),
  ];
}

function problemText({ segment, line, seq, message }: ChainProblem): string {
  const place = line === 0 ? segment : `${segment} line ${line}`;
  return escapeControls(`${place}${seq === null ? '' : ` (entry ${seq})`}: ${message}`);
}

export async function listLog(context: CliContext, options: ListOptions): Promise<ExitStatus> {
  const kept: ActivityEntry[] = [];
  let total = 0;
  const { report } = await readActivity(context, options.from ?? null, [], (entry) => {
    if (!isWanted(entry, options)) return;
    total += 1;
    kept.push(entry);
    if (kept.length > options.limit * 2) kept.splice(0, kept.length - options.limit);
  });
  const rows = kept.slice(-options.limit).reverse();
  if (options.json) {
    context.json({ rows, total, problems: report.problemsTotal });
    return EXIT_DONE;
  }
  if (rows.length === 0) context.line('no entry');
  else context.lines(renderTable(COLUMNS, rows, options.wide ? Infinity : context.columns));
  if (total > rows.length) context.line(`${rows.length} of ${total}; more with --limit`);
  warnOf(context, report);
  return EXIT_DONE;
}

const COLUMNS: readonly Column<ActivityEntry>[] = [
  { title: '#', value: ({ seq }) => String(seq), align: 'right' },
  { title: 'when (UTC)', value: ({ at }) => at.slice(0, 16).replace('T', ' ') },
  { title: 'who', value: ({ who }) => who, shrinkTo: 10 },
  { title: 'what', value: ({ what }) => what },
  { title: 'object', value: ({ object }) => object, shrinkTo: 8 },
  { title: 'detail', value: ({ detail }) => detail, shrinkTo: 12 },
];

/** JSON lines of the whole log are a copy that `verify --from` takes. */
export async function exportLog(context: CliContext, options: ExportOptions): Promise<ExitStatus> {
  const rows: ActivityEntry[] = [];
  const { report } = await readActivity(context, options.from ?? null, [], (entry) => {
    if (isWanted(entry, options)) rows.push(entry);
  });
  const text =
    options.format === 'jsonl'
      ? rows.map((row) => `${canonicalJson(row)}\n`).join('')
      : renderCsv([FIELDS, ...rows.map((row) => FIELDS.map((field) => String(row[field])))]);
  if (options.out === undefined) context.write(text);
  else writeTo(options.out, text);
  if (options.out !== undefined)
    context.line(`${counted(rows.length, 'entry', 'entries')} written to ${options.out}`);
  warnOf(context, report);
  return EXIT_DONE;
}

const FIELDS = ['seq', 'at', 'noted', 'who', 'what', 'object', 'detail', 'prev', 'hash'] as const;

function writeTo(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o600 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('cannot-write', `cannot write ${file}: ${why}`, { cause });
  }
}

function isWanted(entry: ActivityEntry, { since, until, who, what }: FilterOptions): boolean {
  const atMs = Date.parse(entry.at);
  return (
    (since === undefined || atMs >= since) &&
    (until === undefined || atMs < until) &&
    (who === undefined || entry.who.toLowerCase().includes(who.toLowerCase())) &&
    (what === undefined || entry.what.startsWith(what))
  );
}

function warnOf(context: CliContext, { problemsTotal }: ChainReport): void {
  if (problemsTotal > 0)
    context.warn(
      `the log is not as it was written (${counted(problemsTotal, 'problem')}): cordon audit verify`,
    );
}
