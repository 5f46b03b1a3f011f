/**
 * Adds, deletes and reads elements of nf_tables sets and maps by raw netlink: many changes, one transaction, all or
 * nothing, in about a tenth of a millisecond where a spawned `nft` needs four. Called by the enforcer for containment and
 * leases. It never makes or changes a table, a chain, a rule or a set: those are `nft`'s.
 */
import { NetlinkError } from './errors.js';
import {
  FLAG_ACK,
  FLAG_CREATE,
  FLAG_DUMP,
  FLAG_EXCLUSIVE,
  FLAG_REQUEST,
  MessageBuilder,
  SUBSYSTEM_NFTABLES,
} from './messages.js';
import { type Answer, dump, transact } from './request.js';
import { readElements, type SetElement, writeElement } from './set-element-codec.js';

export type { SetElement } from './set-element-codec.js';

/** An attribute holds at most 65,535 bytes; more elements than this go into a further message of the transaction. */
const LIST_BYTES_MAX = 32 * 1024;
/** One transaction is one datagram, and the kernel wants it in one piece of memory. About 300,000 elements. */
const TRANSACTION_BYTES_MAX = 32 * 1024 * 1024;
/** An element can expire between two attempts; each attempt leaves out what the one before found missing. */
const ATTEMPTS = 5;

export const BATCH_BEGIN = 16;
export const BATCH_END = 17;
export const MESSAGE_NEW_ELEMENTS = 12;
const MESSAGE_GET_ELEMENTS = 13;
const MESSAGE_DELETE_ELEMENTS = 14;

const LIST = { table: 1, set: 2, elements: 3, element: 1 } as const;
export const TABLE_FAMILIES = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;
export type TableFamily = keyof typeof TABLE_FAMILIES;

export interface SetElementChange {
  readonly op: 'add' | 'delete';
  readonly family: TableFamily;
  readonly table: string;
  readonly set: string;
  readonly elements: readonly SetElement[];
  /** add: an element that is there already with the same data is left as it is, its timeout too. Otherwise EEXIST. */
  readonly ignoreExisting?: boolean;
  /** delete: an element that is not there is no failure. Otherwise ENOENT. */
  readonly ignoreMissing?: boolean;
}

/** Says which change failed. Nothing of the transaction was applied. */
export class SetElementError extends NetlinkError {
  /** Index into the changes; -1 when it is the transaction as a whole. */
  readonly changeIndex: number;
  /** Index into that change's elements; -1 when it is not one element (the table or set is missing, say). */
  readonly elementIndex: number;

  constructor(changeIndex: number, elementIndex: number, action: string, answer: Answer) {
    super({ ...answer, action });
    this.name = 'SetElementError';
    this.changeIndex = changeIndex;
    this.elementIndex = elementIndex;
  }
}

/**
 * Applies all changes in one transaction, in order (a delete before an add of the same key replaces it). Rejects with
 * SetElementError when the kernel refuses one, with NetlinkError EMSGSIZE when the transaction is too large.
 */
export function changeSetElements(changes: readonly SetElementChange[]): Promise<void> {
  return Promise.resolve().then(() => {
    changeSetElementsNow(changes);
  });
}

/**
 * The same, done when it returns (the kernel answers within sendto): for the thread that owes a verdict, where what comes
 * next on the wire must find the change. Throws what `changeSetElements` rejects with. While another transaction is under
 * way in the kernel it waits for that.
 */
export function changeSetElementsNow(changes: readonly SetElementChange[]): void {
  const left = changes.map((change) => change.elements.map((_, index) => index));
  for (let attempt = 1; left.some((elements) => elements.length > 0); attempt++) {
    const failed = attemptTransaction(changes, left, attempt < ATTEMPTS);
    if (!failed) return;
  }
}

/** False when applied; true when only missing elements stood in the way, which are then gone from `left`. */
function attemptTransaction(
  changes: readonly SetElementChange[],
  left: number[][],
  mayRetry: boolean,
): boolean {
  const builder = new MessageBuilder(64 * 1024);
  const sent = writeTransaction(builder, changes, left);
  if (builder.length > TRANSACTION_BYTES_MAX)
    throw new NetlinkError({ errno: 90, action: `a transaction of ${builder.length} bytes` });
  const answers = transact(builder, 'change set elements');
  const failures = answers.filter((answer) => answer.errno !== 0);
  const first = failures[0];
  if (first === undefined) {
    if (answers.length > 0) return false;
    throw new NetlinkError({
      errno: 61,
      action: 'change set elements',
      kernelMessage: 'no acknowledgement',
    });
  }
  const missing = new Map<number, Set<number>>();
  for (const failure of failures) {
    const message = sent.get(failure.sequence);
    const change = message === undefined ? undefined : changes[message.changeIndex];
    const element = message === undefined ? -1 : elementAt(message, failure.attributeOffset);
    const ignorable =
      failure.errno === 2 && element >= 0 && change?.op === 'delete' && change.ignoreMissing === true;
    if (!ignorable || message === undefined || !mayRetry)
      throw changeError(changes, message, element, failure);
    const set = missing.get(message.changeIndex) ?? new Set();
    missing.set(message.changeIndex, set.add(element));
  }
  for (const [changeIndex, gone] of missing)
    left[changeIndex] = left[changeIndex]?.filter((element) => !gone.has(element)) ?? [];
  return true;
}

