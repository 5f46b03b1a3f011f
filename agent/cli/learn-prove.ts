/** `cordon learn prove`: what of a device's recorded connections a policy, enforced, would refuse. */
import type { Habit } from '../learn/habit.js';
import { entryText, habitsText, habitText } from '../learn/proposal-yaml.js';
import { prove, type Proved } from '../learn/prove.js';
import { ownValue } from '../policy/resolve-peers.js';
import type { CliContext } from './context.js';
import { formatTime } from './durations.js';
import { CliError, EXIT_DONE, EXIT_REFUSED, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { learntOf, type LearnSourceOptions } from './learn-source.js';
import { wrap } from './text-width.js';

export type ProveOptions = LearnSourceOptions;

export async function proveDevice(
  context: CliContext,
  who: string,
  options: ProveOptions,
): Promise<ExitStatus> {
  const learnt = await learntOf(context, who, options);
  const { policy, config, name, device, habits, findings, learned, coverage, policyFrom } = learnt;
  if (ownValue(policy.devices, name) === undefined)
    throw new CliError(
      'unknown-device',
      `${escapeControls(who)} is not in ${policyFrom}: cordon learn propose writes it`,
    );
  const proved = prove({ policy, config, name, device, habits, findings, learned });
  const breaks = proved.filter(({ fate }) => fate === 'breaks');
  if (options.json) context.json({ device: name, policyFrom, coverage, proved });
  else context.lines(provedLines(proved, name, policyFrom, context.columns));
  return breaks.length > 0 ? EXIT_REFUSED : EXIT_DONE;
}

function provedLines(
  proved: readonly Proved[],
  name: string,
  policyFrom: string,
  columns: number,
): readonly string[] {
  const of = (fate: Proved['fate']): readonly Proved[] => proved.filter((one) => one.fate === fate);
  const connections = (some: readonly Proved[]): string =>
    `${some.length} of ${proved.length} ${proved.length === 1 ? 'connection' : 'connections'}`;
  const [breaks, unknown, rightly] = [of('breaks'), of('unknown'), of('refused-rightly')];
  return [
    ...(breaks.length === 0
      ? [
          `Nothing that ${name} was seen to do${rightly.length === 0 ? '' : ', but for what findings are about,'} would be refused by ${policyFrom}, enforced.`,
        ]
      : [
          `${connections(breaks)} that ${name} was seen to have would be refused by ${policyFrom}, enforced:`,
        ]),
    ...breaks.flatMap((one) => brokenLines(one, name, columns)),
    ...(rightly.length === 0 ? [] : ['', `${connections(rightly)}: refused, and a finding is about each:`]),
    ...byFinding(rightly).flatMap(([title, habits]) =>
      wrap(escapeControls(`${habitsText(habits)}: ${title}`), columns, '  '),
    ),
    ...(unknown.length === 0
      ? []
      : ['', `${connections(unknown)}: open before the box watched, not known who opened:`]),
    ...unknown.flatMap(({ habit }) => wrap(escapeControls(habitText(habit)), columns, '  ')),
    `${connections(of('passes'))} pass.`,
  ];
}

/** A scan is told once, not port by port. */
function byFinding(rightly: readonly Proved[]): readonly (readonly [string, readonly Habit[]])[] {
  const groups = new Map<string, { title: string; habits: Habit[] }>();
  for (const { habit, findings } of rightly) {
    const title = findings[0]?.title ?? '';
    const key = JSON.stringify([title, habit.direction, habit.peer]);
    const known = groups.get(key);
    if (known) known.habits.push(habit);
    else groups.set(key, { title, habits: [habit] });
  }
  return [...groups.values()].map(({ title, habits }) => [title, habits]);
}

function brokenLines(
  { habit, refusedBy, wouldAllow }: Proved,
  name: string,
  columns: number,
): readonly string[] {
  const times = `${habit.count} ${habit.count === 1 ? 'time' : 'times'}, last ${formatTime(habit.lastMs)}`;
  const looked = habit.names.length === 0 ? '' : ` (${habit.names.join(', ')})`;
  return [
    ...wrap(escapeControls(`${habitText(habit)}${looked}: ${times}`), columns, '  '),
    ...(wouldAllow === null
      ? ['    no entry can permit it']
      : [
          `    under devices.${refusedBy ?? name}.allow:`,
          `      - ${escapeControls(entryText(wouldAllow))}`,
        ]),
  ];
}
