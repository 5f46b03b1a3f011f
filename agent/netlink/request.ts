/**
 * Question and answer on a netlink socket that nobody else uses meanwhile: send one datagram of messages, read what the kernel says. The
 * kernel answers while it handles sendto, so nothing here waits for readability; a dump is produced as it is read, and
 * between portions the event loop gets its turn. Used for configuration, dumps and transactions; not for events.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorCode, NetlinkError } from './errors.js';
import { MessageCursor, type MessageBuilder, readAnswer, TYPE_DONE, TYPE_ERROR } from './messages.js';
import { FLAG_DUMP_INTERRUPTED, type KernelAnswer } from './messages.js';
import { loadAddon, type NativeAddon, type NativeSocket } from './native.js';

/** The kernel makes dump datagrams of up to 32 kB where the reader's buffer allows it. */
const DUMP_SLOTS = { bytes: 32 * 1024, count: 8 } as const;
/** An acknowledgement is an errno, our header and a sentence. */
const ANSWER_SLOTS = { bytes: 2048, count: 16 } as const;
/** After this many datagrams the event loop gets its turn: a few milliseconds, most of them the kernel's walk through the set. */
const DATAGRAMS_PER_TURN = 8;
/** Answers to a transaction of 10,000 failing elements. */
const DEFAULT_RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024;
/** What a kept socket can send; for more one is opened. A change of a few elements is a hundredth of it. */
const KEPT_REQUEST_BYTES = 256 * 1024;
const KEPT_PORTS = 4;
const SEND_HEADROOM_BYTES = 64 * 1024;
const DUMP_ATTEMPTS = 8;

export interface Answer extends KernelAnswer {
  readonly sequence: number;
}

/** Sends and collects every error and acknowledgement. Rejects with NetlinkError when the send itself fails. */
export function transact(builder: MessageBuilder, action: string): Answer[] {
  const port = takePort(builder.length, ANSWER_SLOTS);
  const answers: Answer[] = [];
  let isDrained = false;
  try {
    send(port, builder, action);
    for (;;) {
      const count = receive(port, action);
      if (count === 0) {
        isDrained = true;
        return answers;
      }
      for (const message of messagesOf(port, count, action)) {
        if (message.type === TYPE_ERROR) {
          answers.push({ sequence: message.sequence, ...readAnswer(message) });
        }
      }
    }
  } finally {
    giveBack(port, isDrained);
  }
}

/**
 * Sends one dump request and hands every message of the answer to `onMessage`, whose cursor is reused. A dump that the
 * kernel marks as interrupted (something changed meanwhile) is repeated from the start after `onRestart`; after
 * DUMP_ATTEMPTS the last one is taken as it is, and `complete` is false. Without `onRestart` the first is taken as it is.
 */
export async function dump(
  builder: MessageBuilder,
  action: string,
  onMessage: (message: MessageCursor) => void,
  onRestart: (() => void) | null,
): Promise<{ readonly complete: boolean }> {
  for (let attempt = 1; ; attempt++) {
    if (attempt > 1) onRestart?.();
    const interrupted = await dumpOnce(builder, action, onMessage);
    if (!interrupted) return { complete: true };
    if (attempt === DUMP_ATTEMPTS || onRestart === null) return { complete: false };
  }
}

async function dumpOnce(
  builder: MessageBuilder,
  action: string,
  onMessage: (message: MessageCursor) => void,
): Promise<boolean> {
  const port = takePort(builder.length, DUMP_SLOTS);
  let interrupted = false;
  let isDrained = false;
  let sinceTurn = 0;
  try {
    send(port, builder, action);
    for (;;) {
      const count = receive(port, action);
      if (count === 0) throw new NetlinkError({ errno: 61, action, kernelMessage: 'the dump has no end' });
      for (const message of messagesOf(port, count, action)) {
        if ((message.flags & FLAG_DUMP_INTERRUPTED) !== 0) interrupted = true;
        if (message.type === TYPE_ERROR || message.type === TYPE_DONE) {
          const answer = readAnswer(message);
          // The last word of a dump, whatever it says.
          isDrained = true;
          if (answer.errno !== 0) throw new NetlinkError({ action, ...answer });
          return interrupted;
        }
        onMessage(message);
      }
      sinceTurn += count;
      if (sinceTurn >= DATAGRAMS_PER_TURN) {
        sinceTurn = 0;
        await nextTurn();
      }
    }
  } finally {
    giveBack(port, isDrained);
  }
}

interface Slots {
  readonly bytes: number;
  readonly count: number;
}

interface Port {
  readonly addon: NativeAddon;
  readonly socket: NativeSocket;
  readonly slots: Slots;
  readonly requestBytes: number;
  readonly buffer: Buffer;
  readonly lengths: Uint32Array;
}

/**
 * Sockets to ask again. Closing one makes the kernel wait until all that earlier transactions removed is freed (nf_tables:
 * nft_rcv_nl_event), which is an RCU grace period, 1 to 30 ms in which this thread gives no verdict; a transaction takes a tenth of
 * a millisecond.
 */
const kept: Port[] = [];

function takePort(requestBytes: number, slots: Slots): Port {
  const index = kept.findIndex((port) => port.slots === slots && port.requestBytes >= requestBytes);
  const [port] = index === -1 ? [] : kept.splice(index, 1);
  return port ?? openPort(Math.max(requestBytes, KEPT_REQUEST_BYTES), slots);
}

/** Only a socket on which nothing more will come is used again. */
function giveBack(port: Port, isDrained: boolean): void {
  if (isDrained && port.requestBytes === KEPT_REQUEST_BYTES && kept.length < KEPT_PORTS) kept.push(port);
  else port.addon.close(port.socket);
}

function openPort(requestBytes: number, slots: Slots): Port {
  const addon = loadAddon();
  const socket = addon.open(
    DEFAULT_RECEIVE_BUFFER_BYTES,
    requestBytes + SEND_HEADROOM_BYTES,
    false,
    new Uint32Array(0),
  );
  return {
    addon,
    socket,
    slots,
    requestBytes,
    buffer: Buffer.allocUnsafeSlow(slots.bytes * slots.count),
    lengths: new Uint32Array(slots.count),
  };
}

function send(port: Port, builder: MessageBuilder, action: string): void {
  try {
    port.addon.send(port.socket, builder.buffer, builder.length);
  } catch (error) {
    throw systemError(error, action);
  }
}

function receive(port: Port, action: string): number {
  try {
    return port.addon.receive(port.socket, port.buffer, port.slots.bytes, port.lengths);
  } catch (error) {
    throw systemError(error, action);
  }
}

function systemError(error: unknown, action: string): unknown {
  if (errorCode(error) === null || !(error instanceof Error) || !('errno' in error)) return error;
  return new NetlinkError({ errno: Number(error.errno), action, cause: error });
}

function* messagesOf(port: Port, count: number, action: string): Generator<MessageCursor> {
  const message = new MessageCursor();
  for (let slot = 0; slot < count; slot++) {
    const length = port.lengths[slot] ?? 0;
    if (length > port.slots.bytes)
      throw new NetlinkError({ errno: 90, action, kernelMessage: 'answer truncated' });
    message.reset(port.buffer, slot * port.slots.bytes, slot * port.slots.bytes + length);
    while (message.next()) yield message;
    if (message.malformed) throw new NetlinkError({ errno: 74, action, kernelMessage: 'malformed answer' });
  }
}
