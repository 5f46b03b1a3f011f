/** `cordon learn shadow`: what passed since the policy was applied though no entry permits it. The kernel counted it; nothing was refused. */
import { counted } from '../counted.js';
import { createEntryMatcher } from '../policy/match-entry.js';
import { namesOf } from '../learn/names.js';
import { habitText, entryText } from '../learn/proposal-yaml.js';
import { connectionOf, ownersOf, singleEntry } from '../learn/propose.js';
import { ownValue } from '../policy/resolve-peers.js';
import type { CliContext } from './context.js';
import { formatTimeAndAge } from './durations.js';
import { EXIT_DONE, EXIT_REFUSED, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { learntOf } from './learn-source.js';
import { wrap } from './text-width.js';
import { withEnforcer } from './sockets.js';

export async function showShadow(
  context: CliContext,
  who: string,
  options: { readonly json?: true },
): Promise<ExitStatus> {
  const learnt = await learntOf(context, who, {});
  const { policy, name, device, habits, learned } = learnt;
  const { wouldRefuse, policy: state } = await withEnforcer(context, (enforcer) =>
    enforcer.request('status', {}),
  );
  const mode = ownValue(policy.devices, name)?.mode ?? 'not in the policy';
  const listed = createEntryMatcher(policy, learned, namesOf(policy, device, habits));
  const owners = ownersOf(policy, learned, name);
  const unlisted = habits
    // An entry that came by now, or an address that its name has by now, is no news.
    .filter((one) => one.unlisted > 0 && listed(name, connectionOf(one), false) === null)
    .map((habit) => ({ habit, wouldAllow: singleEntry(habit, owners).entry }));
  if (options.json)
    context.json({
      device: name,
      mode,
      appliedAtMs: state.appliedAtMs,
      kernelWouldRefuse: wouldRefuse,
      unlisted,
    });
  else {
    const since =
      state.appliedAtMs === null ? 'ever' : `since ${formatTimeAndAge(state.appliedAtMs, context.nowMs())}`;
    context.line(
      `${name} (${mode}): ${counted(unlisted.length, 'connection')} that enforce would refuse, ${since}.`,
    );
    for (const { habit, wouldAllow } of unlisted)
      context.lines([
        ...wrap(
          escapeControls(
            `${habitText(habit)}: ${counted(habit.unlisted, 'time')}, last ${formatTimeAndAge(habit.unlistedMs, context.nowMs())}`,
          ),
          context.columns,
          '  ',
        ),
        ...(wouldAllow === null ? [] : [`    - ${escapeControls(entryText(wouldAllow))}`]),
      ]);
    context.line(
      `The kernel counted ${counted(wouldRefuse, 'first packet')} of devices in shadow since its tables were loaded.`,
    );
  }
  return unlisted.length > 0 ? EXIT_REFUSED : EXIT_DONE;
}
