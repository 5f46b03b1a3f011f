/**
 * A file from disk into a replay. Captures are read in chunks: memory does not grow with the file. Flow logs are read line
 * by line, with a limit for a line.
 */
import { createBinetflowReader, isBinetflowHeader } from '../capture/binetflow.js';
import { CaptureReader, isCapture, type CaptureProblem } from '../capture/capture-reader.js';
import type { FlowLineReader, FlowRecord } from '../capture/flow-record.js';
import { createZeekConnReader, isZeekConn } from '../capture/zeek-conn.js';
import { chunksOf } from './file-chunks.js';
import { FlowReplay } from './flow-replay.js';
import type { ReplayDevices } from './replay-devices.js';
import type { Replay } from './replay.js';

const MAX_LINE_CHARACTERS = 65_536;

export interface ReadOutcome {
  readonly problem: CaptureProblem;
  readonly counters: Readonly<Record<string, number>>;
}

interface Source {
  push(chunk: Buffer): void;
  end(): ReadOutcome;
}

/** Reads a file and ends the replay. As `readInto` for the rest. */
export async function replayFile(
  file: string,
  replay: Replay,
  devices: ReplayDevices,
  onRecord?: (record: FlowRecord) => void,
): Promise<ReadOutcome> {
  const outcome = await readInto(file, replay, devices, onRecord);
  replay.end();
  return outcome;
}

/**
 * One file of several, in the order of their time; the caller ends the replay. Rejects only with the error of the file system.
 * `onRecord` sees every connection of a flow log, before the replay.
 */
export async function readInto(
  file: string,
  replay: Replay,
  devices: ReplayDevices,
  onRecord?: (record: FlowRecord) => void,
): Promise<ReadOutcome> {
  let source: Source | null = null;
  for await (const chunk of chunksOf(file)) {
    source ??= isCapture(chunk) ? captureSource(replay) : flowSource(chunk, replay, devices, onRecord);
    if (source === null) break;
    source.push(chunk);
  }
  return source?.end() ?? { problem: 'not-a-capture', counters: {} };
}

function captureSource(replay: Replay): Source {
  const reader = new CaptureReader((packet) => {
    replay.packet(packet);
  }, replay.coming);
  return {
    push: (chunk) => {
      reader.push(chunk);
    },
    end: () => {
      reader.end();
      return { problem: reader.problem, counters: reader.counters() };
    },
  };
}

/** By this much of its start a file is known. */
export const START_BYTES = 4_096;

/** Whether a file that starts so is a capture or a flow log that we know. */
export function isReplayable(start: Buffer): boolean {
  return isCapture(start) || flowFormatOf(start.toString('latin1', 0, START_BYTES)) !== null;
}

/** Null for a file that is no flow log that we know. */
function flowSource(
  start: Buffer,
  replay: Replay,
  devices: ReplayDevices,
  onRecord?: (record: FlowRecord) => void,
): Source | null {
  const readLine = flowFormatOf(start.toString('latin1', 0, START_BYTES));
  if (readLine === null) return null;
  const flows = new FlowReplay();
  let rest = '';
  let unread = 0;
  const take = (line: string): void => {
    const record = readLine(line);
    if (record === null) unread++;
    else {
      onRecord?.(record);
      flows.add(record);
    }
  };
  return {
    push: (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = (lines.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
      for (const line of lines) take(line.replace(/\r$/, ''));
    },
    end: () => {
      if (rest !== '') take(rest);
      flows.run(replay, devices);
      return {
        problem: 'none',
        counters: { 'flowLog.unreadLines': unread, 'flowLog.dropped': flows.dropped },
      };
    },
  };
}

function flowFormatOf(start: string): FlowLineReader | null {
  if (isBinetflowHeader(start)) return createBinetflowReader();
  return isZeekConn(start) ? createZeekConnReader() : null;
}
