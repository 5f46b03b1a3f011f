/** `cordon learn status`: what was seen of each device, and how much of its week and month. */
import { counted } from '../counted.js';
import { coverageOf, type Coverage } from '../learn/coverage.js';
import type { LearntDevice } from '../learn/habit.js';
import type { LearnRow } from '../messages/agent-messages.js';
import { parsePolicyText } from './documents.js';
import type { CliContext } from './context.js';
import { formatDuration, formatTime, formatTimeAndAge } from './durations.js';
import { EXIT_DONE, type ExitStatus } from './errors.js';
import { learnCaptures, learntOf, type LearnSourceOptions } from './learn-source.js';
import { withAgent } from './sockets.js';
import { field } from './status-lines.js';
import { renderTable, type Column } from './table.js';

const PAGE_ROWS = 1_000;
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

export async function showLearning(
  context: CliContext,
  who: string | undefined,
  options: LearnSourceOptions,
): Promise<ExitStatus> {
  if (who !== undefined) {
    const { name, device, coverage, nowMs } = await learntOf(context, who, options);
    if (options.json) context.json({ name, device, coverage });
    else context.lines(detailLines(name, device, coverage, nowMs, context.columns));
    return EXIT_DONE;
  }
  const rows = options.capture === undefined ? await allRows(context) : await captureRows(context, options);
  if (options.json) context.json({ rows });
  else if (rows.length === 0) context.line('nothing was learnt yet');
  else context.lines(renderTable(columns(context.nowMs()), rows, context.columns));
  return EXIT_DONE;
}

async function allRows(context: CliContext): Promise<readonly LearnRow[]> {
  return await withAgent(context, async (agent) => {
    const rows: LearnRow[] = [];
    for (;;) {
      const page = await agent.request('learn', { limit: PAGE_ROWS, offset: rows.length });
      rows.push(...page.rows);
      if (page.rows.length === 0 || rows.length >= page.total) return rows;
    }
  });
}

async function captureRows(context: CliContext, options: LearnSourceOptions): Promise<readonly LearnRow[]> {
  const policy = await parsePolicyText(context, 'version: 1\nsite: { name: capture }\n', 'the empty policy');
  const { book, watched, endMs } = await learnCaptures(options, policy);
  const offset = -new Date(endMs).getTimezoneOffset();
  return book.devices().map((device) => ({
    device,
    coverage: coverageOf(device, book.habits(device.key), watched.stretches(), endMs, offset),
  }));
}

function columns(nowMs: number): readonly Column<LearnRow>[] {
  return [
    { title: 'device', value: ({ device }) => device.key, shrinkTo: 12 },
    { title: 'watched', value: ({ coverage }) => formatDuration(coverage.watchedMs / 1000) },
    { title: 'of 168 h', value: ({ coverage }) => String(coverage.hoursWatched), align: 'right' },
    { title: 'seen', value: ({ coverage }) => String(coverage.connections), align: 'right' },
    { title: 'once', value: ({ coverage }) => String(coverage.seenOnce), align: 'right' },
    { title: 'unlisted', value: ({ coverage }) => String(coverage.unlisted), align: 'right', leaveOut: 3 },
    { title: 'new 3 days', value: ({ coverage }) => newText(coverage.newPerDay.slice(-3)), leaveOut: 2 },
    { title: 'learning', value: ({ coverage }) => coverage.verdict, shrinkTo: 9 },
    { title: 'since', value: ({ coverage }) => formatTimeAndAge(coverage.sinceMs, nowMs), leaveOut: 4 },
  ];
}

/** Days that were not watched are a dash. */
function newText(days: Coverage['newPerDay']): string {
  return days.map((count) => (count === null ? '-' : String(count))).join(' ');
}

function detailLines(
  name: string,
  device: LearntDevice,
  coverage: Coverage,
  nowMs: number,
  columnsWide: number,
): readonly string[] {
  const known = device.key === name ? (device.mac ?? '') : device.key;
  const line = (label: string, text: string): readonly string[] => field(label, text, columnsWide);
  return [
    ...line('Device', `${name}${known === '' ? '' : ` (${known})`} ${device.addresses.join(' ')}`),
    ...line(
      'Watched',
      `${formatDuration(coverage.watchedMs / 1000)} since ${formatTimeAndAge(coverage.sinceMs, nowMs)}; last heard ${formatTimeAndAge(coverage.lastMs, nowMs)}`,
    ),
    ...line('Week', `${coverage.hoursWatched} of 168 hours (# watched, . never)`),
    ...DAYS.map(
      (day, index) =>
        `${' '.repeat(13)}${day} ${hourText(coverage.hours.slice(index * 24, index * 24 + 24))}`,
    ),
    ...line('Seen', `${counted(coverage.connections, 'connection')}, ${coverage.seenOnce} of them once only`),
    ...line('New a day', `${newText(coverage.newPerDay)} (today last, - not watched)`),
    ...line(
      'Unlisted',
      coverage.unlisted === 0
        ? 'nothing that passed is without an entry'
        : `${counted(coverage.unlisted, 'connection')} passed without an entry, ${counted(coverage.unlistedTimes, 'time')}`,
    ),
    ...line(
      'Monthly job',
      coverage.monthlySeen
        ? 'was seen, if there is one: a whole month was watched without a break'
        : `may not have run yet; must have been seen by ${formatTime(coverage.monthlyFromMs)}, watched without a break`,
    ),
    ...line('Learning', coverage.verdict),
    ...coverage.missing.flatMap((text) => line('', text)),
  ];
}

function hourText(hours: readonly boolean[]): string {
  return hours.map((isWatched) => (isWatched ? '#' : '.')).join('');
}
