/**
 * What a table of nf_tables is made of, by raw netlink: chains, how many rules each has, sets, and how many elements a set
 * has. Called by nftables/read-tables.ts. `nft -t list table` (1.0.6) reads every element all the same, and begins anew
 * whenever anything in nf_tables changed meanwhile: at 10,000 devices, with a heartbeat every second, it never ends.
 */
import { AttributeCursor } from './attributes.js';
import {
  FLAG_DUMP,
  FLAG_REQUEST,
  MessageBuilder,
  type MessageCursor,
  SUBSYSTEM_NFTABLES,
} from './messages.js';
import { NetlinkError } from './errors.js';
import { dump } from './request.js';
import { TABLE_FAMILIES, type TableFamily } from './set-elements.js';

/** NFT_MSG_*, NFTA_*_TABLE and so on (linux/netfilter/nf_tables.h). */
const MESSAGE_GET_CHAIN = 4;
const MESSAGE_GET_RULE = 7;
const MESSAGE_GET_SET = 10;
const MESSAGE_GET_ELEMENTS = 13;
const TABLE = 1;
const CHAIN = { table: 1, name: 3, policy: 5 } as const;
const RULE = { table: 1, chain: 2 } as const;
const SET = { table: 1, name: 2 } as const;
const ELEMENTS = { table: 1, set: 2, list: 3 } as const;
const NF_DROP = 0;

export interface ChainStructure {
  /** Of a base chain; null for another. */
  readonly policy: 'accept' | 'drop' | null;
  readonly rules: number;
}

export interface TableStructure {
  readonly chains: ReadonlyMap<string, ChainStructure>;
  readonly sets: ReadonlySet<string>;
}

/** A table without a chain counts as none: null. Rejects with NetlinkError, EINTR when the table keeps changing. */
export async function readTableStructure(family: TableFamily, table: string): Promise<TableStructure | null> {
  const policies = new Map<string, ChainStructure['policy']>();
  const rules = new Map<string, number>();
  const sets = new Set<string>();
  const at = { family, table } as const;
  await each(
    {
      ...at,
      operation: MESSAGE_GET_CHAIN,
      forget: () => {
        policies.clear();
      },
    },
    (cursor) => {
      let name = '';
      let policy: ChainStructure['policy'] = null;
      let isOurs = false;
      while (cursor.next()) {
        if (cursor.type === CHAIN.table) isOurs = cursor.text() === table;
        else if (cursor.type === CHAIN.name) name = cursor.text();
        else if (cursor.type === CHAIN.policy) policy = cursor.u32be() === NF_DROP ? 'drop' : 'accept';
      }
      if (isOurs) policies.set(name, policy);
    },
  );
  if (policies.size === 0) return null;
  await each(
    {
      ...at,
      operation: MESSAGE_GET_RULE,
      forget: () => {
        rules.clear();
      },
    },
    (cursor) => {
      let chain = '';
      let isOurs = false;
      while (cursor.next()) {
        if (cursor.type === RULE.table) isOurs = cursor.text() === table;
        else if (cursor.type === RULE.chain) chain = cursor.text();
      }
      if (isOurs) rules.set(chain, (rules.get(chain) ?? 0) + 1);
    },
  );
  await each(
    {
      ...at,
      operation: MESSAGE_GET_SET,
      forget: () => {
        sets.clear();
      },
    },
    (cursor) => {
      let name = '';
      let isOurs = false;
      while (cursor.next()) {
        if (cursor.type === SET.table) isOurs = cursor.text() === table;
        else if (cursor.type === SET.name) name = cursor.text();
      }
      if (isOurs) sets.add(name);
    },
  );
  const chains = new Map(
    [...policies].map(([name, policy]) => [name, { policy, rules: rules.get(name) ?? 0 }] as const),
  );
  return { chains, sets };
}

interface Question {
  readonly family: TableFamily;
  readonly table: string;
  readonly operation: number;
  readonly forget: () => void;
}

async function each(question: Question, read: (cursor: AttributeCursor) => void): Promise<void> {
  const { family, table, operation, forget } = question;
  const builder = new MessageBuilder(256);
  builder.begin(header(family, operation));
  builder.text(TABLE, table);
  builder.end();
  const cursor = new AttributeCursor();
  const action = `read the structure of ${family} ${table}`;
  const { complete } = await dump(
    builder,
    action,
    (message) => {
      if (!message.isNetfilter) return;
      cursor.reset(message.buffer, message.attributesStart, message.end);
      read(cursor);
    },
    forget,
  );
  if (!complete) throw new NetlinkError({ errno: 4, action, kernelMessage: 'it keeps changing' });
}

/**
 * How many elements a set has. One dump, taken as it is also when nf_tables changed meanwhile: what changed may be another
 * set, and a large one would never be read in peace. Rejects with NetlinkError, ENOENT for no such set.
 */
export async function countSetElements(family: TableFamily, table: string, set: string): Promise<number> {
  const builder = new MessageBuilder(256);
  builder.begin(header(family, MESSAGE_GET_ELEMENTS));
  builder.text(ELEMENTS.table, table);
  builder.text(ELEMENTS.set, set);
  builder.end();
  const attributes = new AttributeCursor();
  const list = new AttributeCursor();
  let count = 0;
  const action = `count elements of ${family} ${table} ${set}`;
  const read = (message: MessageCursor): void => {
    if (!message.isNetfilter) return;
    attributes.reset(message.buffer, message.attributesStart, message.end);
    while (attributes.next()) {
      if (attributes.type !== ELEMENTS.list) continue;
      list.enter(attributes);
      while (list.next()) count += 1;
    }
  };
  await dump(builder, action, read, null);
  return count;
}

function header(family: TableFamily, operation: number) {
  return {
    type: (SUBSYSTEM_NFTABLES << 8) | operation,
    flags: FLAG_REQUEST | FLAG_DUMP,
    sequence: 1,
    family: TABLE_FAMILIES[family],
  };
}
