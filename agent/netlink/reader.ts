/**
 * A socket that the kernel writes to unasked (logged and held packets, conntrack and nf_tables events): reads it in batches into
 * one buffer and hands on each datagram in place. It outlives overruns (ENOBUFS): it counts them, says so and reads on.
 */
import { createBatchPause, type BatchPause } from './batch-pause.js';
import { errorCode, NetlinkError } from './errors.js';
import { type MessageBuilder, MessageCursor, readAnswer, TYPE_ERROR } from './messages.js';
import { loadAddon } from './native.js';

const SLOTS = 16;
/** Then the event loop gets its turn; the kernel's buffer holds the rest. */
const BATCHES_PER_TURN = 16;
const PAUSES_PER_TURN = 4;
const MIN_SLOT_BYTES = 16 * 1024;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

export interface ReaderCounters {
  datagrams: number;
  /** Datagrams that did not fit their slot; they are not decoded. */
  truncated: number;
  /** How often the kernel dropped something because we were too slow (ENOBUFS). */
  overruns: number;
  /** Datagrams that did not come from the kernel. */
  foreign: number;
  /** Datagrams with broken framing. */
  decodeErrors: number;
}

export interface ReaderOptions {
  readonly groups: readonly number[];
  readonly receiveBufferBytes: number;
  readonly slotBytes: number;
  /** Holds the process open. */
  readonly ref: boolean;
  /** The cursor is reused: read what is needed before returning. */
  readonly onMessage: (message: MessageCursor) => void;
  readonly onOverrun: () => void;
  /** The kernel is not to report what it could not deliver: for packets that it lets go by itself then. Default false. */
  readonly noEnobufs?: boolean;
  /** Under load, wait half a millisecond for more before each batch: see batch-pause.ts. Default false. */
  readonly gathers?: boolean;
  /** All of one batch of datagrams was handed on. */
  readonly onBatchEnd?: () => void;
  /** The kernel refused something that was sent without asking for an answer. */
  readonly onRefusal?: () => void;
}

export interface Reader {
  readonly counters: Readonly<ReaderCounters>;
  /** Sends a configuration message and throws NetlinkError unless the kernel acknowledges it. */
  configure(builder: MessageBuilder, action: string): void;
  /** Sends without waiting for an answer. Throws `{code, errno, syscall}`. */
  send(builder: MessageBuilder): void;
  /** Hands on what waits now. */
  drain(): void;
  /** Begins to call back. */
  start(): void;
  /** Safe twice, also from within a callback. */
  stop(): void;
}

export function openReader(options: ReaderOptions): Reader {
  const addon = loadAddon();
  const slotBytes = Math.max(MIN_SLOT_BYTES, options.slotBytes);
  const socket = addon.open(
    options.receiveBufferBytes,
    0,
    options.noEnobufs ?? false,
    Uint32Array.from(options.groups),
  );
  const buffer = Buffer.alloc(slotBytes * SLOTS);
  const lengths = new Uint32Array(SLOTS);
  const message = new MessageCursor();
  const counters: ReaderCounters = { datagrams: 0, truncated: 0, overruns: 0, foreign: 0, decodeErrors: 0 };
  const pause = options.gathers === true ? createBatchPause() : null;
  let stopped = false;
  let onAnswer: ((message: MessageCursor) => void) | null = null;

  /** Reads one batch; false when nothing more waits. */
  function readBatch(): boolean {
    let count: number;
    try {
      count = addon.receive(socket, buffer, slotBytes, lengths);
    } catch (error) {
      if (errorCode(error) !== 'ENOBUFS') throw error;
      counters.overruns++;
      options.onOverrun();
      return !stopped;
    }
    for (let slot = 0; slot < count && !stopped; slot++) readDatagram(slot * slotBytes, lengths[slot] ?? 0);
    pause?.took(count);
    if (count > 0 && !stopped) options.onBatchEnd?.();
    return count === SLOTS && !stopped;
  }

  function readBatches(): void {
    for (let batch = 0; batch < BATCHES_PER_TURN && !stopped; batch++) if (!readBatch()) return;
  }

  /** While it pauses it stays here two milliseconds: each way through the event loop costs as much as two packets. */
  function gather(pausing: BatchPause): void {
    for (let turn = 0; turn < PAUSES_PER_TURN && !stopped; turn++) {
      const ms = pausing.beforeReading(performance.now());
      if (ms > 0) Atomics.wait(NEVER_WOKEN, 0, 0, ms);
      const before = counters.datagrams;
      readBatches();
      if (ms === 0 || counters.datagrams === before) return;
    }
  }

  function readDatagram(start: number, length: number): void {
    counters.datagrams++;
    if (length === 0) counters.foreign++;
    else if (length > slotBytes) counters.truncated++;
    else {
      message.reset(buffer, start, start + length);
      while (!stopped && message.next()) {
        if (message.type === TYPE_ERROR) (onAnswer ?? options.onRefusal)?.(message);
        else options.onMessage(message);
      }
      if (message.malformed) counters.decodeErrors++;
    }
  }

  return {
    counters,
    configure(builder, action) {
      const answers: (NetlinkError | null)[] = [];
      onAnswer = (answer) => {
        const { errno, ...rest } = readAnswer(answer);
        answers.push(errno === 0 ? null : new NetlinkError({ errno, action, ...rest }));
      };
      addon.send(socket, builder.buffer, builder.length);
      // The kernel answered within send; packets may lie before the answer and are handed on as usual.
      for (let batch = 0; batch < BATCHES_PER_TURN && answers.length === 0 && !stopped; batch++) readBatch();
      onAnswer = null;
      const failure = answers.find((answer) => answer !== null);
      if (failure) throw failure;
      if (answers.length === 0 && !stopped)
        throw new NetlinkError({ errno: 61, action, kernelMessage: 'no acknowledgement' });
    },
    send(builder) {
      addon.send(socket, builder.buffer, builder.length);
    },
    drain: readBatches,
    start() {
      addon.watch(
        socket,
        pause === null
          ? readBatches
          : () => {
              gather(pause);
            },
        options.ref,
      );
    },
    stop() {
      stopped = true;
      addon.close(socket);
    },
  };
}
