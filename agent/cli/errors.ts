/**
 * What ends a command early, as a value that main.ts prints in one line: never a stack trace for something that a person
 * can put right. Exit status: 0 done, 1 refused or found problems, 2 usage.
 */
export const EXIT_DONE = 0;
export const EXIT_REFUSED = 1;
export const EXIT_USAGE = 2;
export type ExitStatus = typeof EXIT_DONE | typeof EXIT_REFUSED | typeof EXIT_USAGE;

export interface PrintedProblem {
  readonly path: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export class CliError extends Error {
  readonly code: string;
  readonly exitStatus: ExitStatus;
  readonly problems: readonly PrintedProblem[] | undefined;

  constructor(
    code: string,
    message: string,
    options: {
      readonly exitStatus?: ExitStatus;
      readonly problems?: readonly PrintedProblem[] | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'CliError';
    this.code = code;
    this.exitStatus = options.exitStatus ?? EXIT_REFUSED;
    this.problems = options.problems;
  }
}

export function usageError(message: string): CliError {
  return new CliError('usage', message, { exitStatus: EXIT_USAGE });
}
