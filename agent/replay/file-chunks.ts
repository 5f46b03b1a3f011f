/** A file in pieces of one buffer that is filled again and again: a fresh one for each piece costs as much as reading it. */
import { open } from 'node:fs/promises';

/** Fits into a processor's own cache. */
const CHUNK_BYTES = 256 * 1024;

/** Each piece is valid until the next is asked for. Rejects with the error of the file system. */
export async function* chunksOf(file: string): AsyncGenerator<Buffer, void> {
  const handle = await open(file);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
