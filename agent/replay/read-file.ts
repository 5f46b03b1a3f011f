/** A capture file from disk into a replay, in chunks: memory does not grow with the file. */
import { createReadStream } from 'node:fs';
import { CaptureReader, isCapture, type CaptureProblem } from '../capture/capture-reader.js';
import type { Replay } from './replay.js';

/** Large, so that a record that spans chunks is copied seldom. */
const CHUNK_BYTES = 1 << 20;

export interface ReadOutcome {
  readonly problem: CaptureProblem;
  readonly counters: Readonly<Record<string, number>>;
}

/** Rejects only with the error of the file system. */
export async function replayFile(file: string, replay: Replay): Promise<ReadOutcome> {
  let reader: CaptureReader | null = null;
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    reader ??= isCapture(chunk)
      ? new CaptureReader((packet) => {
          replay.packet(packet);
        })
      : null;
    if (reader === null) break;
    reader.push(chunk);
  }
  reader?.end();
  replay.end();
  return { problem: reader?.problem ?? 'not-a-capture', counters: reader?.counters() ?? {} };
}
