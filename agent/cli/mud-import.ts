/**
 * `cordon mud import`: a MUD file as a template in the text of a policy, and what that changes. It writes to standard output only; a
 * policy that would not be taken is not printed, nor one from a file whose signature has expired.
 */
import { placeOf } from '../mud/mud-file.js';
import type { CliContext } from './context.js';
import { nameOf } from './documents.js';
import { CliError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { signatureLines } from './mud-document.js';
import { countLines, countsOf, placeMudFile, type MudSiteOptions } from './mud-site.js';
import { changeLines } from './policy-changes.js';
import { problemLines } from './problem-lines.js';
import { wrap } from './text-width.js';

export async function importMudFile(
  context: CliContext,
  name: string,
  options: MudSiteOptions,
): Promise<ExitStatus> {
  const placed = await placeMudFile(context, name, options);
  const { read, template, text, changes, imported, notes, problems, exitStatus } = placed;
  if (placed.hasExpired)
    throw new CliError(
      'expired-signature',
      `the signature of ${nameOf(name)}: ${signatureLines(read).join(', ')}`,
      { problems: problems.filter(({ path }) => path === 'signature') },
    );
  if (options.json) {
    context.json({
      template,
      policy: text,
      changes,
      notes,
      problems,
      signature: read.signature,
      unresolved: imported.unresolved,
      entries: imported.fates.map(({ ace, reason }) => ({ ...placeOf(ace), reason })),
    });
    return exitStatus;
  }
  context.write(text);
  const said = [
    ...signatureLines(read).flatMap((line) => wrap(line, context.columns)),
    ...(options.policy === undefined && options.device === undefined
      ? []
      : changeLines(changes, context.columns)),
    ...countLines(countsOf(imported), context.columns),
    ...notes.flatMap((note) => wrap(note, context.columns, '  ')),
    ...problemLines(problems, context.columns),
  ];
  for (const line of said) context.warn(escapeControls(line));
  return exitStatus;
}
