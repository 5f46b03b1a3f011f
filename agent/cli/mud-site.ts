/**
 * A MUD file at this site: what `check` and `import` share, so that the one tells what the other would print. It gives the policy with
 * the file's template in it; a policy that would not be taken is a CliError with its problems.
 */
import { parseDocument, type Document } from 'yaml';
import { counted } from '../counted.js';
import { DNS_CLASS, isClassKey, SAME_MANUFACTURER } from '../mud/class-keys.js';
import { importMud, type MudImport, type WrittenMember } from '../mud/import-mud.js';
import { placeOf, type DroppedAce, type MudFile } from '../mud/mud-file.js';
import type { ClassTarget } from '../mud/site-classes.js';
import { parseAddress, parseNetwork } from '../policy/address.js';
import { diffPolicies, type PolicyChange } from '../policy/diff-policy.js';
import { didYouMean, type Problem } from '../policy/problem.js';
import { ownValue } from '../policy/resolve-peers.js';
import { NAME_PATTERN, type Policy } from '../policy/schema.js';
import type { CliContext } from './context.js';
import { nameOf, parsePolicyText, readDocument } from './documents.js';
import { CliError, EXIT_DONE, EXIT_REFUSED, usageError, type ExitStatus } from './errors.js';
import { readMudFile, type ReadMud, type SignatureOptions } from './mud-document.js';
import { withEnforcer } from './sockets.js';
import { wrap } from './text-width.js';

export interface MudSiteOptions extends SignatureOptions {
  readonly json?: true;
  readonly device?: string;
  readonly policy?: string;
  readonly template?: string;
  readonly class?: readonly string[];
  readonly acceptExpired?: true;
}

export interface PlacedMud {
  readonly read: ReadMud;
  readonly template: string;
  /** Of the policy with the template in it. */
  readonly text: string;
  readonly changes: readonly PolicyChange[];
  readonly imported: MudImport;
  /** Of a signature that `--accept-expired` does not speak for; it is one of the problems. */
  readonly hasExpired: boolean;
  /** What deserves a look and makes nothing wrong. */
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
  readonly exitStatus: ExitStatus;
}

const EXPIRED: Problem = {
  path: 'signature',
  message: 'it has expired',
  hint: 'ask for a new one, or give --accept-expired',
};

/** Rejects with a CliError. */
export async function placeMudFile(
  context: CliContext,
  name: string,
  options: MudSiteOptions,
): Promise<PlacedMud> {
  const classes = new Map((options.class ?? []).map(readClass));
  const read = await readMudFile(context, name, options);
  const { file, signature } = read;
  const hasExpired = (signature?.expired.length ?? 0) > 0 && options.acceptExpired !== true;
  const base = await baseText(context, file, options);
  const before = await parsePolicyText(
    context,
    base,
    options.policy === undefined ? 'the policy' : nameOf(options.policy),
  );
  const template = templateName(file, options);
  const resolvers = resolversOf(before, classes);
  const host = file.url !== null && URL.canParse(file.url) ? new URL(file.url).hostname : null;
  if (host !== null && !classes.has(SAME_MANUFACTURER) && classes.has(`manufacturer:${host}`))
    classes.set(SAME_MANUFACTURER, [{ class: `manufacturer:${host}` }]);
  const site = {
    ...before.site,
    resolvers: resolvers.map((text) => parseAddress(text)).filter((each) => each !== null),
  };
  const imported = importMud(file, { classes, policy: { site, groups: before.groups } });
  const text = write(base, before, template, resolvers, imported, file, options.device);
  const after = await parsePolicyText(context, text, 'the policy with it');
  const changes = diffPolicies(before, after);
  const notes = unusedClasses(file, classes);
  const problems = [...(hasExpired ? [EXPIRED] : []), ...imported.problems];
  const exitStatus = problems.length === 0 ? EXIT_DONE : EXIT_REFUSED;
  return { read, template, text, changes, imported, hasExpired, notes, problems, exitStatus };
}

/** A class that is given and nothing of the file is about: mistyped, or for another file of the same script. */
function unusedClasses(
  file: MudFile,
  classes: ReadonlyMap<string, readonly ClassTarget[]>,
): readonly string[] {
  const used = new Set(file.aces.flatMap(({ matches }) => matches.flatMap(({ peer }) => peer.classes)));
  const named = [...used];
  // A set gives what is added while it is gone through, so that a class of a class counts.
  for (const key of used)
    for (const target of classes.get(key) ?? []) if ('class' in target) used.add(target.class);
  return [...classes.keys()]
    .filter((key) => !used.has(key))
    .map((key) => {
      const hint = didYouMean(key, named);
      return `note: --class ${key}: no entry of the file is about it${hint === undefined ? '' : ` (${hint})`}`;
    });
}

export interface MudCounts {
  /** Of the file itself; the defaults of the RFC are not counted. */
  readonly entries: number;
  readonly carriedOver: number;
  readonly dropped: readonly DroppedAce[];
  /** Classes that nobody of the site is. */
  readonly unresolved: readonly string[];
}

export function countsOf({ fates, unresolved }: MudImport): MudCounts {
  const own = fates.filter(({ ace }) => !ace.isDefault);
  const dropped = own.flatMap(({ ace, reason }) => (reason === null ? [] : [{ ...placeOf(ace), reason }]));
  return { entries: own.length, carriedOver: own.length - dropped.length, dropped, unresolved };
}

