/** `cordon policy show`, `diff`, `apply`, `confirm` and `rollback`: asks the enforcer, which alone changes what is enforced. */
import type { z } from 'zod';
import type { RequestResult } from '../messages/enforcer-messages.js';
import type { policyState } from '../messages/vocabulary.js';
import type { Policy } from '../policy/schema.js';
import type { CliContext } from './context.js';
import { nameOf, parsePolicyText, readPolicyFile } from './documents.js';
import { formatTimeAndAge } from './durations.js';
import { CliError, EXIT_DONE, type ExitStatus } from './errors.js';
import { escapeControlsKeepingLines } from './escape.js';
import { changeLines, policyChanges, type PolicyChange } from './policy-changes.js';
import { applyTimeoutMs, withEnforcer, type EnforcerClient } from './sockets.js';
import { whoAsks } from './who.js';

type PolicyState = z.infer<typeof policyState>;

export interface SignedOptions {
  readonly json?: true;
  readonly by?: string;
}

export interface ApplyOptions extends SignedOptions {
  /** Seconds. */
  readonly confirmWithin?: number;
  /** False with --no-confirm. */
  readonly confirm: boolean;
}

export interface DiffOptions {
  readonly json?: true;
  readonly against?: string;
}

export async function showRunning(
  context: CliContext,
  options: { readonly json?: true },
): Promise<ExitStatus> {
  const current = await withEnforcer(context, (enforcer) => enforcer.request('policy.current', {}));
  if (options.json) context.json(current);
  // Into a file or a pipe it goes byte for byte, so that it can be edited and applied again.
  else context.write(context.isStdoutTerminal ? escapeControlsKeepingLines(current.text) : current.text);
  return EXIT_DONE;
}

export async function diffPolicy(
  context: CliContext,
  file: string,
  options: DiffOptions,
): Promise<ExitStatus> {
  const { policy: after } = await readPolicyFile(context, file);
  const { against } = options;
  const before =
    against === undefined
      ? await withEnforcer(context, (enforcer) => runningPolicy(context, enforcer))
      : (await readPolicyFile(context, against)).policy;
  const changes = await policyChanges(before, after);
  const from = against === undefined ? 'the running policy' : nameOf(against);
  if (options.json) context.json({ from: against ?? null, to: file, changes });
  else if (changes.length === 0) context.line(`${nameOf(file)} changes nothing of ${from}.`);
  else context.lines(changeLines(changes, context.columns));
  return EXIT_DONE;
}

export async function applyPolicy(
  context: CliContext,
  file: string,
  options: ApplyOptions,
): Promise<ExitStatus> {
  const { text, policy } = await readPolicyFile(context, file);
  const confirmWithinSeconds = options.confirm
    ? (options.confirmWithin ?? (await import('../policy/default-policy.js')).CONFIRM_SECONDS)
    : null;
  const { changes, state } = await withEnforcer(context, async (enforcer) => {
    // Compared before, because after it the running policy is the new one. What is unreadable counts as nothing.
    const before = await runningPolicy(context, enforcer).catch(() => null);
    return {
      changes: before && (await policyChanges(before, policy)),
      state: await enforcer.request(
        'policy.apply',
        { text, by: whoAsks(context, options.by), confirmWithinSeconds },
        { timeoutMs: applyTimeoutMs(context) },
      ),
    };
  });
  if (options.json) context.json({ state, changes });
  else context.lines(appliedLines(changes, state, context));
  return EXIT_DONE;
}

export async function confirmPolicy(context: CliContext, options: SignedOptions): Promise<ExitStatus> {
  const state = await withEnforcer(context, (enforcer) =>
    enforcer.request('policy.confirm', { by: whoAsks(context, options.by) }),
  );
  if (options.json) context.json({ state });
  else context.line(`Generation ${state.generation} is confirmed and stays, over restarts too.`);
  return EXIT_DONE;
}

export async function rollbackPolicy(context: CliContext, options: SignedOptions): Promise<ExitStatus> {
  const state = await withEnforcer(context, (enforcer) =>
    enforcer.request(
      'policy.rollback',
      { by: whoAsks(context, options.by) },
      { timeoutMs: applyTimeoutMs(context) },
    ),
  );
  if (options.json) context.json({ state });
  else context.line(`Back to generation ${state.generation}: ${extent(state)}.`);
  return EXIT_DONE;
}

/** Rejects with a CliError `no-policy` where none was applied yet. */
export async function runningPolicy(context: CliContext, enforcer: EnforcerClient): Promise<Policy> {
  const current = await enforcer.request('policy.current', {});
  if (current.text === '')
    throw new CliError('no-policy', 'no policy was applied yet: cordon policy apply FILE');
  return await parseRunning(context, current);
}

/** With the variables that it was applied with, whatever the configuration says by now. */
export async function parseRunning(
  context: CliContext,
  { text, variables }: RequestResult<'policy.current'>,
): Promise<Policy> {
  const { readVariables } = await import('../policy/site-variables.js');
  return await parsePolicyText(context, text, 'the running policy', readVariables(variables));
}

function appliedLines(
  changes: readonly PolicyChange[] | null,
  state: PolicyState,
  context: CliContext,
): readonly string[] {
  return [
    ...(changes === null
      ? []
      : changes.length === 0
        ? ['Nothing changes for any device.']
        : changeLines(changes, context.columns)),
    `Generation ${state.generation} is in force: ${extent(state)}.`,
    ...(state.pending === null
      ? ['It stays, over restarts too. Back to the one before: cordon policy rollback']
      : [
          `It is not confirmed: the policy before it comes back at ${formatTimeAndAge(state.pending.rollbackAtMs, context.nowMs())}.`,
          'Check that what must work works, then keep it: cordon policy confirm',
        ]),
  ];
}

function extent(state: PolicyState): string {
  return `${state.devices} device${state.devices === 1 ? '' : 's'}, ${state.entries} allow entr${state.entries === 1 ? 'y' : 'ies'}`;
}
