/**
 * Prints the one thing that ended a command: a line on stderr, or with --json an object on stdout. Called by program.ts only.
 * Must never print a stack, and never match on an error's text: codes say what to add.
 */
import { CommanderError } from 'commander';
import type { CliContext } from './context.js';
import { CliError, EXIT_REFUSED, EXIT_USAGE, type ExitStatus, type PrintedProblem } from './errors.js';
import { escapeControls } from './escape.js';
import { problemLines } from './problem-lines.js';

/** What to do next, by the code of an error from the other side of a socket. */
const HINTS: Readonly<Record<string, string>> = {
  'no-server': 'start it, or see why it is not: cordon doctor',
  'no-permission': 'run it as root, or as a member of the socket’s group',
  'nothing-pending': 'cordon status shows which policy runs',
  'no-previous': 'cordon status shows which policy runs',
  busy: 'try again in a moment',
  'bad-answer': 'after an update, restart both processes',
};

interface Described {
  readonly code: string;
  readonly message: string;
  readonly problems: readonly PrintedProblem[] | undefined;
  readonly exitStatus: ExitStatus;
}

export function reportError(context: CliContext, error: unknown, asJson: boolean): ExitStatus {
  const { code, message, problems, exitStatus } = describe(error);
  const hint = HINTS[code];
  if (asJson) {
    context.json({
      error: { code, message, ...(hint !== undefined && { hint }), ...(problems && { problems }) },
    });
    return exitStatus;
  }
  context.warn(`cordon: ${escapeControls(message)}${hint === undefined ? '' : ` (${hint})`}`);
  for (const line of problemLines(problems ?? [], context.columns)) context.warn(line);
  return exitStatus;
}

function describe(error: unknown): Described {
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    return { code: 'usage', message, problems: undefined, exitStatus: EXIT_USAGE };
  }
  if (error instanceof CliError) {
    const { code, message, problems, exitStatus } = error;
    return { code, message, problems, exitStatus };
  }
  // RequestError, IpcError and the system's errors: all carry a code.
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const problems =
      'problems' in error ? (error.problems as readonly PrintedProblem[] | undefined) : undefined;
    return { code: error.code, message: error.message, problems, exitStatus: EXIT_REFUSED };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    message: `a defect of ours: ${message}`,
    problems: undefined,
    exitStatus: EXIT_REFUSED,
  };
}
