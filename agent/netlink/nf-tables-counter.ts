/** Reads one named counter of nf_tables in a tenth of a millisecond, for what is looked at every second. */
import { AttributeCursor } from './attributes.js';
import { FLAG_ACK, FLAG_REQUEST, MessageBuilder, SUBSYSTEM_NFTABLES } from './messages.js';
import { dump } from './request.js';
import { TABLE_FAMILIES, type TableFamily } from './set-elements.js';

const MESSAGE_NEW_OBJECT = 18;
const MESSAGE_GET_OBJECT = 19;
/** NFTA_OBJ_*, NFT_OBJECT_COUNTER, NFTA_COUNTER_PACKETS (linux/netfilter/nf_tables.h). */
const OBJECT = { table: 1, name: 2, type: 3, data: 4 } as const;
const TYPE_COUNTER = 1;
const COUNTER_PACKETS = 2;

/** Packets counted. Rejects with NetlinkError, ENOENT where there is no such counter. */
export async function readPacketCounter(family: TableFamily, table: string, name: string): Promise<number> {
  const builder = new MessageBuilder(256);
  builder.begin({
    type: (SUBSYSTEM_NFTABLES << 8) | MESSAGE_GET_OBJECT,
    flags: FLAG_REQUEST | FLAG_ACK,
    sequence: 1,
    family: TABLE_FAMILIES[family],
  });
  builder.text(OBJECT.table, table);
  builder.text(OBJECT.name, name);
  builder.u32be(OBJECT.type, TYPE_COUNTER);
  builder.end();
  let packets = 0;
  const attributes = new AttributeCursor();
  const data = new AttributeCursor();
  await dump(
    builder,
    `read counter ${family} ${table} ${name}`,
    (message) => {
      if (message.operation !== MESSAGE_NEW_OBJECT || !message.isNetfilter) return;
      attributes.reset(message.buffer, message.attributesStart, message.end);
      while (attributes.next()) {
        if (attributes.type !== OBJECT.data) continue;
        data.enter(attributes);
        while (data.next()) if (data.type === COUNTER_PACKETS) packets = data.u64be();
      }
    },
    () => undefined,
  );
  return packets;
}
