/** CORDON_TIMEOUT: how many seconds an answer of the box is waited for, where it is slower than any that we know. */
import type { CliContext } from './context.js';
import { usageError } from './errors.js';

const MAX_SECONDS = 3_600;

/** Null where it is not set. Throws a usage error for what is no such number. */
export function answerTimeoutMs({ environment }: CliContext): number | null {
  const text = environment['CORDON_TIMEOUT'];
  if (text === undefined) return null;
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS)
    throw usageError(`CORDON_TIMEOUT is ${text}: write seconds, 1 to ${MAX_SECONDS}`);
  return seconds * 1000;
}
