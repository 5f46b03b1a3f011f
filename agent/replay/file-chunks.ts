/** A file in pieces of one buffer that is filled again and again: a fresh one for each piece costs as much as reading it. */
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** Fits into a processor's own cache. */
const CHUNK_BYTES = 256 * 1024;
/** RFC 1952 section 2.3.1, with deflate, which is the only method. */
const GZIP = Buffer.from([0x1f, 0x8b, 8]);

/**
 * Each piece is valid until the next is asked for. What gzip compressed, as rotated logs are, comes uncompressed. Rejects with the
 * error of the file system, or of zlib (its code begins with `Z_`).
 */
export async function* chunksOf(file: string): AsyncGenerator<Buffer, void> {
  const handle = await open(file);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const pieces = piecesOf(handle, () => buffer);
    const first = await pieces.next();
    if (first.done) return;
    if (first.value.subarray(0, GZIP.length).equals(GZIP)) {
      yield* unzipped(first.value, handle);
      return;
    }
    yield first.value;
    yield* pieces;
  } finally {
    await handle.close();
  }
}

/** From where the file was read to. */
async function* piecesOf(handle: FileHandle, nextBuffer: () => Buffer): AsyncGenerator<Buffer, void> {
  for (;;) {
    const buffer = nextBuffer();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function* unzipped(first: Buffer, handle: FileHandle): AsyncGenerator<Buffer, void> {
  async function* compressed(): AsyncGenerator<Buffer, void> {
    yield first;
    // zlib keeps what it was given.
    yield* piecesOf(handle, () => Buffer.allocUnsafe(CHUNK_BYTES));
  }
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // An error arrives where the pieces are read.
  pipeline(Readable.from(compressed()), gunzip, () => undefined);
  for await (const chunk of gunzip) yield chunk as Buffer;
}
