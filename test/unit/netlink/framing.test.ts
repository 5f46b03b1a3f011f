import t from 'tap';
import { AttributeCursor } from '../../../agent/netlink/attributes.js';
import { MessageBuilder, MessageCursor, readAnswer } from '../../../agent/netlink/messages.js';

const HEADER = { type: 0x0a0c, flags: 5, sequence: 77, family: 10, resourceId: 0x0102 };

function attributesOf(hex: string): AttributeCursor {
  const bytes = Buffer.from(hex, 'hex');
  const cursor = new AttributeCursor();
  cursor.reset(bytes, 0, bytes.length);
  return cursor;
}

function messagesOf(hex: string): MessageCursor {
  const bytes = Buffer.from(hex, 'hex');
  const cursor = new MessageCursor();
  cursor.reset(bytes, 0, bytes.length);
  return cursor;
}

t.test('a built message has the bytes that linux/netlink.h asks for', (t) => {
  const builder = new MessageBuilder(1);
  builder.begin(HEADER);
  builder.u8(1, 0xab);
  builder.u16be(2, 0x1234);
  builder.u32be(3, 0xdeadbeef);
  builder.u64be(4, 5000);
  builder.text(5, 'lab');
  const nest = builder.beginNest(6);
  builder.raw(7, Uint8Array.of(1, 2, 3, 4, 5));
  builder.endNest(nest);
  builder.end();
  t.equal(
    builder.bytes.toString('hex'),
    [
      '500000000c0a05004d00000000000000', // nlmsghdr: length, type, flags, sequence, port
      '0a000102', // nfgenmsg: family, version, resource id in network order
      '05000100ab000000',
      '0600020012340000',
      '08000300deadbeef',
      '0c0004000000000000001388',
      '080005006c616200',
      '10000680' + '0900070001020304' + '05000000',
    ].join(''),
  );
  t.end();
});

t.test('what was built reads back, across a buffer that had to grow', (t) => {
  const builder = new MessageBuilder(8);
  for (let index = 0; index < 100; index++) {
    builder.begin({ ...HEADER, sequence: index });
    builder.text(1, `name ${index}`);
    builder.end();
  }
  const messages = new MessageCursor();
  const attributes = new AttributeCursor();
  messages.reset(builder.buffer, 0, builder.length);
  let read = 0;
  while (messages.next()) {
    attributes.reset(messages.buffer, messages.attributesStart, messages.end);
    t.ok(attributes.next());
    t.equal(attributes.text(), `name ${read}`);
    t.match(messages, { sequence: read, family: 10, subsystem: 10, operation: 12 });
    read++;
  }
  t.equal(read, 100);
  t.notOk(messages.malformed);
  t.end();
});

t.test('an attribute that outgrows its length field is refused, not wrapped', (t) => {
  const builder = new MessageBuilder();
  builder.begin(HEADER);
  t.throws(() => {
    builder.raw(1, new Uint8Array(65_532));
  }, RangeError);
  t.doesNotThrow(() => {
    builder.raw(1, new Uint8Array(65_531));
  });
  t.end();
});

t.test('attributes that do not fit end the walk as malformed', (t) => {
  const cases = [
    { name: 'no room for a header', hex: '010203', attributes: 0, malformed: true },
    { name: 'a length below its own header', hex: '03000100', attributes: 0, malformed: true },
    { name: 'a length of zero, which must not loop', hex: '00000100', attributes: 0, malformed: true },
    { name: 'a length beyond the end', hex: '09000100aabbccdd', attributes: 0, malformed: true },
    { name: 'the second one cut short', hex: '08000100aabbccdd0800', attributes: 1, malformed: true },
    { name: 'padding missing after the last', hex: '05000100aa', attributes: 1, malformed: false },
    { name: 'zero padding after the last', hex: '05000100aa000000', attributes: 1, malformed: false },
    { name: 'empty', hex: '', attributes: 0, malformed: false },
    { name: 'an empty attribute', hex: '04000100', attributes: 1, malformed: false },
  ];
  for (const { name, hex, attributes, malformed } of cases) {
    const cursor = attributesOf(hex);
    let count = 0;
    while (cursor.next()) count++;
    t.same({ count, malformed: cursor.malformed }, { count: attributes, malformed }, name);
  }
  t.end();
});

t.test('a number that is longer than its attribute reads as 0 and is malformed', (t) => {
  const readers = ['u16be', 'u32be', 'u32le', 'u64be'] as const;
  for (const reader of readers) {
    const cursor = attributesOf('05000100ff000000');
    cursor.next();
    t.equal(cursor[reader](), 0, reader);
    t.ok(cursor.malformed);
    t.equal(cursor.u8(), 0xff);
  }
  t.end();
});

t.test('flags in the type are not part of it, and a range outside the buffer is empty', (t) => {
  const cursor = attributesOf('080006c001020304');
  t.ok(cursor.next());
  t.match(cursor, { type: 6, offset: 4, length: 4 });
  t.equal(cursor.u32be(), 0x01020304);
  t.equal(cursor.u32le(), 0x04030201);
  for (const [start, end] of [
    [9, 12],
    [-4, 8],
    [6, 2],
  ] as const) {
    cursor.reset(Buffer.alloc(8), start, end);
    t.notOk(cursor.next());
    t.ok(cursor.malformed);
  }
  t.end();
});

t.test('messages that do not fit end the walk as malformed', (t) => {
  const whole = '10000000' + '03000000' + '01000000' + '00000000';
  const cases = [
    { name: 'two whole ones', hex: whole + whole, messages: 2, malformed: false },
    { name: 'a header cut short', hex: whole + whole.slice(0, 20), messages: 1, malformed: true },
    { name: 'a length of zero', hex: '00000000' + whole.slice(8), messages: 0, malformed: true },
    { name: 'a length beyond the end', hex: 'ffffffff' + whole.slice(8), messages: 0, malformed: true },
  ];
  for (const { name, hex, messages, malformed } of cases) {
    const cursor = messagesOf(hex);
    let count = 0;
    while (cursor.next()) count++;
    t.same({ count, malformed: cursor.malformed }, { count: messages, malformed }, name);
  }
  t.end();
});

t.test('answers of the kernel: acknowledged, refused, with words, with our message echoed', (t) => {
  const ourHeader = '1c0000000c0a05004d00000000000000';
  const words = '0c0001006e6f207365740000' + '0800020028000000'; // NLMSGERR_ATTR_MSG "no set", NLMSGERR_ATTR_OFFS 40
  const cases = [
    {
      name: 'acknowledged',
      hex: `24000000020000014d00000000000000` + '00000000' + ourHeader,
      expected: { errno: 0, kernelMessage: undefined, attributeOffset: undefined },
    },
    {
      name: 'refused, capped, with words',
      hex: `38000000020000034d00000000000000` + 'feffffff' + ourHeader + words,
      expected: { errno: 2, kernelMessage: 'no set', attributeOffset: 40 },
    },
    {
      name: 'refused, our payload echoed before the words',
      hex: `44000000020000024d00000000000000` + 'eaffffff' + ourHeader + '0102030405060708090a0b0c' + words,
      expected: { errno: 22, kernelMessage: 'no set', attributeOffset: 40 },
    },
    {
      name: 'too short to say anything',
      hex: '10000000020000004d00000000000000',
      expected: { errno: 74, kernelMessage: 'malformed answer', attributeOffset: undefined },
    },
  ];
  for (const { name, hex, expected } of cases) {
    const cursor = messagesOf(hex);
    t.ok(cursor.next());
    t.same(readAnswer(cursor), expected, name);
  }
  t.end();
});
