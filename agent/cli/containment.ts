/**
 * `cordon contain`, `cut` and `release`: orders go straight to the enforcer, so they work without the agent, the broker and the
 * network. `cut` is never sent without its second confirmation.
 */
import { isConfirmed } from '../containment/orders.js';
import type { ContainmentPreview, LiveConnection } from '../messages/enforcer-messages.js';
import type { ContainmentOrder } from '../messages/vocabulary.js';
import type { CliContext } from './context.js';
import { formatTimeAndAge } from './durations.js';
import { EXIT_DONE, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { serviceText } from './service-text.js';
import { withEnforcer } from './sockets.js';
import { renderTable, type Column } from './table.js';
import { whoAsks } from './who.js';

export interface ReleaseOptions {
  readonly json?: true;
  readonly reason: string;
  readonly by?: string;
}

export interface OrderOptions extends ReleaseOptions {
  /** Seconds. */
  readonly for?: number;
  readonly confirm?: string;
  readonly secondPerson?: string;
  readonly dryRun?: true;
}

export async function orderContainment(
  context: CliContext,
  device: string,
  level: 'contained' | 'cut',
  options: OrderOptions,
): Promise<ExitStatus> {
  const by = whoAsks(context, options.by);
  const isCut = level === 'cut' && !options.dryRun;
  const stated = isCut ? statedConfirmation(context, device, by, options) : null;
  if (options.dryRun || isCut) {
    const preview = await withEnforcer(context, (enforcer) =>
      enforcer.request('containment.preview', { device, level }),
    );
    if (options.dryRun && options.json) context.json(preview);
    else if (!options.json) context.lines(previewLines(preview, context.columns));
    if (options.dryRun) return EXIT_DONE;
  }
  const confirmedBy = isCut ? (stated ?? (await askConfirmation(context, device))) : null;
  const answer = await withEnforcer(context, (enforcer) =>
    enforcer.request('containment.order', {
      device,
      level,
      by,
      reason: options.reason,
      source: 'cli',
      forSeconds: options.for ?? null,
      confirmedBy,
    }),
  );
  if (options.json) {
    context.json(answer);
    return EXIT_DONE;
  }
  const { order, connectionsCut } = answer;
  const effect =
    order.level === 'cut' ? 'is cut: nothing passes' : 'is contained: only its essential entries go on';
  context.line(`${escapeControls(order.device)} ${effect}.`);
  context.line(`${connectionsCut} live connection${connectionsCut === 1 ? '' : 's'} stopped.`);
  context.line(endOf(order, context.nowMs()));
  return EXIT_DONE;
}

export async function releaseContainment(
  context: CliContext,
  device: string,
  options: ReleaseOptions,
): Promise<ExitStatus> {
  const answer = await withEnforcer(context, (enforcer) =>
    enforcer.request('containment.release', {
      device,
      by: whoAsks(context, options.by),
      reason: options.reason,
    }),
  );
  if (options.json) context.json(answer);
  else if (answer.released.length === 0) context.line(`${escapeControls(device)} was not contained.`);
  else
    for (const order of answer.released)
      context.line(
        `${escapeControls(order.device)} is released (${order.level} by ${escapeControls(order.by)}, ${formatTimeAndAge(order.sinceMs, context.nowMs())}).`,
      );
  return EXIT_DONE;
}

function endOf(order: ContainmentOrder, nowMs: number): string {
  return order.untilMs === null
    ? `It stays so until: cordon release ${escapeControls(order.device)} --reason …`
    : `It ends by itself at ${formatTimeAndAge(order.untilMs, nowMs)}.`;
}

/**
 * A device in a patient's care: one wrong word in the shell's history must not be enough. Who or what confirmed, as far as
 * the options say; null when it can be asked for at the terminal.
 */
function statedConfirmation(
  context: CliContext,
  device: string,
  by: string,
  { confirm, secondPerson, json }: OrderOptions,
): string | null {
  if (secondPerson !== undefined) {
    if (isConfirmed({ device, by }, secondPerson)) return secondPerson;
    throw usageError(
      `not confirmed: ${escapeControls(secondPerson)} is the one who asks; nothing was changed`,
    );
  }
  if (confirm !== undefined) return checkTyped(device, confirm);
  if (context.isInteractive && !json) return null;
  throw usageError(
    `a cut needs a second confirmation: add --confirm ${escapeControls(device)}, or --second-person and a name`,
  );
}

async function askConfirmation(context: CliContext, device: string): Promise<string> {
  const typed = await context.ask(
    `Nothing will pass to or from ${escapeControls(device)}, not even what is essential.\nType its name again to confirm: `,
  );
  return checkTyped(device, typed.trim());
}

function checkTyped(device: string, typed: string): string {
  if (typed === device) return typed;
  throw usageError(
    `not confirmed: "${escapeControls(typed)}" is not "${escapeControls(device)}"; nothing was changed`,
  );
}

const PREVIEW_COLUMNS: readonly Column<LiveConnection>[] = [
  { title: 'dir', value: ({ direction }) => direction },
  { title: 'peer', value: ({ peer }) => peer, shrinkTo: 15 },
  { title: 'service', value: ({ protocol, port }) => serviceText(protocol, port), shrinkTo: 8 },
  { title: 'bytes', value: ({ bytes }) => (bytes === null ? '' : String(bytes)), align: 'right' },
];

function previewLines(preview: ContainmentPreview, columns: number): readonly string[] {
  const list = (what: string, rows: readonly LiveConnection[], total: number): readonly string[] => [
    `${total} live connection${total === 1 ? '' : 's'} ${what}${total > rows.length ? ` (${rows.length} shown)` : ''}${total === 0 ? '.' : ':'}`,
    ...renderTable(PREVIEW_COLUMNS, rows, columns - 2).map((line) => `  ${line}`),
  ];
  return [
    ...(preview.lifeSustaining
      ? [`${escapeControls(preview.device)} is LIFE-SUSTAINING: a patient may hang on it.`]
      : []),
    ...list('would stop', preview.stops, preview.stopsTotal),
    ...list('would go on', preview.goesOn, preview.goesOnTotal),
  ];
}
