/** Problems of a document as lines: the path, then what is wrong, then how to put it right. Pure. */
import type { PrintedProblem } from './errors.js';
import { escapeControls } from './escape.js';
import { wrap } from './text-width.js';

export function problemLines(problems: readonly PrintedProblem[], columns: number): readonly string[] {
  return problems.flatMap((problem) => [
    `  ${escapeControls(problem.path)}`,
    ...wrap(escapeControls(problem.message), columns, '      '),
    ...(problem.hint === undefined ? [] : wrap(`hint: ${escapeControls(problem.hint)}`, columns, '      ')),
  ]);
}
