/**
 * Named counters of nf_tables (NFT_MSG_GETOBJ, linux/netfilter/nf_tables.h) by raw netlink: `nft list counters` (1.0.6) reads
 * every set of the table first, 3 s at 10,000 devices. Called by nftables/read-tables.ts. Reads only.
 */
import { AttributeCursor } from './attributes.js';
import { FLAG_DUMP, FLAG_REQUEST, MessageBuilder, SUBSYSTEM_NFTABLES } from './messages.js';
import { dump } from './request.js';

export interface NamedCounter {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
}

const MESSAGE_GET_OBJECT = 19;
const OBJECT = { table: 1, name: 2, type: 3, data: 4 } as const;
const TYPE_COUNTER = 1;
const COUNTER = { bytes: 1, packets: 2 } as const;
const NFPROTO_UNSPEC = 0;

/** Counters of every table with this name, whatever its family; none when there is no such table. Rejects with NetlinkError. */
export async function readNamedCounters(table: string): Promise<readonly NamedCounter[]> {
  const builder = new MessageBuilder(64);
  builder.begin({
    type: (SUBSYSTEM_NFTABLES << 8) | MESSAGE_GET_OBJECT,
    flags: FLAG_REQUEST | FLAG_DUMP,
    sequence: 1,
    family: NFPROTO_UNSPEC,
  });
  builder.end();
  let counters: NamedCounter[] = [];
  const top = new AttributeCursor();
  await dump(
    builder,
    'read counters',
    (message) => {
      top.reset(message.buffer, message.attributesStart, message.end);
      const counter = readCounter(top, table);
      if (counter) counters.push(counter);
    },
    () => {
      counters = [];
    },
  );
  return counters;
}

function readCounter(top: AttributeCursor, table: string): NamedCounter | null {
  let owner = '';
  let name = '';
  let type = 0;
  let packets = 0;
  let bytes = 0;
  const data = new AttributeCursor();
  while (top.next()) {
    if (top.type === OBJECT.table) owner = top.text();
    else if (top.type === OBJECT.name) name = top.text();
    else if (top.type === OBJECT.type) type = top.u32be();
    else if (top.type === OBJECT.data) {
      data.enter(top);
      while (data.next()) {
        if (data.type === COUNTER.packets) packets = data.u64be();
        else if (data.type === COUNTER.bytes) bytes = data.u64be();
      }
    }
  }
  return owner === table && type === TYPE_COUNTER ? { name, packets, bytes } : null;
}
