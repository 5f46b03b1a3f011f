/**
 * The kernel's connection table over ctnetlink: read it, delete chosen entries, follow its events. Called by the enforcer
 * when containment cuts live connections, and for flow ends. It never deletes by a wildcard: only entry by entry, by
 * tuple and id, so that a connection which reused the tuple meanwhile is left alone.
 */
import { createConntrackDecoder, toEntry } from './conntrack-codec.js';
import type { ConntrackEntry, ConntrackRecord } from './conntrack-codec.js';
import { NetlinkError } from './errors.js';
import {
  FLAG_ACK,
  FLAG_CREATE,
  FLAG_DUMP,
  FLAG_REQUEST,
  MessageBuilder,
  type MessageCursor,
  SUBSYSTEM_CONNTRACK,
} from './messages.js';
import { openReader, type ReaderCounters } from './reader.js';
import { dump, transact } from './request.js';

export type { ConntrackEntry, ConntrackRecord } from './conntrack-codec.js';

/** Deletions in one datagram. Each is answered, and the answers must fit the smallest receive buffer. */
const DELETES_PER_DATAGRAM = 128;
/** Above this the table is larger than any box is set up for (net.netfilter.nf_conntrack_max). */
const DUMP_ENTRIES_MAX = 2_000_000;

const MESSAGE_NEW = 0;
const MESSAGE_GET = 1;
const MESSAGE_DELETE = 2;
const GROUPS = { new: 1, update: 2, destroy: 3 } as const;
const ATTRIBUTE = { original: 1, mark: 8, id: 12, zone: 18, markMask: 21 } as const;
const ENOENT = 2;

export interface ConntrackFilter {
  readonly family?: 4 | 6;
  /** Only entries with (mark & mask) === value; the kernel leaves out the rest. */
  readonly mark?: { readonly value: number; readonly mask: number };
}

export interface DumpResult {
  /** Entries handed over. */
  readonly entries: number;
  readonly decodeErrors: number;
  /** False when the table changed under every attempt: entries may be missing. */
  readonly complete: boolean;
}

/** A copy of the whole table or the filtered part. Rejects with NetlinkError (EPERM, EOVERFLOW above 2,000,000). */
export async function dumpConntrack(filter: ConntrackFilter = {}): Promise<ConntrackEntry[]> {
  const entries: ConntrackEntry[] = [];
  await forEachConntrack(
    (record) => {
      if (entries.length >= DUMP_ENTRIES_MAX) throw new NetlinkError({ errno: 75, action: 'dump conntrack' });
      entries.push(toEntry(record));
    },
    filter,
    () => (entries.length = 0),
  );
  return entries;
}

/**
 * Calls back for every entry with one reused record, without holding the table in memory. When the kernel had to break
 * off the dump, `onRestart` is called and everything comes again.
 */
export async function forEachConntrack(
  onEntry: (record: Readonly<ConntrackRecord>) => void,
  filter: ConntrackFilter = {},
  onRestart: () => void = () => undefined,
): Promise<DumpResult> {
  const decoder = createConntrackDecoder();
  let entries = 0;
  let decodeErrors = 0;
  const { complete } = await dump(
    dumpMessage(filter),
    'dump conntrack',
    (message) => {
      if (!decoder.decode(message)) {
        decodeErrors++;
        return;
      }
      entries++;
      onEntry(decoder.record);
    },
    () => {
      entries = decodeErrors = 0;
      onRestart();
    },
  );
  return { entries, decodeErrors, complete };
}

function dumpMessage(filter: ConntrackFilter): MessageBuilder {
  const builder = new MessageBuilder(128);
  builder.begin({
    type: (SUBSYSTEM_CONNTRACK << 8) | MESSAGE_GET,
    flags: FLAG_REQUEST | FLAG_DUMP,
    sequence: 1,
    family: filter.family === undefined ? 0 : addressFamily(filter.family),
  });
  if (filter.mark !== undefined) {
    builder.u32be(ATTRIBUTE.mark, filter.mark.value);
    builder.u32be(ATTRIBUTE.markMask, filter.mark.mask);
  }
  builder.end();
  return builder;
}

export interface DeleteResult {
  readonly deleted: number;
  /** Gone by themselves before we came to them. */
  readonly gone: number;
  /** Refused by the kernel, by errno. */
  readonly failed: number;
}

/** Deletes every entry that `shouldDelete` says yes to. Rejects with NetlinkError when the table cannot be read. */
export async function deleteConntrack(
  shouldDelete: (entry: ConntrackEntry) => boolean,
  filter: ConntrackFilter = {},
): Promise<DeleteResult> {
  let chosen: Buffer[] = [];
  await forEachConntrack(
    (record) => {
      if (shouldDelete(toEntry(record))) chosen.push(deleteMessage(record));
    },
    filter,
    () => (chosen = []),
  );
  let gone = 0;
  let failed = 0;
  for (let start = 0; start < chosen.length; start += DELETES_PER_DATAGRAM) {
    const answers = sendDeletes(chosen.slice(start, start + DELETES_PER_DATAGRAM));
    gone += answers.filter((answer) => answer.errno === ENOENT).length;
    failed += answers.filter((answer) => answer.errno !== 0 && answer.errno !== ENOENT).length;
  }
  return { deleted: chosen.length - gone - failed, gone, failed };
}

