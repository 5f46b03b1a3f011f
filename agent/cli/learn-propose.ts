/** `cordon learn propose`: what was seen of a device as entries of a policy, with their evidence. Prints or writes a file; never applies. */
import { writeFile } from 'node:fs/promises';
import { counted } from '../counted.js';
import { habitsText, mergeProposal, serviceOf } from '../learn/proposal-yaml.js';
import { propose } from '../learn/propose.js';
import type { LeftOutReason, ProposalSet } from '../learn/proposal.js';
import type { DeviceMode } from '../policy/schema.js';
import { formatBytes } from './byte-text.js';
import type { CliContext } from './context.js';
import { nameOf, parsePolicyText } from './documents.js';
import { formatTime } from './durations.js';
import { CliError, EXIT_DONE, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { learntOf, type Learnt, type LearnSourceOptions } from './learn-source.js';
import { changeLines, policyChanges } from './policy-changes.js';
import { wrap } from './text-width.js';

export interface ProposeOptions extends LearnSourceOptions {
  readonly name?: string;
  readonly mode?: DeviceMode;
  readonly output?: string;
  readonly force?: true;
}

export async function proposeEntries(
  context: CliContext,
  who: string,
  options: ProposeOptions,
): Promise<ExitStatus> {
  const learnt = await learntOf(context, who, options, options.name);
  const { policy, policyText, policyFrom, name, device, habits, findings, learned, coverage, nowMs } = learnt;
  const proposals = propose({
    policy,
    name,
    device,
    habits,
    findings,
    learned,
    watchedMs: coverage.watchedMs,
    nowMs,
  });
  const text = mergeProposal(policyText, proposals, {
    macs: macsOf(learnt),
    addresses: device.addresses,
    mode: options.mode ?? null,
    formatTime,
    formatBytes,
  });
  // What it prints is a policy: a defect of ours must not become a person's problem at `policy apply`.
  const after = await parsePolicyText(context, text, 'the proposed policy');
  if (options.output !== undefined) await write(options.output, text, options.force === true);
  if (options.json) {
    context.json({ ...proposals, coverage, policyFrom, output: options.output ?? null, policy: text });
    return EXIT_DONE;
  }
  if (options.output === undefined) {
    context.write(text);
    context.warn(summary(proposals, learnt));
    return EXIT_DONE;
  }
  const changes = await policyChanges(policy, after);
  context.line(`${nameOf(options.output)}: ${policyFrom} with what ${name} was seen to need.`);
  context.lines(changeLines(changes, context.columns));
  context.lines(doubtLines(proposals, context.columns));
  context.line(summary(proposals, learnt));
  context.line(`Read it, then: cordon learn prove ${name} --policy ${nameOf(options.output)}`);
  return EXIT_DONE;
}

function doubtLines({ proposals, leftOut }: ProposalSet, columns: number): readonly string[] {
  const doubtful = proposals.filter(({ doubts }) => doubts.length > 0);
  const of = (wanted: LeftOutReason): ProposalSet['leftOut'] =>
    leftOut.filter(({ reason }) => reason === wanted);
  const [suspect, permitted] = [of('finding'), of('finding-listed')];
  const line = (text: string): readonly string[] => wrap(escapeControls(text), columns, '     ');
  return [
    ...(doubtful.length === 0 ? [] : ['Doubtful:']),
    ...doubtful.flatMap(({ entry, doubts }) => [
      ...line(`  ${serviceOf(entry)}`),
      ...line(`     ${doubts.map(({ text }) => text).join('; ')}`),
    ]),
    ...(suspect.length === 0 ? [] : ['Left out, because of a finding:']),
    ...suspect.flatMap(({ habits, text }) => line(`  ${habitsText(habits)}: ${text}`)),
    ...(permitted.length === 0 ? [] : ['Permitted already, and a finding is about it:']),
    ...permitted.flatMap(({ habits, text }) => line(`  ${habitsText(habits)}: ${text}`)),
  ];
}

function summary({ proposals, leftOut }: ProposalSet, { coverage }: Learnt): string {
  const doubtful = proposals.filter(({ doubts }) => doubts.length > 0).length;
  const count = (wanted: LeftOutReason): number =>
    leftOut.reduce((sum, { reason, habits }) => sum + (reason === wanted ? habits.length : 0), 0);
  const [suspect, permitted] = [count('finding'), count('finding-listed')];
  const parts = [
    `${proposals.length} ${proposals.length === 1 ? 'entry' : 'entries'} proposed, ${doubtful} of them doubtful`,
    ...(suspect > 0 ? [`${counted(suspect, 'connection')} left out because of a finding`] : []),
    ...(permitted > 0 ? [`${counted(permitted, 'connection')} permitted already, with a finding`] : []),
    `learning: ${coverage.verdict}, ${coverage.hoursWatched} of 168 hours of the week watched`,
  ];
  return `${parts.join('; ')}.`;
}

function macsOf({ device, isInPolicy, policyFrom }: Learnt): readonly string[] {
  if (device.mac !== null) return [device.mac];
  if (isInPolicy) return [];
  throw new CliError(
    'no-mac',
    `${escapeControls(device.key)} is not in ${policyFrom}, and its MAC was not seen: name it there first`,
  );
}

async function write(file: string, text: string, isForced: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: isForced ? 'w' : 'wx', mode: 0o640 });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unwritable';
    throw new CliError(
      code,
      code === 'EEXIST'
        ? `${nameOf(file)} is there already: name another file, or --force`
        : `cannot write ${nameOf(file)}: ${code}`,
      { cause },
    );
  }
}