export function countLines(
  { entries, carriedOver, dropped, unresolved }: MudCounts,
  columns: number,
): readonly string[] {
  const nobody = unresolved.length === 0 ? '' : ` Classes that are nobody here: ${unresolved.length}.`;
  return [
    `${counted(entries, 'entry', 'entries')}: ${carriedOver} carried over, ${dropped.length} dropped.${nobody}`,
    ...droppedLines(dropped, columns),
  ];
}

/** Entries that were dropped for the same reason stand together. */
function droppedLines(
  dropped: readonly { readonly name: string; readonly reason: string }[],
  columns: number,
): readonly string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, reason } of dropped) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  return [...byReason].flatMap(([reason, names]) => [
    ...wrap(`dropped: ${reason}`, columns, '  '),
    ...wrap(names.join(', '), columns, '    '),
  ]);
}

/** `my-controller=10.0.0.5,group:pacs`. A class is a URI and may have a `=` in it. */
function readClass(text: string): readonly [string, readonly ClassTarget[]] {
  const at = text.lastIndexOf('=');
  const key = text.slice(0, at);
  if (at < 1 || !isClassKey(key))
    throw usageError(`--class ${text}: write CLASS=WHO, like my-controller=10.20.0.5`);
  const targets = text
    .slice(at + 1)
    .split(',')
    .map((each): ClassTarget => {
      const word = each.trim();
      if (word.startsWith('group:')) return { group: word.slice('group:'.length) };
      if (word.startsWith('class:')) return { class: word.slice('class:'.length) };
      const address = parseAddress(word);
      if (address) return { address };
      const network = parseNetwork(word);
      if (network.ok) return { network: network.network };
      throw usageError(`--class ${key}: "${word}" is no address, network, group:NAME or class:CLASS`);
    });
  return [key, targets];
}

async function baseText(
  context: CliContext,
  file: MudFile,
  { policy, device }: MudSiteOptions,
): Promise<string> {
  if (policy !== undefined) return readDocument(policy);
  if (device !== undefined)
    return withEnforcer(context, async (enforcer) => (await enforcer.request('policy.current', {})).text);
  return `# ${oneLine(`From the MUD file ${file.url ?? 'without a URL'}, last updated ${file.lastUpdate ?? 'at an unknown time'}.`)}
version: 1
site: { name: "give it a name" }
`;
}

function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ');
}

const MAX_TEMPLATE_CHARS = 63;

function templateName(file: MudFile, { template }: MudSiteOptions): string {
  if (template !== undefined) {
    if (NAME_PATTERN.test(template)) return template;
    throw usageError(`--template ${template}: use lower-case letters, digits, dots, dashes`);
  }
  const called = file.model ?? file.url?.split('/').at(-1) ?? file.systemInfo ?? '';
  const slug = called
    .toLowerCase()
    .replace(/\.(json|mud)$/, '')
    .replace(/[^a-z0-9._-]+/g, '-')
    .slice(0, MAX_TEMPLATE_CHARS - 'mud-'.length)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return slug === '' ? 'mud' : `mud-${slug}`;
}

/** Those of the policy; where it has none, the hosts that were named as DNS servers: without any, no name permits anything. */
function resolversOf(
  before: Policy,
  classes: ReadonlyMap<string, readonly ClassTarget[]>,
): readonly string[] {
  if (before.site.resolvers.length > 0) return before.site.resolvers.map(({ text }) => text);
  return (classes.get(DNS_CLASS) ?? []).flatMap((target) =>
    'address' in target ? [target.address.text] : [],
  );
}

/** In place, so that what people wrote beside it stays as it is. */
function write(
  base: string,
  before: Policy,
  template: string,
  resolvers: readonly string[],
  imported: MudImport,
  file: MudFile,
  device: string | undefined,
): string {
  const document = parseDocument(base);
  const list = document.createNode(imported.entries);
  for (const item of list.items) Object.assign(item, { flow: true });
  document.setIn(['templates', template], document.createNode({ allow: list }));
  for (const [group, members] of imported.groups)
    document.setIn(['groups', group], flowList(document, members));
  for (const [group, key] of imported.classOfGroup)
    if (ownValue(before.site.mudClasses, key) !== group) document.setIn(['site', 'mudClasses', key], group);
  if (before.site.resolvers.length === 0 && resolvers.length > 0)
    document.setIn(['site', 'resolvers'], flowList(document, resolvers));
  if (device !== undefined) giveTemplate(document, before, device, template, file);
  return document.toString({ lineWidth: 0 });
}

function flowList(document: Document, items: readonly (WrittenMember | string)[]): unknown {
  return Object.assign(document.createNode(items), { flow: true });
}

function giveTemplate(
  document: Document,
  before: Policy,
  device: string,
  template: string,
  file: MudFile,
): void {
  const guarded = ownValue(before.devices, device);
  if (!guarded) {
    const hint = didYouMean(device, Object.keys(before.devices));
    throw new CliError(
      'no-device',
      `the policy has no device "${device}"${hint === undefined ? '' : ` (${hint})`}`,
    );
  }
  if (guarded.template !== undefined && guarded.template !== template) {
    const problem: Problem = {
      path: `devices.${device}.template`,
      message: `the device has the template "${guarded.template}" already, and this would be "${template}"`,
      hint: `give --template ${guarded.template} to put it in its place, or let one extend the other`,
    };
    throw new CliError('other-template', `${file.url ?? 'the file'} is not given to ${device}`, {
      problems: [problem],
    });
  }
  document.setIn(['devices', device, 'template'], template);
}
