/** A MUD file from disk, with its signature where one is given. For check, import and diff. Must never fetch what a file names. */
import { readFile, stat } from 'node:fs/promises';
import { countedProblems } from '../counted.js';
import type { MudFile } from '../mud/mud-file.js';
import { parseMud } from '../mud/parse-mud.js';
import type { SignatureVerdict } from '../mud-signature/verify-signature.js';
import type { CliContext } from './context.js';
import { nameOf, readDocument, readDocumentBytes, textOf, unreadable } from './documents.js';
import { CliError, usageError } from './errors.js';

export interface SignatureOptions {
  readonly signature?: string;
  readonly ca?: string;
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
  const content = await readDocumentBytes(file);
  const text = textOf(file, content);
  const signature = await verifySignature(context, file, content, options);
  const parsed = parseMud(text);
  if (parsed.ok) return { file: parsed.file, signature };
  const count = countedProblems(parsed.problems.length);
  throw new CliError('bad-mud', `${nameOf(file)} has ${count}`, { problems: parsed.problems });
}

async function verifySignature(
  context: CliContext,
  file: string,
  content: Uint8Array,
  { signature, ca }: SignatureOptions,
): Promise<ReadMud['signature']> {
  if (signature === undefined && ca === undefined) return null;
  if (signature === undefined || ca === undefined) throw usageError('--signature and --ca go together');
  const { MAX_SIGNATURE_BYTES, verifyMudSignature } = await import('../mud-signature/verify-signature.js');
  const verdict = await verifyMudSignature({
    content,
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
    throw unreadable(file, cause);
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
