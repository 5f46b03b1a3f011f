/**
 * The two things about rules that `nft` cannot do: write the xtables target NFQUEUE into a chain (nft_compat, for kernels
 * without nft_queue), and say exactly what a rule is made of. Called by the enforcer for the one chain that holds packets.
 */
import { AttributeCursor } from './attributes.js';
import { NetlinkError } from './errors.js';
import {
  FLAG_ACK,
  FLAG_APPEND,
  FLAG_CREATE,
  FLAG_DUMP,
  FLAG_REQUEST,
  MessageBuilder,
  type MessageCursor,
  SUBSYSTEM_NFTABLES,
} from './messages.js';
import { dump, transact } from './request.js';
import { BATCH_BEGIN, BATCH_END, TABLE_FAMILIES, writeBatchMark, type TableFamily } from './set-elements.js';

/** More rules or expressions than this in one chain are not ours to read. */
const MAX_RULES = 64;
const MAX_EXPRESSIONS = 64;

const MESSAGE_NEW_RULE = 6;
const MESSAGE_GET_RULE = 7;
const MESSAGE_DELETE_RULE = 8;

/** NFTA_RULE_*, NFTA_EXPR_*, NFTA_TARGET_*, NFTA_QUEUE_* (linux/netfilter/nf_tables.h, nf_tables_compat.h). */
const RULE = { table: 1, chain: 2, expressions: 4 } as const;
const LIST_ELEMENT = 1;
const EXPRESSION = { name: 1, data: 2 } as const;
const TARGET = { name: 1, revision: 2, info: 3 } as const;
const QUEUE = { number: 1, total: 2, flags: 3 } as const;

/** struct xt_NFQ_info_v3 is the first with flags (linux/netfilter/xt_NFQUEUE.h); in host order, padded to 8 bytes. */
const NFQUEUE_REVISION = 3;
const NFQUEUE_INFO_BYTES = 8;
/** The same bit in both: nobody listens, the packet goes on. */
const FLAG_BYPASS = 1;

export interface ChainAddress {
  readonly family: TableFamily;
  readonly table: string;
  readonly chain: string;
}

/** How a rule holds packets: `statement` is nft's own `queue`, `compat` the xtables target. */
export type HoldKind = 'statement' | 'compat';

/** What is known of one rule: whether it is nothing but a hold with bypass, into which queue; null for any other rule. */
export type ReadRule = { readonly kind: HoldKind; readonly queue: number } | null;

/** Replaces all rules of the chain by one: hold for `queue`, go on where nobody listens. Throws NetlinkError. */
export function writeCompatHold(at: ChainAddress, queue: number): void {
  const builder = new MessageBuilder(1024);
  const action = `hold packets of ${at.family} ${at.table} ${at.chain}`;
  writeBatchMark(builder, BATCH_BEGIN, 1);
  begin(builder, at, MESSAGE_DELETE_RULE, FLAG_REQUEST, 2);
  builder.end();
  begin(builder, at, MESSAGE_NEW_RULE, FLAG_REQUEST | FLAG_ACK | FLAG_CREATE | FLAG_APPEND, 3);
  const list = builder.beginNest(RULE.expressions);
  const expression = builder.beginNest(LIST_ELEMENT);
  builder.text(EXPRESSION.name, 'target');
  const data = builder.beginNest(EXPRESSION.data);
  builder.text(TARGET.name, 'NFQUEUE');
  builder.u32be(TARGET.revision, NFQUEUE_REVISION);
  builder.raw(TARGET.info, nfqueueInfo(queue));
  builder.endNest(data);
  builder.endNest(expression);
  builder.endNest(list);
  builder.end();
  writeBatchMark(builder, BATCH_END, 4);
  const answers = transact(builder, action);
  const failure = answers.find((answer) => answer.errno !== 0);
  if (failure) throw new NetlinkError({ ...failure, action });
  if (answers.length === 0)
    throw new NetlinkError({ errno: 61, action, kernelMessage: 'no acknowledgement' });
}

