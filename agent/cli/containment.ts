/**
 * `cordon contain`, `cut` and `release`: orders go straight to the enforcer, so they work without the agent, the broker and the
 * network. `cut` is never sent without its second confirmation.
 */
import { confirmationWord, isConfirmed, scopeText } from '../containment/orders.js';
import type { ContainmentOrder, ContainmentScope } from '../messages/vocabulary.js';
import type { CliContext } from './context.js';
import { formatTimeAndAge } from './durations.js';
import { EXIT_DONE, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { withEnforcer } from './sockets.js';
import { whoAsks } from './who.js';

interface ScopeOptions {
  readonly tag?: string;
  readonly wholeBox?: true;
}

export interface ReleaseOptions extends ScopeOptions {
  readonly json?: true;
  readonly reason: string;
  readonly by?: string;
  readonly order?: readonly number[];
  readonly all?: true;
}

export interface OrderOptions extends ScopeOptions {
  readonly json?: true;
  readonly reason: string;
  readonly by?: string;
  /** Seconds. */
  readonly for?: number;
  readonly spareLifeSustaining?: true;
  readonly confirm?: string;
  readonly secondPerson?: string;
  readonly dryRun?: true;
}

export async function orderContainment(
  context: CliContext,
  device: string | undefined,
  level: 'contained' | 'cut',
  options: OrderOptions,
): Promise<ExitStatus> {
  const scope = scopeOf(device, options);
  const by = whoAsks(context, options.by);
  const sparesLifeSustaining = options.spareLifeSustaining === true;
  const isCut = level === 'cut' && !options.dryRun;
  if (isCut) checkConfirmable(context, scope, by, options);
  let confirmedBy: string | null = null;
  if (options.dryRun || isCut) {
    const preview = await withEnforcer(context, (enforcer) =>
      enforcer.request('containment.preview', { scope, level, sparesLifeSustaining }),
    );
    if (options.dryRun && options.json) context.json(preview);
    else if (!options.json) {
      const { previewLines } = await import('./containment-preview.js');
      context.lines(previewLines(preview, context.columns));
    }
    if (options.dryRun) return EXIT_DONE;
    confirmedBy = await confirmation(context, scope, preview.confirmWith, by, options);
  }
  const answer = await withEnforcer(context, (enforcer) =>
    enforcer.request('containment.order', {
      scope,
      level,
      sparesLifeSustaining,
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
  const spared = order.sparesLifeSustaining ? ', but what is essential to life-sustaining devices' : '';
  context.line(`${named(order.scope)} ${effect}${spared}.`);
  context.line(`${connectionsCut} live connection${connectionsCut === 1 ? '' : 's'} stopped.`);
  context.line(endOf(order, context.nowMs()));
  return EXIT_DONE;
}

export async function releaseContainment(
  context: CliContext,
  device: string | undefined,
  options: ReleaseOptions,
): Promise<ExitStatus> {
  if (options.order && options.all) throw usageError('write --order or --all, not both');
  const scope = scopeOf(device, options);
  const answer = await withEnforcer(context, (enforcer) =>
    enforcer.request('containment.release', {
      scope,
      by: whoAsks(context, options.by),
      reason: options.reason,
      orders: options.all ? 'all' : options.order ? [...options.order] : null,
    }),
  );
  if (options.json) {
    context.json(answer);
    return EXIT_DONE;
  }
  for (const order of answer.released)
    context.line(`${named(order.scope)} is released (${orderText(order, context.nowMs())}).`);
  if (answer.stillHeldBy.length === 0) return EXIT_DONE;
  context.line('STILL HELD by:');
  for (const order of answer.stillHeldBy)
    context.line(`  order ${order.id} on ${named(order.scope)}: ${orderText(order, context.nowMs())}`);
  return EXIT_DONE;
}

function scopeOf(device: string | undefined, { tag, wholeBox }: ScopeOptions): ContainmentScope {
  const given = [device, tag, wholeBox].filter((one) => one !== undefined).length;
  if (given !== 1) throw usageError('name one device, or --tag and a tag, or --whole-box');
  if (tag !== undefined) return { tag };
  return device === undefined ? 'box' : { device };
}

function named(scope: ContainmentScope): string {
  return escapeControls(scopeText(scope));
}

function orderText(order: ContainmentOrder, nowMs: number): string {
  return `${order.level} by ${escapeControls(order.by)}, ${formatTimeAndAge(order.sinceMs, nowMs)}`;
}

function endOf(order: ContainmentOrder, nowMs: number): string {
  if (order.untilMs !== null) return `It ends by itself at ${formatTimeAndAge(order.untilMs, nowMs)}.`;
  const { scope } = order;
  const words = scope === 'box' ? '--whole-box' : 'device' in scope ? scope.device : `--tag ${scope.tag}`;
  return `It stays so until: cordon release ${escapeControls(words)} --reason …`;
}

/** Before anything is asked of the box, as far as it can be told without it: only the box knows its own name. */
function checkConfirmable(
  context: CliContext,
  scope: ContainmentScope,
  by: string,
  options: OrderOptions,
): void {
  const word = scope === 'box' ? null : confirmationWord(scope, '');
  if (options.secondPerson !== undefined || options.confirm !== undefined) {
    if (word !== null) checkStated(word, by, options);
    return;
  }
  if (context.isInteractive && !options.json) return;
  throw usageError(
    `a cut needs a second confirmation: add --confirm ${escapeControls(word ?? 'and the name of the box')}, or --second-person and a name`,
  );
}

/** A device in a patient's care: one wrong word in the shell's history must not be enough. Who or what confirmed. */
async function confirmation(
  context: CliContext,
  scope: ContainmentScope,
  word: string,
  by: string,
  options: OrderOptions,
): Promise<string> {
  if (options.secondPerson !== undefined || options.confirm !== undefined)
    return checkStated(word, by, options);
  const typed = await context.ask(
    `Nothing will pass to or from ${named(scope)}, not even what is essential.\nType ${escapeControls(word)} to confirm: `,
  );
  return checkStated(word, by, { confirm: typed.trim() });
}

function checkStated(
  word: string,
  by: string,
  { confirm, secondPerson }: Pick<OrderOptions, 'confirm' | 'secondPerson'>,
): string {
  if (secondPerson !== undefined) {
    if (isConfirmed(word, by, secondPerson)) return secondPerson;
    throw usageError(
      `not confirmed: ${escapeControls(secondPerson)} is the one who asks; nothing was changed`,
    );
  }
  if (confirm === word) return word;
  throw usageError(
    `not confirmed: "${escapeControls(confirm ?? '')}" is not "${escapeControls(word)}"; nothing was changed`,
  );
}
