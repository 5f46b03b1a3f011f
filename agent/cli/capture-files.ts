/** Captures and flow logs that a person names: what is wrong with one of them, before anything is done with it. */
import { open } from 'node:fs/promises';
import { isReplayable, START_BYTES } from '../replay/read-file.js';
import { nameOf, unreadable } from './documents.js';
import { CliError } from './errors.js';

/** Rejects with a CliError that names the first file that cannot be read, is empty or is nothing that can be replayed. */
export async function checkCaptures(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const start = await startOf(file);
    if (start?.length === 0) throw new CliError('not-a-capture', `cannot read ${nameOf(file)}: it is empty`);
    if (start && !isReplayable(start)) throw notACapture(file);
  }
}

export function notACapture(file: string): CliError {
  return new CliError(
    'not-a-capture',
    `cannot read ${nameOf(file)}: neither a capture nor a flow log that is known (pcap, pcapng, Zeek conn, Argus)`,
  );
}

/** Null for a pipe, which can be read once only. */
async function startOf(file: string): Promise<Buffer | null> {
  try {
    const handle = await open(file, 'r');
    try {
      const stats = await handle.stat();
      if (stats.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
      if (!stats.isFile()) return null;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
