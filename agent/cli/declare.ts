/** Small things that every declaration of a command shares: the --json option, the example, the way back of the exit status. */
import { InvalidArgumentError, type Command } from 'commander';
import { parseDuration } from './durations.js';
import type { ExitStatus } from './errors.js';

/** How the commands hand back their exit status. */
export type ReportStatus = (status: ExitStatus) => void;

/** A command that runs: everything but groups. `summary` fits one line of the overview; its own help adds `more`. */
export function leaf(parent: Command, usage: string, summary: string, more = ''): Command {
  const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  return parent
    .command(usage)
    .summary(summary)
    .description(more === '' ? sentence : `${sentence} ${more}`)
    .option('--json', 'print JSON instead of text');
}

export function withExample(command: Command, ...examples: readonly string[]): Command {
  const heading = examples.length === 1 ? 'Example' : 'Examples';
  return command.addHelpText('after', `\n${heading}:\n${examples.map((one) => `  ${one}`).join('\n')}`);
}

/**
 * Commander calls an action with the arguments, the options and the command itself. `run` gets what it declares; commander knows no
 * types, so each declaration names the shape that its own options give.
 */
export function act(
  report: ReportStatus,
  run: (...args: never[]) => Promise<ExitStatus>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    report(await run(...(args as never[])));
  };
}

export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value) || value < minimum || value > maximum)
      throw new InvalidArgumentError(`Write a whole number from ${minimum} to ${maximum}.`);
    return value;
  };
}

/** Seconds from `90s`, `15m`, `2h`, `7d`. */
export function duration(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === null)
    throw new InvalidArgumentError('Write a duration like 90s, 15m, 2h or 7d, up to 365d.');
  return seconds;
}

export function nonEmpty(maximumLength: number): (text: string) => string {
  return (text) => {
    const trimmed = text.trim();
    if (trimmed === '') throw new InvalidArgumentError('It must not be empty.');
    if (trimmed.length > maximumLength)
      throw new InvalidArgumentError(`It is longer than ${maximumLength} characters.`);
    return trimmed;
  };
}
