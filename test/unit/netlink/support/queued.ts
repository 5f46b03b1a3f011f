/** A held packet with every attribute that the kernel can send (enum nfqnl_attr_type), as one datagram. */
import { MessageBuilder } from '../../../../agent/netlink/messages.js';

export function queuedPacket(id: number, family: 2 | 10): Buffer {
  const builder = new MessageBuilder();
  builder.begin({ type: 0x0300, flags: 0, sequence: 0, family, resourceId: 3085 });
  const header = Buffer.alloc(7);
  header.writeUInt32BE(id, 0);
  header.writeUInt16BE(family === 2 ? 0x0800 : 0x86dd, 4);
  header.writeUInt8(2, 6);
  builder.raw(1, header);
  builder.u32be(5, 3);
  builder.u32be(7, 5);
  builder.u32be(6, 4);
  builder.u32be(8, 6);
  builder.u32be(3, 0x4d000003);
  builder.raw(9, Uint8Array.of(0, 6, 0, 0, 2, 0, 0, 1, 2, 3, 0, 0));
  const stamp = Buffer.alloc(16);
  stamp.writeUInt32BE(1_800_000_000, 4);
  stamp.writeUInt32BE(654_321, 12);
  builder.raw(4, stamp);
  const vlan = builder.beginNest(19);
  builder.u16be(1, 0x8100);
  builder.u16be(2, 0x2005);
  builder.endNest(vlan);
  builder.raw(20, Buffer.alloc(14, 0xee));
  builder.u32be(13, 1400);
  builder.raw(10, Uint8Array.of(0x60, 1, 2));
  builder.end();
  return Buffer.from(builder.bytes);
}

/** A rule that holds, as the kernel lists it: nft's own statement, or the xtables target. */
export function holdRule(kind: 'statement' | 'compat'): Buffer {
  const builder = new MessageBuilder();
  builder.begin({ type: 0x0a06, flags: 0, sequence: 1, family: 1 });
  builder.text(1, 'cordon');
  builder.text(2, 'hold');
  const list = builder.beginNest(4);
  const expression = builder.beginNest(1);
  builder.text(1, kind === 'statement' ? 'queue' : 'target');
  const data = builder.beginNest(2);
  if (kind === 'statement') {
    builder.u16be(1, 3085);
    builder.u16be(2, 1);
    builder.u16be(3, 1);
  } else {
    builder.text(1, 'NFQUEUE');
    builder.u32be(2, 3);
    builder.raw(3, Uint8Array.of(0x0d, 0x0c, 1, 0, 1, 0, 0, 0));
  }
  builder.endNest(data);
  builder.endNest(expression);
  builder.endNest(list);
  builder.end();
  return Buffer.from(builder.bytes);
}
