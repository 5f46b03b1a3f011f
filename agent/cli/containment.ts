/**
 * `cordon contain`, `cut` and `release`: orders go straight to the enforcer, so they work without the agent, the broker and the
 * network. `cut` is never sent without its second confirmation.
 */
import type { ContainmentOrder } from '../messages/vocabulary.js';
import type { CliContext } from './context.js';
import { formatTimeAndAge } from './durations.js';
import { EXIT_DONE, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { withEnforcer } from './sockets.js';
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
}

export async function orderContainment(
  context: CliContext,
  device: string,
  level: 'contained' | 'cut',
  options: OrderOptions,
): Promise<ExitStatus> {
  if (level === 'cut') await confirmCut(context, device, options);
  const answer = await withEnforcer(context, (enforcer) =>
    enforcer.request('containment.order', {
      device,
      level,
      by: whoAsks(context, options.by),
      reason: options.reason,
      source: 'cli',
      forSeconds: options.for ?? null,
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

/** A device in a patient's care: one wrong word in the shell's history must not be enough. */
async function confirmCut(context: CliContext, device: string, options: OrderOptions): Promise<void> {
  let typed = options.confirm;
  if (typed === undefined && context.isInteractive && !options.json)
    typed = (
      await context.ask(
        `Nothing will pass to or from ${escapeControls(device)}, not even what is essential.\nType its name again to confirm: `,
      )
    ).trim();
  if (typed === undefined)
    throw usageError(`a cut needs a second confirmation: add --confirm ${escapeControls(device)}`);
  if (typed !== device)
    throw usageError(
      `not confirmed: "${escapeControls(typed)}" is not "${escapeControls(device)}"; nothing was changed`,
    );
}
