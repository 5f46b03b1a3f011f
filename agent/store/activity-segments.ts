/**
 * The files of the activity log: `activity-000001.jsonl` and on, one entry a line. Written by activity-log.ts, read by it at start and by `cordon audit`,
 * which needs no agent for it. Nothing here writes.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { readEntry, type ActivityEntry } from '../activity/entry.js';

const NAME = /^activity-(\d{6,})\.jsonl$/;
/** The longest entry, every character of it escaped or of four bytes, with room. */
const MAX_LINE_BYTES = 16 * 1024;

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function segmentName(number: number): string {
  return `activity-${String(number).padStart(6, '0')}.jsonl`;
}

/** Oldest first. Throws the system's error where the directory cannot be read. */
export function listSegments(
  directory: string,
): readonly { readonly number: number; readonly path: string }[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const number = NAME.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), path: join(directory, name) }];
    })
    .sort((a, b) => a.number - b.number);
}

export interface SegmentText {
  /** Without their line feeds. */
  readonly lines: readonly string[];
  /** What comes after the last line feed: a line that was being written when the power went. */
  readonly torn: Buffer;
  readonly sizeBytes: number;
}

/** A segment is a megabyte or so. */
export function readSegment(path: string): SegmentText {
  const bytes = readFileSync(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  const text = bytes.subarray(0, end).toString('utf8');
  return {
    lines: text === '' ? [] : text.slice(0, -1).split('\n'),
    torn: bytes.subarray(end),
    sizeBytes: bytes.length,
  };
}

/** The last entry, without reading the rest; null where the end of the file is none. */
export function readLastEntry(path: string): {
  readonly entry: ActivityEntry | null;
  readonly sizeBytes: number;
} {
  const file = openSync(path, 'r');
  try {
    const sizeBytes = fstatSync(file).size;
    const tail = Buffer.alloc(Math.min(sizeBytes, MAX_LINE_BYTES));
    readSync(file, tail, 0, tail.length, sizeBytes - tail.length);
    const lines = tail.toString('utf8').split('\n');
    return { entry: readEntry(lines.at(-2) ?? '', sha256).entry, sizeBytes };
  } finally {
    closeSync(file);
  }
}
