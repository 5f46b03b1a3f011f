/** Reads what a person names on the command line: a policy or a configuration, from a file or from standard input (`-`). */
import { open } from 'node:fs/promises';
import { countedProblems } from '../counted.js';
import type { BoxConfig } from '../policy/config.js';
import type { Problem } from '../policy/problem.js';
import type { Policy, SiteVariables } from '../policy/schema.js';
import type { CliContext } from './context.js';
import { CliError } from './errors.js';

/** What the enforcer takes, see messages/enforcer-messages.ts. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;

/** Rejects with a CliError that names the file, its code the system's: ENOENT, EACCES, EISDIR. */
export async function readDocument(file: string): Promise<string> {
  return textOf(file, await readDocumentBytes(file));
}

/** As they are in the file, for a signature. Rejects as readDocument does. */
export async function readDocumentBytes(file: string): Promise<Uint8Array> {
  try {
    return file === '-' ? await readBounded(process.stdin) : await readFromFile(file);
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw unreadable(file, cause);
  }
}

/** UTF-8, without the mark that some editors put at its start. Throws a CliError. */
export function textOf(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

type BoxPaths = Pick<CliContext, 'paths'>;

/** What `$name` stands for at this box; nothing where there is none. A configuration that does not read is a CliError. */
async function variablesOfBox({ paths }: BoxPaths): Promise<SiteVariables> {
  try {
    return (await readConfigFile(paths.configFile)).variables;
  } catch (error) {
    if (error instanceof CliError && (error.code === 'ENOENT' || error.code === 'EACCES')) return {};
    throw error;
  }
}

/** Rejects with a CliError `bad-policy` that carries every problem. */
export async function parsePolicyText(
  context: BoxPaths,
  text: string,
  name: string,
  /** Default: those that it would be applied with. */
  variables?: SiteVariables,
): Promise<Policy> {
  const { parsePolicy } = await import('../policy/parse-policy.js');
  const parsed = parsePolicy(text, variables ?? (await variablesOfBox(context)));
  if (!parsed.ok) throw badDocument('bad-policy', name, parsed.problems);
  return parsed.policy;
}

export async function readPolicyFile(
  context: BoxPaths,
  file: string,
): Promise<{ readonly text: string; readonly policy: Policy }> {
  const text = await readDocument(file);
  return { text, policy: await parsePolicyText(context, text, nameOf(file)) };
}

/** Rejects with a CliError: `bad-config` with every problem, or the system's code where it cannot be read. */
export async function readConfigFile(file: string): Promise<BoxConfig> {
  const text = await readDocument(file);
  const { parseConfig } = await import('../policy/parse-config.js');
  const parsed = parseConfig(text);
  if (!parsed.ok) throw badDocument('bad-config', nameOf(file), parsed.problems);
  return parsed.config;
}

export function nameOf(file: string): string {
  return file === '-' ? 'standard input' : file;
}

function badDocument(code: string, name: string, problems: readonly Problem[]): CliError {
  const count = countedProblems(problems.length);
  return new CliError(code, `${name} has ${count}`, { problems });
}

async function readFromFile(file: string): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    if ((await handle.stat()).isDirectory())
      throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
    return await readBounded(handle.createReadStream({ autoClose: false }));
  } finally {
    await handle.close();
  }
}

async function readBounded(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    sizeBytes += bytes.length;
    if (sizeBytes > MAX_DOCUMENT_BYTES)
      throw new CliError('too-big', `the document is larger than ${MAX_DOCUMENT_BYTES / (1024 * 1024)} MiB`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

const SAID: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'it is a directory',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
  Z_BUF_ERROR: 'its gzip data ends early',
  Z_DATA_ERROR: 'its gzip data is damaged',
};

/** An error of the file system as a person is told it. */
export function unreadable(file: string, cause: unknown): CliError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
  const why = SAID[code] ?? (cause instanceof Error ? cause.message : code);
  return new CliError(code, `cannot read ${nameOf(file)}: ${why}`, { cause });
}
