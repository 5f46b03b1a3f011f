/** `cordon mud check` and `diff`: what a MUD file asks for, and what would become of it at this site. They write nothing. */
import { conversationText } from '../mud/describe.js';
import { diffMud } from '../mud/diff-mud.js';
import type { MudImport } from '../mud/import-mud.js';
import type { MudFile } from '../mud/mud-file.js';
import type { CliContext } from './context.js';
import { EXIT_DONE, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { readMudFile, signatureLines } from './mud-document.js';
import { countLines, countsOf, placeMudFile, type MudSiteOptions } from './mud-site.js';
import { changeLines } from './policy-changes.js';
import { problemLines } from './problem-lines.js';
import { wrap } from './text-width.js';

export interface MudDiffOptions {
  readonly json?: true;
}

/** All that `import` does, but for printing the policy: the same problems, counts and exit status. */
export async function checkMudFile(
  context: CliContext,
  name: string,
  options: MudSiteOptions,
): Promise<ExitStatus> {
  const { read, template, changes, imported, notes, problems, exitStatus } = await placeMudFile(
    context,
    name,
    options,
  );
  const { file, signature } = read;
  const { conversations } = imported;
  const counts = countsOf(imported);
  const asked = conversations.map(conversationText);
  const classes = [...new Set(conversations.flatMap(({ peer }) => peer.classes))].sort();
  if (options.json) {
    context.json({
      ...file,
      aces: undefined,
      signature,
      ...counts,
      defaults: file.aces.filter(({ isDefault }) => isDefault).length,
      permits: asked,
      classes,
      template,
      changes,
      notes,
      problems,
    });
    return exitStatus;
  }
  const { columns } = context;
  const who = whoLines(imported);
  context.lines(
    [
      ...[...descriptionLines(file), ...signatureLines(read)].flatMap((line) => wrap(line, columns)),
      '',
      `It asks for (${asked.length}):`,
      ...asked.flatMap((line) => wrap(line, columns, '  ')),
      ...(who.length === 0 ? [] : ['', 'Who these are here (--class):']),
      ...who.flatMap((line) => wrap(line, columns, '  ')),
      ...(options.policy === undefined && options.device === undefined
        ? []
        : ['', ...changeLines(changes, columns)]),
      '',
      ...countLines(counts, columns),
      ...file.warnings.flatMap(({ path, message }) => wrap(`note: ${path}: ${message}`, columns, '  ')),
      ...notes.flatMap((note) => wrap(note, columns, '  ')),
      ...problemLines(problems, columns),
    ].map(escapeControls),
  );
  return exitStatus;
}

/** `my-controller: 10.20.0.5`, of every class that becomes a group of the policy. */
function whoLines({ classOfGroup, groups }: MudImport): readonly string[] {
  return [...classOfGroup].map(([group, key]) => {
    const members = groups.get(group);
    if (!members) return `${key}: the group ${group} of the policy`;
    const who = members.map((member) => ('address' in member ? member.address : member.network));
    return `${key}: ${who.length === 0 ? 'nobody' : who.join(', ')}`;
  });
}

function descriptionLines(file: MudFile): readonly string[] {
  const maker = [file.manufacturer, file.model].filter((each) => each !== null).join(' ');
  return [
    `${file.systemInfo ?? 'a device without description'}${maker === '' ? '' : ` (${maker})`}`,
    `${file.url ?? 'no MUD URL'}, last updated ${file.lastUpdate ?? 'nobody knows when'}, valid for ${file.cacheValidityHours} h`,
    ...(file.isSupported ? [] : ['its manufacturer no longer supports it']),
  ];
}

export async function diffMudFiles(
  context: CliContext,
  before: string,
  after: string,
  options: MudDiffOptions,
): Promise<ExitStatus> {
  const [old, now] = [await readMudFile(context, before, {}), await readMudFile(context, after, {})];
  const difference = diffMud(old.file, now.file);
  if (options.json) {
    context.json({ before, after, ...difference });
    return EXIT_DONE;
  }
  const { description, added, removed, unchanged } = difference;
  context.lines(
    [
      ...description.map(
        ({ what, before: was, after: is }) => `  ${what}: ${was ?? 'nothing'} -> ${is ?? 'nothing'}`,
      ),
      ...added.map((each) => `+ ${each}`),
      ...removed.map((each) => `- ${each}`),
      `${added.length} added, ${removed.length} removed, ${unchanged} as before.`,
    ].map(escapeControls),
  );
  return EXIT_DONE;
}
