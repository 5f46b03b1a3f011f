import t from 'tap';
import { MessageBuilder, MessageCursor } from '../../../agent/netlink/messages.js';
import { createNflogDecoder, type NflogDecoder } from '../../../agent/netlink/nflog.js';
import { countAllocations } from '../packet/count-allocations.js';

/** Whole bytes for a whole run; one boxed number per packet would be 4 MB. */
const ALLOWED_BYTES = 64 * 1024;
const PACKETS = 300_000;

function decode(decoder: NflogDecoder, fill: (builder: MessageBuilder) => void, family = 2): boolean {
  const builder = new MessageBuilder();
  builder.begin({ type: 0x0400, flags: 0, sequence: 0, family, resourceId: 2 });
  fill(builder);
  builder.end();
  const message = new MessageCursor();
  message.reset(builder.buffer, 0, builder.length);
  return message.next() && decoder.decode(message);
}

const u64 = (high: number, low: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(high, 0);
  bytes.writeUInt32BE(low, 4);
  return bytes;
};

t.test('every attribute of a packet is read', (t) => {
  const decoder = createNflogDecoder(['policy', 'new']);
  const ok = decode(
    decoder,
    (builder) => {
      builder.raw(1, Uint8Array.of(0x86, 0xdd, 2, 0));
      builder.text(10, 'new');
      builder.u32be(2, 0xfffffffe);
      builder.raw(3, Buffer.concat([u64(0, 1_800_000_000), u64(0, 654_321)]));
      builder.u32be(4, 3);
      builder.u32be(5, 4);
      builder.u32be(6, 5);
      builder.u32be(7, 6);
      builder.raw(8, Uint8Array.of(0, 6, 0, 0, 2, 0, 0, 1, 2, 3, 0, 0));
      builder.raw(16, Buffer.alloc(14, 0xee));
      const vlan = builder.beginNest(20);
      builder.u16be(1, 0x8100);
      builder.u16be(2, 0x2005);
      builder.endNest(vlan);
      builder.raw(9, Uint8Array.of(0x60, 1, 2));
      builder.u32be(12, 0xffffffff);
    },
    10,
  );
  t.ok(ok);
  const { packet } = decoder;
  t.match(packet, {
    prefixIndex: 1,
    mark: 0xfffffffe,
    hwProtocol: 0x86dd,
    hook: 2,
    family: 10,
    inIfindex: 3,
    outIfindex: 4,
    physInIfindex: 5,
    physOutIfindex: 6,
    payloadLength: 3,
    hwAddrLength: 6,
    hwHeaderLength: 14,
    vlanTci: 0x2005,
    timestampUs: 1_800_000_000_654_321,
    seq: 0xffffffff,
  });
  const part = (offset: number, length: number): string =>
    packet.buffer.subarray(offset, offset + length).toString('hex');
  t.equal(part(packet.payloadOffset, 3), '600102');
  t.equal(part(packet.hwAddrOffset, 6), '020000010203');
  t.equal(part(packet.hwHeaderOffset, 14), 'ee'.repeat(14));
  t.end();
});

t.test('nothing of a packet is left over in the next', (t) => {
  const decoder = createNflogDecoder(['policy']);
  const fresh = { ...createNflogDecoder([]).packet, family: 2 };
  decode(decoder, (builder) => {
    builder.text(10, 'policy');
    builder.u32be(2, 7);
    builder.raw(8, Uint8Array.of(0, 6, 0, 0, 2, 0, 0, 1, 2, 3, 0, 0));
    builder.raw(9, Buffer.alloc(40, 1));
    builder.raw(21, Buffer.alloc(14, 2));
    builder.u32be(12, 9);
  });
  t.ok(decode(decoder, () => undefined));
  t.same({ ...decoder.packet, buffer: null }, { ...fresh, buffer: null });
  t.end();
});

t.test('a prefix is known only as a whole', (t) => {
  const prefixes = ['policy', 'new', 'poli', 'policy2'];
  const decoder = createNflogDecoder(prefixes);
  const cases: [string, number][] = [
    ['policy', 0],
    ['new', 1],
    ['poli', 2],
    ['policy2', 3],
    ['polic', -1],
    ['policy ', -1],
    ['Policy', -1],
    ['', -1],
  ];
  for (const [prefix, expected] of cases) {
    decode(decoder, (builder) => {
      builder.text(10, prefix);
    });
    t.equal(decoder.packet.prefixIndex, expected, JSON.stringify(prefix));
  }
  decode(decoder, (builder) => {
    builder.raw(10, Buffer.from('new'));
  });
  t.equal(decoder.packet.prefixIndex, 1, 'also without its NUL');
  t.end();
});

t.test('a malformed packet is refused, and the next one is not held against it', (t) => {
  const decoder = createNflogDecoder([]);
  const broken: Record<string, (builder: MessageBuilder) => void> = {
    'a short mark': (builder) => {
      builder.u16be(2, 1);
    },
    'a hardware address longer than its attribute': (builder) => {
      builder.raw(8, Uint8Array.of(0, 8, 0, 0, 1, 2));
    },
    'a hardware address above 8 bytes': (builder) => {
      builder.raw(8, Buffer.concat([Uint8Array.of(0, 9, 0, 0), Buffer.alloc(16)]));
    },
    'half a timestamp': (builder) => {
      builder.raw(3, Buffer.alloc(8));
    },
    'a broken VLAN nest': (builder) => {
      builder.raw(20, Uint8Array.of(200, 0, 2, 0));
    },
  };
  for (const [name, fill] of Object.entries(broken)) {
    t.notOk(decode(decoder, fill), name);
    t.ok(
      decode(decoder, (builder) => {
        builder.u32be(2, 1);
      }),
    );
  }
  t.end();
});

t.test('decoding allocates nothing', (t) => {
  const room = new URL('../../../agent/netlink/', import.meta.url).href;
  const recorded = new URL('./support/recorded.js', import.meta.url).href;
  const setup = `
    import { MessageCursor } from '${room}messages.js';
    import { createNflogDecoder } from '${room}nflog.js';
    import { nflogDatagrams } from '${recorded}';
    const message = new MessageCursor();
    const decoder = createNflogDecoder(['new', 'shadow', 'policy']);
    const datagram = nflogDatagrams[0];
    function run(count) {
      let decoded = 0;
      while (decoded < count) {
        message.reset(datagram, 0, datagram.length);
        while (message.next()) if (decoder.decode(message)) decoded++;
      }
    }
  `;
  const bytes = countAllocations(setup, PACKETS);
  t.ok(bytes < ALLOWED_BYTES, `${bytes} bytes for ${PACKETS} packets`);
  t.end();
});
