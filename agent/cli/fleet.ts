/** `cordon fleet sign-containment`: runs where the key is, which is never a box. Checks before it signs what the box would check. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { DESIRED_ALGORITHM, DESIRED_TYPE, desiredDocument } from '../containment/desired.js';
import type { CliContext } from './context.js';
import { nameOf, readDocument } from './documents.js';
import { CliError, EXIT_DONE, type ExitStatus } from './errors.js';

export interface SignOptions {
  readonly json?: true;
  readonly key: string;
  readonly kid: string;
}

export async function signContainment(
  context: CliContext,
  file: string,
  { key, kid, json }: SignOptions,
): Promise<ExitStatus> {
  const document = readDesired(await readDocument(file), nameOf(file));
  const privateKey = readKey(await readDocument(key), nameOf(key));
  const { CompactSign } = await import('jose');
  const jws = await new CompactSign(new TextEncoder().encode(JSON.stringify(document)))
    .setProtectedHeader({ alg: DESIRED_ALGORITHM, kid, typ: DESIRED_TYPE })
    .sign(privateKey);
  if (json) context.json({ aud: document.aud, ver: document.ver, kid, jws });
  else context.line(jws);
  return EXIT_DONE;
}

function readDesired(text: string, name: string): ReturnType<typeof desiredDocument.parse> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError('bad-document', `${name} is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  const document = desiredDocument.safeParse(value);
  if (document.success) return document.data;
  const problems = document.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
  throw new CliError('bad-document', `${name} is not a containment document`, { problems });
}

/** What it says of a key that it cannot read never holds any of it. */
function readKey(text: string, name: string): KeyObject {
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Told below.
  }
  throw new CliError('bad-key', `${name} is not an Ed25519 private key in PEM`);
}
