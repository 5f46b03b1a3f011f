/** Captures and flow logs that a person names: what is wrong with one of them, before anything is done with it. */
import { stat } from 'node:fs/promises';
import { chunksOf } from '../replay/file-chunks.js';
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
    const stats = await stat(file);
    if (!stats.isFile() && !stats.isDirectory()) return null;
    for await (const chunk of chunksOf(file)) return chunk.subarray(0, START_BYTES);
    return Buffer.alloc(0);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
