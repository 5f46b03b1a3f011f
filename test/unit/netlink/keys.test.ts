import t from 'tap';
import {
  addressKey,
  concatKey,
  intervalMarkKey,
  markKey,
  portKey,
  protocolKey,
  splitKey,
} from '../../../agent/netlink/keys.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const MAC = Uint8Array.of(2, 0, 0, 0xaa, 0xbb, 0xcc);

t.test('keys have the bytes the kernel compares', (t) => {
  const cases: { name: string; key: Uint8Array; expected: string }[] = [
    { name: 'a mark, host order', key: markKey(0x01020304), expected: '04030201' },
    { name: 'a mark above 2^31', key: markKey(0xfffffffe), expected: 'feffffff' },
    {
      name: 'a mark in an interval set, network order',
      key: intervalMarkKey(0x01020304),
      expected: '01020304',
    },
    { name: 'a port alone', key: portKey(443), expected: '01bb' },
    { name: 'a MAC alone is not padded', key: concatKey([addressKey(MAC)]), expected: '020000aabbcc' },
    {
      name: 'mark . ipv4 . proto . port',
      key: concatKey([markKey(2), addressKey(Uint8Array.of(10, 0, 0, 1)), protocolKey(6), portKey(443)]),
      expected: '02000000' + '0a000001' + '06000000' + '01bb0000',
    },
    {
      name: 'MAC . ipv4: six bytes padded to eight',
      key: concatKey([addressKey(MAC), addressKey(Uint8Array.of(10, 0, 0, 1))]),
      expected: '020000aabbcc0000' + '0a000001',
    },
  ];
  for (const { name, key, expected } of cases) t.equal(hex(key), expected, name);
  t.end();
});

t.test('a key comes apart again, and only with lengths that fill it', (t) => {
  const parts = [markKey(9), addressKey(MAC), protocolKey(17), portKey(53)];
  const key = concatKey(parts);
  t.same(splitKey(key, [4, 6, 1, 2]), parts);
  t.equal(splitKey(key, [4, 6, 1]), null);
  t.same(splitKey(portKey(53), [2]), [portKey(53)]);
  t.equal(splitKey(portKey(53), [4]), null);
  t.end();
});

t.test('values out of range are refused', (t) => {
  for (const make of [
    () => portKey(65_536),
    () => portKey(-1),
    () => portKey(1.5),
    () => protocolKey(256),
    () => addressKey(new Uint8Array(5)),
  ])
    t.throws(make, RangeError);
  t.end();
});
