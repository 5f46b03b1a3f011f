/**
 * Follows changes of nf_tables, whoever makes them: one report for each transaction, which is how the enforcer notices
 * that someone deleted or flushed its tables. Names come from root's own tools, but are read as bounded text all the same.
 */
import { AttributeCursor } from './attributes.js';
import { type MessageCursor, SUBSYSTEM_NFTABLES } from './messages.js';
import { openReader, type ReaderCounters } from './reader.js';

/** Different things one transaction may report; what is beyond is counted in `more`. */
const CHANGES_PER_TRANSACTION_MAX = 1024;

const GROUP_NFTABLES = 7;
const MESSAGE_NEW_GENERATION = 15;

/** enum nf_tables_msg_types: what the kernel announces. All of these carry their table as attribute 1. */
const CHANGES = {
  0: { type: 'new-table', name: 0 },
  2: { type: 'delete-table', name: 0 },
  3: { type: 'new-chain', name: 3 },
  5: { type: 'delete-chain', name: 3 },
  6: { type: 'new-rule', name: 2 },
  8: { type: 'delete-rule', name: 2 },
  9: { type: 'new-set', name: 2 },
  11: { type: 'delete-set', name: 2 },
  12: { type: 'new-element', name: 2 },
  14: { type: 'delete-element', name: 2 },
  18: { type: 'new-object', name: 2 },
  20: { type: 'delete-object', name: 2 },
  22: { type: 'new-flowtable', name: 2 },
  24: { type: 'delete-flowtable', name: 2 },
} as const;

export type NfTablesChangeType = (typeof CHANGES)[keyof typeof CHANGES]['type'];

export interface NfTablesChange {
  readonly type: NfTablesChangeType;
  /** nfproto: 1 inet, 2 ip, 3 arp, 5 netdev, 7 bridge, 10 ip6. */
  readonly family: number;
  readonly table: string;
  /** Of the chain, set, object or flowtable; of a rule, its chain; empty for a table. */
  readonly name: string;
  /** How many of them: rules of one chain and elements of one set are reported as one change. */
  readonly count: number;
}

export interface NfTablesTransaction {
  readonly generation: number;
  /** Who did it: process id in the initial pid namespace and command name (`nft`); null where the kernel does not say. */
  readonly processId: number | null;
  readonly processName: string | null;
  readonly changes: readonly NfTablesChange[];
  /** Changes left out of `changes`. */
  readonly more: number;
}

export interface NfTablesWatchOptions {
  readonly receiveBufferBytes: number;
  /** Events were lost: look at the tables themselves. */
  readonly onOverrun: () => void;
  /** Report set elements too. Default false: leases and learnt addresses come and go all day. */
  readonly elements?: boolean;
  readonly ref?: boolean;
}

export interface NfTablesWatch {
  counters(): Readonly<ReaderCounters>;
  /** Safe twice. */
  stop(): void;
}

/** Calls back once per transaction that changed something asked for. Throws NetlinkError without CAP_NET_ADMIN. */
export function watchNfTables(
  options: NfTablesWatchOptions,
  onTransaction: (transaction: NfTablesTransaction) => void,
): NfTablesWatch {
  const decoder = createNfTablesDecoder(options.elements ?? false);
  const reader = openReader({
    groups: [GROUP_NFTABLES],
    receiveBufferBytes: options.receiveBufferBytes,
    slotBytes: 0,
    ref: options.ref ?? false,
    onOverrun() {
      decoder.forget();
      options.onOverrun();
    },
    onMessage(message) {
      const transaction = decoder.decode(message);
      if (transaction !== null && transaction.changes.length > 0) onTransaction(transaction);
    },
  });
  reader.start();
  return {
    counters: () => ({
      ...reader.counters,
      decodeErrors: decoder.decodeErrors() + reader.counters.decodeErrors,
    }),
    stop: () => {
      reader.stop();
    },
  };
}

export interface NfTablesDecoder {
  /** Null until the message that ends a transaction. */
  decode(message: MessageCursor): NfTablesTransaction | null;
  /** Drops the transaction gathered so far: some of it was lost. */
  forget(): void;
  decodeErrors(): number;
}

export function createNfTablesDecoder(elements: boolean): NfTablesDecoder {
  const attributes = new AttributeCursor();
  let changes = new Map<string, NfTablesChange>();
  let more = 0;
  let decodeErrors = 0;

  function gather(message: MessageCursor, { type, name: nameAttribute }: ChangeKind): void {
    let table = '';
    let name = '';
    attributes.reset(message.buffer, message.attributesStart, message.end);
    while (attributes.next()) {
      if (attributes.type === 1) table = attributes.text();
      else if (attributes.type === nameAttribute) name = attributes.text();
    }
    if (attributes.malformed) decodeErrors++;
    const { family } = message;
    const key = `${type} ${family} ${table} ${name}`;
    const known = changes.get(key);
    if (known === undefined && changes.size >= CHANGES_PER_TRANSACTION_MAX) more++;
    else changes.set(key, { type, family, table, name, count: (known?.count ?? 0) + 1 });
  }

  function finish(message: MessageCursor): NfTablesTransaction {
    let generation = 0;
    let processId: number | null = null;
    let processName: string | null = null;
    attributes.reset(message.buffer, message.attributesStart, message.end);
    while (attributes.next()) {
      if (attributes.type === 1) generation = attributes.u32be();
      else if (attributes.type === 2) processId = attributes.u32be();
      else if (attributes.type === 3) processName = attributes.text();
    }
    if (attributes.malformed) decodeErrors++;
    const transaction = { generation, processId, processName, changes: [...changes.values()], more };
    changes = new Map();
    more = 0;
    return transaction;
  }

  return {
    decode(message) {
      if (message.subsystem !== SUBSYSTEM_NFTABLES) return null;
      if (!message.isNetfilter) {
        decodeErrors++;
        return null;
      }
      if (message.operation === MESSAGE_NEW_GENERATION) return finish(message);
      const kind = changeKind(message.operation);
      if (kind !== null && (elements || !kind.type.endsWith('-element'))) gather(message, kind);
      return null;
    },
    forget() {
      changes = new Map();
      more = 0;
    },
    decodeErrors: () => decodeErrors,
  };
}

interface ChangeKind {
  readonly type: NfTablesChangeType;
  readonly name: number;
}

function changeKind(operation: number): ChangeKind | null {
  return operation in CHANGES ? CHANGES[operation as keyof typeof CHANGES] : null;
}