function nfqueueInfo(queue: number): Uint8Array {
  const info = Buffer.alloc(NFQUEUE_INFO_BYTES);
  info.writeUInt16LE(queue, 0);
  info.writeUInt16LE(1, 2);
  info.writeUInt16LE(FLAG_BYPASS, 4);
  return info;
}

/** Every rule of the chain, in order; none where there is no such chain. Rejects with NetlinkError. */
export async function readChain(at: ChainAddress): Promise<readonly ReadRule[]> {
  const builder = new MessageBuilder(512);
  begin(builder, at, MESSAGE_GET_RULE, FLAG_REQUEST | FLAG_DUMP, 1);
  builder.end();
  const rules: ReadRule[] = [];
  const { complete } = await dump(
    builder,
    `read rules of ${at.family} ${at.table} ${at.chain}`,
    (message) => {
      if (rules.length < MAX_RULES && message.operation === MESSAGE_NEW_RULE)
        rules.push(readRule(message, at.chain));
    },
    () => (rules.length = 0),
  );
  if (!complete)
    throw new NetlinkError({
      errno: 4,
      action: `read chain ${at.chain}`,
      kernelMessage: 'it keeps changing',
    });
  return rules;
}

function begin(
  builder: MessageBuilder,
  at: ChainAddress,
  operation: number,
  flags: number,
  sequence: number,
): void {
  builder.begin({
    type: (SUBSYSTEM_NFTABLES << 8) | operation,
    flags,
    sequence,
    family: TABLE_FAMILIES[at.family],
  });
  builder.text(RULE.table, at.table);
  builder.text(RULE.chain, at.chain);
}

/** Exported for the decoder's own tests: from bytes of the kernel to what is known, without throwing. */
export function readRule(message: MessageCursor, chain: string): ReadRule {
  if (!message.isNetfilter) return null;
  const attributes = new AttributeCursor();
  attributes.reset(message.buffer, message.attributesStart, message.end);
  let found: ReadRule = null;
  let expressions = 0;
  while (attributes.next()) {
    if (attributes.type === RULE.chain && attributes.text() !== chain) return null;
    if (attributes.type !== RULE.expressions) continue;
    const list = new AttributeCursor();
    list.enter(attributes);
    while (list.next() && expressions < MAX_EXPRESSIONS) {
      expressions++;
      found = readExpression(list);
    }
    if (list.malformed) return null;
  }
  return expressions === 1 && !attributes.malformed ? found : null;
}

function readExpression(element: AttributeCursor): ReadRule {
  const parts = new AttributeCursor();
  const data = new AttributeCursor();
  parts.enter(element);
  let name = '';
  let found: ReadRule = null;
  while (parts.next()) {
    if (parts.type === EXPRESSION.name) name = parts.text();
    if (parts.type !== EXPRESSION.data) continue;
    data.enter(parts);
    if (name === 'target') found = readTarget(data);
    if (name === 'queue') found = readQueue(data);
  }
  return parts.malformed || data.malformed ? null : found;
}

function readTarget(data: AttributeCursor): ReadRule {
  let isNfqueue = false;
  let revision = -1;
  let info: Uint8Array = new Uint8Array(0);
  while (data.next()) {
    if (data.type === TARGET.name) isNfqueue = data.text() === 'NFQUEUE';
    if (data.type === TARGET.revision) revision = data.u32be();
    if (data.type === TARGET.info) info = data.bytes();
  }
  if (!isNfqueue || revision !== NFQUEUE_REVISION || info.length < 6) return null;
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  if (view.getUint16(2, true) !== 1 || view.getUint16(4, true) !== FLAG_BYPASS) return null;
  return { kind: 'compat', queue: view.getUint16(0, true) };
}

function readQueue(data: AttributeCursor): ReadRule {
  let queue = -1;
  let total = 0;
  let flags = 0;
  while (data.next()) {
    if (data.type === QUEUE.number) queue = data.u16be();
    if (data.type === QUEUE.total) total = data.u16be();
    if (data.type === QUEUE.flags) flags = data.u16be();
  }
  return queue >= 0 && total === 1 && flags === FLAG_BYPASS ? { kind: 'statement', queue } : null;
}
