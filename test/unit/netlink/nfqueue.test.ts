import t from 'tap';
import { MessageBuilder, MessageCursor } from '../../../agent/netlink/messages.js';
import {
  createQueueDecoder,
  createVerdictWriter,
  isQueuedPacket,
  writeBind,
  writeUnbind,
  type QueueDecoder,
} from '../../../agent/netlink/nfqueue-codec.js';
import { countAllocations } from '../packet/count-allocations.js';
import { queuedPacket } from './support/queued.js';

/** Whole bytes for a whole run; one boxed number per packet would be 4 MB. */
const ALLOWED_BYTES = 64 * 1024;
const PACKETS = 300_000;

function decode(decoder: QueueDecoder, bytes: Buffer): boolean {
  const message = new MessageCursor();
  message.reset(bytes, 0, bytes.length);
  return message.next() && isQueuedPacket(message) && decoder.decode(message);
}

t.test('every attribute of a held packet is read', (t) => {
  const decoder = createQueueDecoder();
  t.ok(decode(decoder, queuedPacket(0xfffffffe, 10)));
  const { packet } = decoder;
  t.match(packet, {
    id: 0xfffffffe,
    mark: 0x4d000003,
    hwProtocol: 0x86dd,
    hook: 2,
    family: 10,
    inIfindex: 3,
    outIfindex: 4,
    physInIfindex: 5,
    physOutIfindex: 6,
    payloadLength: 3,
    wholeLength: 1400,
    hwAddrLength: 6,
    hwHeaderLength: 14,
    vlanTci: 0x2005,
    timestampUs: 1_800_000_000_654_321,
  });
  const part = (offset: number, length: number): string =>
    packet.buffer.subarray(offset, offset + length).toString('hex');
  t.equal(part(packet.payloadOffset, 3), '600102');
  t.equal(part(packet.hwAddrOffset, 6), '020000010203');
  t.end();
});

t.test('nothing of a packet is left over in the next, and one without an id is none', (t) => {
  const decoder = createQueueDecoder();
  const fresh = { ...createQueueDecoder().packet, family: 2 };
  t.ok(decode(decoder, queuedPacket(7, 10)));
  const bare = new MessageBuilder();
  bare.begin({ type: 0x0300, flags: 0, sequence: 0, family: 2 });
  bare.end();
  t.notOk(decode(decoder, Buffer.from(bare.bytes)));
  t.same({ ...decoder.packet, buffer: null }, { ...fresh, buffer: null });
  t.end();
});

t.test('the id of a packet that cannot be read whole is still known, so that it can be let go', (t) => {
  const bytes = queuedPacket(9, 2);
  const cut = Buffer.from(bytes);
  // The hardware address claims more bytes than there are.
  cut.writeUInt16BE(200, cut.indexOf(Buffer.from('0006000002000001', 'hex')));
  const decoder = createQueueDecoder();
  t.notOk(decode(decoder, cut));
  t.equal(decoder.packet.id, 9);
  t.end();
});

t.test('what is sent is what linux/netfilter/nfnetlink_queue.h wants', (t) => {
  const cases: readonly [string, (builder: MessageBuilder) => void, string][] = [
    [
      'bind: copy 256 bytes, 256 packets, fail open',
      (builder) => {
        writeBind(builder, { queue: 3085, copyBytes: 256, maxLength: 256 });
      },
      '400000000203050000000000000000000000' +
        '0c0d08000100010000000900020000000100020000000800030000000100' +
        '08000400000000010800050000000001',
    ],
    [
      'unbind',
      (builder) => {
        writeUnbind(builder, 3085);
      },
      '1c00000002030500000000000000000000000c0d0800010002000000',
    ],
    [
      'drop one, then accept up to another and mark it',
      (builder) => {
        const writer = createVerdictWriter(3085);
        writer.drop(builder, 5);
        writer.acceptUpTo(builder, 6, 0x00c04d00);
      },
      '2000000001030100000000000000000000000c0d' +
        '0c0002000000000000000005' +
        '2800000003030100000000000000000000000c0d' +
        '0c00020000000001000000060800030000c04d00',
    ],
  ];
  for (const [what, write, expected] of cases) {
    const builder = new MessageBuilder();
    write(builder);
    t.equal(builder.bytes.toString('hex'), expected, what);
  }
  t.end();
});

t.test('decoding a packet and writing its verdict allocates nothing', (t) => {
  const url = (path: string): string => JSON.stringify(new URL(`../../../${path}`, import.meta.url).href);
  const bytes = countAllocations(
    `
    import { MessageBuilder, MessageCursor } from ${url('agent/netlink/messages.js')};
    import { createQueueDecoder, createVerdictWriter } from ${url('agent/netlink/nfqueue-codec.js')};
    const decoder = createQueueDecoder();
    const datagram = Buffer.from('${queuedPacket(9, 2).toString('hex')}', 'hex');
    const message = new MessageCursor();
    const builder = new MessageBuilder(8192);
    const writer = createVerdictWriter(1);
    function run(count) {
      for (let index = 0; index < count; index += 1) {
        message.reset(datagram, 0, datagram.length);
        message.next();
        if (!decoder.decode(message)) throw new Error('not decoded');
        builder.clear();
        writer.drop(builder, decoder.packet.id);
        writer.acceptUpTo(builder, decoder.packet.id, 0x00c04d00);
      }
    }
    `,
    PACKETS,
  );
  t.ok(bytes < ALLOWED_BYTES, `${bytes} bytes for ${PACKETS} packets`);
  t.end();
});
