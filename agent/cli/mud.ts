/**
 * `cordon mud check` and `diff`, and what `import` shares with them: a MUD file from disk, with its signature where one is given.
 * Must never fetch what a file names.
 */
import { readFile, stat } from 'node:fs/promises';
import { countedProblems } from '../counted.js';
import { conversationText } from '../mud/describe.js';
import { diffMud } from '../mud/diff-mud.js';
import type { MudFile } from '../mud/mud-file.js';
import { pairAces } from '../mud/pair-aces.js';
import { parseMud } from '../mud/parse-mud.js';
import type { SignatureVerdict } from '../mud-signature/verify-signature.js';
import type { CliContext } from './context.js';
import { nameOf, readDocument } from './documents.js';
import { CliError, EXIT_DONE, EXIT_REFUSED, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { wrap } from './text-width.js';

export interface SignatureOptions {
  readonly signature?: string;
  readonly ca?: string;
}

export interface MudCheckOptions extends SignatureOptions {
  readonly json?: true;
}

export interface MudDiffOptions {
  readonly json?: true;
}

export interface ReadMud {
  readonly file: MudFile;
  /** Null where none was asked for. */
  readonly signature: Extract<SignatureVerdict, { readonly ok: true }> | null;
}

/** Rejects with a CliError: `bad-mud` with every problem, `bad-signature`, or the system's code. */
export async function readMudFile(
  context: CliContext,
  file: string,
  options: SignatureOptions,
): Promise<ReadMud> {
  const text = await readDocument(file);
  const signature = await verifySignature(context, file, text, options);
  const parsed = parseMud(text);
  if (parsed.ok) return { file: parsed.file, signature };
  const count = countedProblems(parsed.problems.length);
  throw new CliError('bad-mud', `${nameOf(file)} has ${count}`, { problems: parsed.problems });
}

async function verifySignature(
  context: CliContext,
  file: string,
  text: string,
  { signature, ca }: SignatureOptions,
): Promise<ReadMud['signature']> {
  if (signature === undefined && ca === undefined) return null;
  if (signature === undefined || ca === undefined) throw usageError('--signature and --ca go together');
  const { MAX_SIGNATURE_BYTES, verifyMudSignature } = await import('../mud-signature/verify-signature.js');
  const verdict = await verifyMudSignature({
    // Decoded as UTF-8 without loss (a BOM would be one, and is not in a JSON text), so that these are the bytes of the file.
    content: new TextEncoder().encode(text),
    signature: await readBytes(signature, MAX_SIGNATURE_BYTES),
    authorities: await readDocument(ca),
    nowMs: context.nowMs(),
  });
  if (!verdict.ok)
    throw new CliError('bad-signature', `the signature of ${nameOf(file)}: ${verdict.problem}`);
  return verdict;
}

async function readBytes(file: string, maxBytes: number): Promise<Uint8Array> {
  try {
    if ((await stat(file)).size > maxBytes)
      throw new CliError('too-big', `${file} is larger than ${maxBytes} bytes`);
    return await readFile(file);
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new CliError(code, `cannot read ${file}: ${cause instanceof Error ? cause.message : code}`, {
      cause,
    });
  }
}

/** `signed by CN=… on 2018-09-17`, and what has expired since. */
export function signatureLines({ signature }: ReadMud): readonly string[] {
  if (!signature) return [];
  const when = signature.signedAtMs === null ? '' : `, as it says on ${dayOf(signature.signedAtMs)}`;
  return [
    `signed by ${signature.signer}${when}`,
    ...signature.expired.map(
      ({ subject, endedAtMs }) => `but the certificate of ${subject} expired on ${dayOf(endedAtMs)}`,
    ),
  ];
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export async function checkMudFile(
  context: CliContext,
  name: string,
  options: MudCheckOptions,
): Promise<ExitStatus> {
  const read = await readMudFile(context, name, options);
  const { file, signature } = read;
  const { conversations, unused } = pairAces(file);
  const dropped = [
    ...file.dropped,
    ...[...unused].map(([{ acl, name: ace, path, direction, isDefault }, reason]) => ({
      direction,
      acl,
      name: ace,
      path,
      isDefault,
      reason,
    })),
  ].filter(({ isDefault }) => !isDefault);
  const total =
    file.aces.filter(({ isDefault }) => !isDefault).length + file.dropped.filter((d) => !d.isDefault).length;
  const isExpired = (signature?.expired.length ?? 0) > 0;
  const permits = conversations.map(conversationText);
  const classes = [...new Set(conversations.flatMap(({ peer }) => peer.classes))].sort();
  if (options.json) {
    context.json({
      ...file,
      signature,
      entries: total,
      carriedOver: total - dropped.length,
      aces: undefined,
      defaults: file.aces.filter(({ isDefault }) => isDefault).length,
      permits,
      dropped,
      classes,
    });
    return isExpired ? EXIT_REFUSED : EXIT_DONE;
  }
  context.lines(
    [
      ...descriptionLines(file),
      ...signatureLines(read),
      '',
      `It permits (${permits.length}):`,
      ...permits.map((line) => `  ${line}`),
      ...(classes.length === 0
        ? []
        : ['', 'Who these are is for the site to say (--class):', ...classes.map((key) => `  ${key}`)]),
      '',
      `${total} entries: ${total - dropped.length} carried over, ${dropped.length} dropped.`,
      ...droppedLines(dropped, context.columns),
      ...file.warnings.flatMap(({ path, message }) =>
        wrap(`note: ${path}: ${message}`, context.columns, '  '),
      ),
    ].map(escapeControls),
  );
  return isExpired ? EXIT_REFUSED : EXIT_DONE;
}

function descriptionLines(file: MudFile): readonly string[] {
  const maker = [file.manufacturer, file.model].filter((each) => each !== null).join(' ');
  return [
    `${file.systemInfo ?? 'a device without description'}${maker === '' ? '' : ` (${maker})`}`,
    `${file.url ?? 'no MUD URL'}, last updated ${file.lastUpdate ?? 'nobody knows when'}, valid for ${file.cacheValidityHours} h`,
    ...(file.isSupported ? [] : ['its manufacturer no longer supports it']),
  ];
}

/** Entries that were dropped for the same reason stand together. */
export function droppedLines(
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