function sendDeletes(messages: readonly Buffer[]): ReturnType<typeof transact> {
  const builder = new MessageBuilder(messages.reduce((sum, message) => sum + message.length, 0));
  messages.forEach((message) => {
    builder.append(message);
  });
  const answers = transact(builder, 'delete conntrack entries');
  if (answers.length !== messages.length) {
    const kernelMessage = `${answers.length} of ${messages.length} acknowledged`;
    throw new NetlinkError({ errno: 61, action: 'delete conntrack entries', kernelMessage });
  }
  return answers;
}

/** By the original tuple, byte for byte as the kernel gave it, and the id. */
function deleteMessage(record: Readonly<ConntrackRecord>): Buffer {
  const builder = new MessageBuilder(192);
  const { original, family } = record;
  builder.begin({
    type: (SUBSYSTEM_CONNTRACK << 8) | MESSAGE_DELETE,
    flags: FLAG_REQUEST | FLAG_ACK,
    sequence: 1,
    family: addressFamily(family),
  });
  if (record.zone !== 0) builder.u16be(ATTRIBUTE.zone, record.zone);
  const tuple = builder.beginNest(ATTRIBUTE.original);
  const addresses = builder.beginNest(1);
  const source = family === 4 ? 1 : 3;
  builder.raw(source, bytesAt(record, original.sourceOffset));
  builder.raw(source + 1, bytesAt(record, original.destinationOffset));
  builder.endNest(addresses);
  const protocol = builder.beginNest(2);
  builder.u8(1, record.protocol);
  if (record.protocol === 1 || record.protocol === 58) {
    const base = record.protocol === 1 ? 4 : 7;
    builder.u16be(base, original.icmpId);
    builder.u8(base + 1, original.icmpType);
    builder.u8(base + 2, original.icmpCode);
  } else {
    builder.u16be(2, original.sourcePort);
    builder.u16be(3, original.destinationPort);
  }
  builder.endNest(protocol);
  builder.endNest(tuple);
  builder.u32be(ATTRIBUTE.id, record.id);
  builder.end();
  return builder.bytes;
}

function bytesAt(record: Readonly<ConntrackRecord>, offset: number): Uint8Array {
  return record.buffer.subarray(offset, offset + record.addressBytes);
}

function addressFamily(family: 4 | 6): number {
  return family === 4 ? 2 : 10;
}

export type ConntrackEventKind = keyof typeof GROUPS;

export interface ConntrackEventOptions {
  /** 8 MiB holds 30,000 flows a second; 256 KiB loses some at 10,000. */
  readonly receiveBufferBytes: number;
  readonly groups: readonly ConntrackEventKind[];
  /** Events were lost: read the table again with forEachConntrack. */
  readonly onOverrun: () => void;
  readonly ref?: boolean;
}

export interface ConntrackEvents {
  counters(): Readonly<ReaderCounters & { received: number }>;
  /** Safe twice. */
  stop(): void;
}

/**
 * Follows the table. The kernel sends counters only with net.netfilter.nf_conntrack_acct=1, and with
 * nf_conntrack_events=2 (its default) no end of a connection that is older than this listener. The record is reused.
 */
export function openConntrackEvents(
  options: ConntrackEventOptions,
  onEvent: (kind: ConntrackEventKind, record: Readonly<ConntrackRecord>) => void,
): ConntrackEvents {
  const decoder = createConntrackDecoder();
  let received = 0;
  let decodeErrors = 0;
  const reader = openReader({
    groups: options.groups.map((group) => GROUPS[group]),
    receiveBufferBytes: options.receiveBufferBytes,
    slotBytes: 0,
    ref: options.ref ?? false,
    onOverrun: options.onOverrun,
    onMessage(message) {
      const kind = eventKind(message);
      if (kind === null) return;
      if (!decoder.decode(message)) {
        decodeErrors++;
        return;
      }
      received++;
      onEvent(kind, decoder.record);
    },
  });
  reader.start();
  return {
    counters: () => ({
      ...reader.counters,
      received,
      decodeErrors: decodeErrors + reader.counters.decodeErrors,
    }),
    stop: () => {
      reader.stop();
    },
  };
}

function eventKind(message: MessageCursor): ConntrackEventKind | null {
  if (message.subsystem !== SUBSYSTEM_CONNTRACK) return null;
  if (message.operation === MESSAGE_DELETE) return 'destroy';
  if (message.operation !== MESSAGE_NEW) return null;
  // ctnetlink marks an event for a new entry with NLM_F_CREATE | NLM_F_EXCL, an update with neither.
  return (message.flags & FLAG_CREATE) !== 0 ? 'new' : 'update';
}
