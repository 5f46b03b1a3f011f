/** `cordon doctor`: runs every check at once and prints them worst first. Exit status 1 if one failed; a warning is none. */
import { counted } from '../counted.js';
import type { CliContext } from './context.js';
import { MAX_PROSE_COLUMNS } from './context.js';
import { checkBox } from './doctor-box.js';
import type { Check, Outcome } from './doctor-check.js';
import { checkKernel, checkSettings } from './doctor-kernel.js';
import { checkMachine } from './doctor-machine.js';
import { EXIT_DONE, EXIT_REFUSED, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { wrap } from './text-width.js';

const WORDS: Readonly<Record<Outcome, string>> = { fail: 'FAIL', warn: 'warn', ok: 'ok' };
const ORDER: readonly Outcome[] = ['fail', 'warn', 'ok'];

export async function runDoctor(context: CliContext, options: { readonly json?: true }): Promise<ExitStatus> {
  const [machine, kernel, box] = await Promise.all([
    checkMachine(context),
    checkKernel(context),
    checkBox(context),
  ]);
  const checks = [...machine, ...kernel, ...(await checkSettings(box)), ...box.checks];
  const count = (outcome: Outcome): number => checks.filter((check) => check.outcome === outcome).length;
  const counts = { ok: count('ok'), warn: count('warn'), fail: count('fail') };
  if (options.json) context.json({ checks, ...counts });
  else {
    context.lines(checkLines(checks, Math.min(context.columns, MAX_PROSE_COLUMNS)));
    context.line(`\n${counts.ok} ok, ${counted(counts.warn, 'warning')}, ${counts.fail} failed`);
  }
  return counts.fail === 0 ? EXIT_DONE : EXIT_REFUSED;
}

export function checkLines(checks: readonly Check[], columns: number): readonly string[] {
  const indent = ' '.repeat(6);
  return ORDER.flatMap((outcome) =>
    checks
      .filter((check) => check.outcome === outcome)
      .flatMap(({ id, reason, remedy }) => [
        ...wrap(escapeControls(`${id}: ${reason}`), columns, indent).map((line, index) =>
          index === 0 ? WORDS[outcome].padEnd(indent.length) + line.slice(indent.length) : line,
        ),
        ...(remedy === null ? [] : wrap(`remedy: ${escapeControls(remedy)}`, columns, `${indent}  `)),
      ]),
  );
}
