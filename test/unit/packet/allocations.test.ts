import t from 'tap';
import * as b from './build.js';
import { countAllocations } from './count-allocations.js';

/** Whole bytes for a whole run: what the measuring itself costs is a few hundred. A number boxed per packet would be 12 MB. */
const ALLOWED_BYTES = 64 * 1024;
const PACKETS = 1_000_000;

const room = new URL('../../../agent/packet/', import.meta.url).href;

const packets = [
  b.ethernet(0x0800, b.ipv4(b.tcp(2), { protocol: 6, src: '200.1.2.3', dst: '255.255.255.254' })),
  b.ethernet(0x86dd, b.ipv6([...b.extension(60), ...b.extension(6), ...b.tcp(2)], 0)),
  b.ethernet(0x0800, b.ipv4(b.udp([1]), { protocol: 17 })),
  b.ethernet(0x0806, b.arp(1)),
  b.ethernet(0x0800, b.ipv4(b.tcp(2), { protocol: 6 }).slice(0, 30)),
];

t.test('a million decodes allocate nothing', (t) => {
  const setup = `
    import { decodeArp } from '${room}decode-arp.js';
    import { decodeEthernet } from '${room}decode-ethernet.js';
    import { decodeIp } from '${room}decode-ip.js';
    import { createPacketView } from '${room}view.js';
    const view = createPacketView();
    const packets = ${JSON.stringify(packets)}.map((bytes) => Uint8Array.from(bytes));
    function run(count) {
      for (let i = 0; i < count; i++) {
        const bytes = packets[i % packets.length];
        decodeEthernet(view, bytes, 0, bytes.length);
        decodeIp(view, bytes, 14, bytes.length - 14);
        decodeArp(view, bytes, 14, bytes.length - 14);
      }
    }
  `;
  const bytes = countAllocations(setup, PACKETS);
  t.ok(bytes < ALLOWED_BYTES, `${bytes} bytes for ${3 * PACKETS} decodes`);
  t.end();
});

t.test('the count sees one small object per packet', (t) => {
  const setup = `let kept; function run(count) { for (let i = 0; i < count; i++) kept = { i }; globalThis.kept = kept; }`;
  t.ok(countAllocations(setup, PACKETS) > PACKETS * 8);
  t.end();
});
