import t from 'tap';
import { formatAddress, formatMac } from '../../../agent/packet/format.js';

const cases: readonly [number, readonly [number, number, number, number], string][] = [
  [4, [0x0a140005, 0, 0, 0], '10.20.0.5'],
  [4, [0xffffffff, 0, 0, 0], '255.255.255.255'],
  [4, [0, 0, 0, 0], '0.0.0.0'],
  [4, [0xc0a80164, 0, 0, 0], '192.168.1.100'],
  [6, [0x20010db8, 0, 0, 1], '2001:db8::1'],
  [6, [0xfe800000, 0, 0x024200ff, 0xfe000001], 'fe80::242:ff:fe00:1'],
  [6, [0, 0, 0, 0], '::'],
];

t.test('addresses read as RFC 5952 writes them', (t) => {
  for (const [family, [w0, w1, w2, w3], text] of cases) t.equal(formatAddress(family, w0, w1, w2, w3), text);
  t.end();
});

t.test('MACs keep their leading zeros', (t) => {
  t.equal(formatMac(0x0242ac, 0x110002), '02:42:ac:11:00:02');
  t.equal(formatMac(0xffffff, 0x0a0b0c), 'ff:ff:ff:0a:0b:0c');
  t.equal(formatMac(0, 1), '00:00:00:00:00:01');
  t.end();
});
