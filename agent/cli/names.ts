/** `cordon names`: what the host names in allow-lists stand for now, device by device, and what was not believed. */
import { counted } from '../counted.js';
import type { NameRow, NameTable } from '../messages/vocabulary.js';
import type { CliContext } from './context.js';
import { formatRelative } from './durations.js';
import { EXIT_DONE, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import type { RecordOptions } from './records.js';
import { withEnforcer } from './sockets.js';
import { renderTable, type Column } from './table.js';
import { wrap } from './text-width.js';

/** Rows asked for: the device is chosen here. */
const MAX_ROWS = 10_000;

export async function showNames(context: CliContext, options: RecordOptions): Promise<ExitStatus> {
  const table = await withEnforcer(context, (enforcer) => enforcer.request('names', { limit: MAX_ROWS }));
  const isShown = ({ device }: { readonly device: string }): boolean =>
    options.device === undefined || device === options.device;
  const all = table.rows.filter(isShown);
  const rows = all.slice(0, options.limit);
  const refused = table.refused.filter(isShown);
  if (options.json) {
    context.json({ ...table, rows, total: options.device === undefined ? table.total : all.length, refused });
    return EXIT_DONE;
  }
  const width = options.wide ? Infinity : context.columns;
  if (rows.length === 0) context.line('no name in an allow-list has an address yet');
  else context.lines(renderTable(columns(context.nowMs()), rows, width));
  if (all.length > rows.length) context.line(`${rows.length} of ${all.length}; more with --limit`);
  context.lines(refusedLines(refused, context.nowMs(), context.columns));
  context.lines(answerLines(table));
  return EXIT_DONE;
}

function columns(nowMs: number): readonly Column<NameRow>[] {
  return [
    { title: 'device', value: ({ device }) => device, shrinkTo: 8 },
    { title: 'name', value: ({ name }) => name, shrinkTo: 18 },
    { title: 'address', value: ({ address }) => address, shrinkTo: 15 },
    { title: 'ends', value: ({ expiresMs }) => formatRelative(expiresMs, nowMs) },
    { title: 'entry', value: entryText },
    { title: 'shared with', value: ({ sharedWith }) => sharedWith.join(', '), shrinkTo: 8 },
    { title: 'said', value: ({ confirmedMs }) => formatRelative(confirmedMs, nowMs), leaveOut: 2 },
    { title: 'by', value: ({ source }) => source, leaveOut: 3 },
    {
      title: 'written as',
      value: ({ entries }) => [...new Set(entries.map(({ name }) => name))].join(', '),
      leaveOut: 4,
    },
  ];
}

function entryText({ entries, isEssential }: NameRow): string {
  return `${entries.map(({ index }) => index).join(',')}${isEssential ? ' essential' : ''}`;
}

function refusedLines(refused: NameTable['refused'], nowMs: number, width: number): readonly string[] {
  if (refused.length === 0) return [];
  return [
    '',
    'Not permitted, whatever the name:',
    ...refused.flatMap(({ device, name, address, why, count, lastMs }) =>
      wrap(
        escapeControls(
          `${device}: ${name} was answered with ${address}, ${why} (${counted(count, 'time')}, ${formatRelative(lastMs, nowMs)})`,
        ),
        width,
        '  ',
      ),
    ),
  ];
}

function answerLines({ resolvers, answers }: NameTable): readonly string[] {
  const ignored = answers.unasked + answers.otherName;
  return [
    '',
    resolvers.length === 0
      ? 'The policy names no resolvers (site.resolvers): no answer counts.'
      : `Resolvers that count: ${resolvers.join(', ')}.`,
    `Answers: ${answers.matched} asked for; ignored ${ignored} (${answers.unasked} not asked for, ${answers.otherName} to another question), ${answers.unreadable} unreadable.`,
  ];
}
