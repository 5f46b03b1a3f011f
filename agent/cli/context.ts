/**
 * What a command may touch of the world: its streams, the environment, the clock. Made once in main.ts and handed down, so that
 * no command reads a global.
 */
import { createInterface } from 'node:readline/promises';
import { isatty } from 'node:tty';
import { pathsFromEnvironment, type Paths } from '../paths.js';
import { toJsonText } from './escape.js';

/** What a table is laid out for where no terminal says otherwise. */
const DEFAULT_COLUMNS = 80;
const MIN_COLUMNS = 40;
/** Prose does not get easier to read past this. */
export const MAX_PROSE_COLUMNS = 100;

export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly paths: Paths;
  /** Columns of the terminal, or of COLUMNS, or 80. */
  readonly columns: number;
  /** A person sits at both ends: a question can be asked. */
  readonly isInteractive: boolean;
  readonly isStdoutTerminal: boolean;
  nowMs(): number;
  /** Text as it is, to stdout. */
  write(text: string): void;
  /** One line to stdout. */
  line(text?: string): void;
  lines(lines: readonly string[]): void;
  /** One JSON document to stdout. */
  json(value: unknown): void;
  /** One line to stderr. */
  warn(text: string): void;
  ask(question: string): Promise<string>;
}

export function contextOfProcess(): CliContext {
  const { env: environment, stdin, stdout, stderr } = process;
  const isStdoutTerminal = isatty(1);
  const write = (text: string): void => {
    stdout.write(text);
  };
  return {
    environment,
    paths: pathsFromEnvironment(environment),
    columns: readColumns(isStdoutTerminal ? stdout.columns : undefined, environment['COLUMNS']),
    isInteractive: isatty(0) && isStdoutTerminal,
    isStdoutTerminal,
    nowMs: () => Date.now(),
    write,
    line: (text = '') => {
      write(`${text}\n`);
    },
    lines: (lines) => {
      if (lines.length > 0) write(`${lines.join('\n')}\n`);
    },
    json: (value) => {
      write(`${toJsonText(value, 2)}\n`);
    },
    warn: (text) => {
      stderr.write(`${text}\n`);
    },
    ask: async (question) => {
      const reader = createInterface({ input: stdin, output: stdout });
      try {
        return await reader.question(question);
      } finally {
        reader.close();
      }
    },
  };
}

function readColumns(terminal: number | undefined, variable: string | undefined): number {
  const columns = terminal ?? (variable === undefined ? Number.NaN : Number(variable));
  return Number.isInteger(columns) && columns >= MIN_COLUMNS ? columns : DEFAULT_COLUMNS;
}
