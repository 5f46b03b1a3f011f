import t, { type Test } from 'tap';
import { PackedMakers } from '../../../agent/inventory/packed-makers.js';

const makers = PackedMakers.of([
  ['00000C', 'Cisco'],
  ['00000C0', 'Somebody'],
  ['70B3D5001', 'Dräger'],
  ['0009FB', 'Philips'],
  ['0009FB', 'Philips Medical'],
]);

function isSame(t: Test, table: PackedMakers | null): void {
  t.equal(table?.size, 4);
  t.equal(table?.get('00000C'), 'Cisco');
  t.equal(table?.get('00000C0'), 'Somebody', 'a longer prefix is another one');
  t.equal(table?.get('70B3D5001'), 'Dräger');
  t.equal(table?.get('0009FB'), 'Philips Medical', 'the last name counts');
  t.equal(table?.get('0009FC'), undefined);
}

t.test('names are found by their prefix, packed and after a way through a file', (t) => {
  isSame(t, makers);
  isSame(t, PackedMakers.fromBytes(makers.toBytes()));
  t.end();
});

t.test('what is no such file is none', (t) => {
  const bytes = makers.toBytes();
  t.equal(PackedMakers.fromBytes(new Uint8Array(0)), null, 'empty');
  t.equal(PackedMakers.fromBytes(bytes.slice(0, bytes.length - 1)), null, 'cut off');
  t.equal(PackedMakers.fromBytes(Uint8Array.from([...bytes, 0])), null, 'longer than it says');
  t.equal(PackedMakers.fromBytes(bytes.slice().reverse()), null, 'another beginning');
  const unaligned = new Uint8Array(bytes.length + 1);
  unaligned.set(bytes, 1);
  t.equal(PackedMakers.fromBytes(unaligned.subarray(1)), null, 'where no number can be read');
  t.end();
});