interface SentMessage {
  readonly changeIndex: number;
  readonly elementIndices: readonly number[];
  /** Where each element's attribute starts in the message. */
  readonly offsets: readonly number[];
}

/** By sequence number, so that an answer finds what it answers. */
function writeTransaction(
  builder: MessageBuilder,
  changes: readonly SetElementChange[],
  left: readonly (readonly number[])[],
): Map<number, SentMessage> {
  const sent = new Map<number, SentMessage>();
  let sequence = 1;
  writeBatchMark(builder, BATCH_BEGIN, sequence++);
  const chunks = changes.flatMap((change, changeIndex) =>
    chunksOf(change, left[changeIndex] ?? []).map((indices) => ({ change, changeIndex, indices })),
  );
  chunks.forEach(({ change, changeIndex, indices }, position) => {
    const offsets: number[] = [];
    const creates = FLAG_CREATE | (change.ignoreExisting === true ? 0 : FLAG_EXCLUSIVE);
    builder.begin({
      type:
        (SUBSYSTEM_NFTABLES << 8) | (change.op === 'add' ? MESSAGE_NEW_ELEMENTS : MESSAGE_DELETE_ELEMENTS),
      // One acknowledgement, for the last message, tells that the batch was processed; errors come for every message.
      flags:
        FLAG_REQUEST | (change.op === 'add' ? creates : 0) | (position === chunks.length - 1 ? FLAG_ACK : 0),
      sequence,
      family: TABLE_FAMILIES[change.family],
    });
    builder.text(LIST.table, change.table);
    builder.text(LIST.set, change.set);
    const list = builder.beginNest(LIST.elements);
    for (const index of indices) {
      const element = change.elements[index];
      if (element === undefined) continue;
      offsets.push(builder.messageOffset);
      writeElement(builder, LIST.element, element);
    }
    builder.endNest(list);
    builder.end();
    sent.set(sequence++, { changeIndex, elementIndices: indices, offsets });
  });
  writeBatchMark(builder, BATCH_END, sequence);
  return sent;
}

export function writeBatchMark(builder: MessageBuilder, type: number, sequence: number): void {
  builder.begin({ type, flags: FLAG_REQUEST, sequence, family: 0, resourceId: SUBSYSTEM_NFTABLES });
  builder.end();
}

/**
 * The kernel stops at a message's first bad element. Elements that may be missing therefore go one to a message, so that
 * one attempt finds all that are. (NFT_MSG_DESTROYSETELEM would not need this, but came with Linux 6.3.)
 */
function chunksOf(change: SetElementChange, indices: readonly number[]): number[][] {
  const single = change.op === 'delete' && change.ignoreMissing === true;
  const chunks: number[][] = [];
  let chunk: number[] = [];
  let bytes = 0;
  for (const index of indices) {
    const element = change.elements[index];
    const size = element === undefined ? 0 : elementBytesAtMost(element);
    if (chunk.length > 0 && (single || bytes + size > LIST_BYTES_MAX)) {
      chunks.push(chunk);
      chunk = [];
      bytes = 0;
    }
    chunk.push(index);
    bytes += size;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

function elementBytesAtMost(element: SetElement): number {
  const chain = element.data !== undefined && 'chain' in element.data ? element.data.chain.length : 0;
  return (
    120 + element.key.length + (element.keyEnd?.length ?? 0) + 4 * (chain + (element.comment?.length ?? 0))
  );
}

/** Which element an extended acknowledgement points at; -1 for none. */
function elementAt(message: SentMessage, offset: number | undefined): number {
  if (offset === undefined) return -1;
  let found = -1;
  message.offsets.forEach((start, position) => {
    if (offset >= start) found = message.elementIndices[position] ?? -1;
  });
  return found;
}

function changeError(
  changes: readonly SetElementChange[],
  message: SentMessage | undefined,
  element: number,
  answer: Answer,
): SetElementError {
  const change = message === undefined ? undefined : changes[message.changeIndex];
  const what =
    change === undefined
      ? 'change set elements'
      : `${change.op} ${element < 0 ? 'elements' : `element ${element}`} of ${change.family} ${change.table} ${change.set}`;
  return new SetElementError(message?.changeIndex ?? -1, element, what, answer);
}

/** All elements of a set or map, with what is left of their timeouts. Rejects with NetlinkError, ENOENT for no such set. */
export async function readSetElements(
  family: TableFamily,
  table: string,
  set: string,
): Promise<SetElement[]> {
  const builder = new MessageBuilder(512);
  builder.begin({
    type: (SUBSYSTEM_NFTABLES << 8) | MESSAGE_GET_ELEMENTS,
    flags: FLAG_REQUEST | FLAG_DUMP,
    sequence: 1,
    family: TABLE_FAMILIES[family],
  });
  builder.text(LIST.table, table);
  builder.text(LIST.set, set);
  builder.end();
  const elements: SetElement[] = [];
  const action = `read elements of ${family} ${table} ${set}`;
  let malformed = 0;
  const { complete } = await dump(
    builder,
    action,
    (message) => {
      malformed += readElements(message, elements);
    },
    () => {
      elements.length = 0;
      malformed = 0;
    },
  );
  if (malformed > 0) throw new NetlinkError({ errno: 74, action, kernelMessage: 'malformed element' });
  if (!complete) throw new NetlinkError({ errno: 4, action, kernelMessage: 'the set keeps changing' });
  return elements;
}
