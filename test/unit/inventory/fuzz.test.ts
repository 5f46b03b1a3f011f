import t from 'tap';
import { Inventory } from '../../../agent/inventory/inventory.js';
import {
  DEVICE_FIELDS,
  MAX_OBSERVATIONS_PER_PACKET,
  MAX_VALUE_CHARACTERS,
  SOURCES,
} from '../../../agent/inventory/observation.js';
import { readPacket } from '../../../agent/inventory/read-packet.js';
import { decodeEthernet } from '../../../agent/packet/decode-ethernet.js';
import { createPacketView } from '../../../agent/packet/view.js';
import * as p from './support/payloads.js';

const ROUNDS = 60_000;
/** A frame must be read in this time even if it is the worst one; real ones take microseconds. */
const MAX_FRAME_MS = 250;

/** xorshift32: the same frames on every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const ethernet = (etherType: number, payload: p.Bytes): p.Bytes => [
  ...[0xf0, 0x9f, 0xc2, 1, 2, 3, ...p.PUMP_MAC],
  ...p.be16(etherType),
  ...payload,
];
const ipv4 = (protocol: number, payload: p.Bytes): p.Bytes =>
  ethernet(0x0800, [
    ...[0x45, 0, ...p.be16(20 + payload.length), 0, 1, 0, 0, 64, protocol, 0, 0],
    ...[10, 20, 0, 5, 10, 20, 0, 9, ...payload],
  ]);
const tcp = (from: number, to: number, payload: p.Bytes, flags = 0x18): p.Bytes =>
  ipv4(6, [...p.be16(from), ...p.be16(to), ...p.zeros(8), 0x50, flags, ...p.zeros(6), ...payload]);
const udp = (from: number, to: number, payload: p.Bytes): p.Bytes =>
  ipv4(17, [...p.be16(from), ...p.be16(to), ...p.be16(8 + payload.length), 0, 0, ...payload]);
const name = p.distinguishedName('Clinic', 'monitor-3');

const frames: readonly p.Bytes[] = [
  udp(
    68,
    67,
    p.dhcp4([...p.option(53, [1]), ...p.option(12, p.ascii('pump')), ...p.option(124, p.zeros(9))]),
  ),
  udp(68, 67, p.dhcp4([...p.option(53, [1]), ...p.option(52, [3]), ...p.option(77, [3, 65, 66, 67])])),
  udp(
    546,
    547,
    [1, 0, 0, 0, 0, 1, 0, 4, 0, 3, 0, 1, 0, 39, 0, 6, 0, 3, 97, 98, 99, 0, 0, 16, 0, 4, 0, 0, 1, 55],
  ),
  tcp(49_152, 104, p.associate(['1.2.840.10008.5.1.4.1.1.6.1', '1.2.840.10008.5.1.4.31'])),
  tcp(49_152, 2575, p.mllp(p.MSH, 'PID|1')),
  tcp(49_152, 80, p.ascii('GET / HTTP/1.1\r\nUser-Agent: x/1\r\nServer: y\r\n\r\n')),
  udp(1900, 1900, p.ascii('NOTIFY * HTTP/1.1\r\nServer: Linux/3 UPnP/1.0\r\nNT: urn:a:device:B:1\r\n\r\n')),
  tcp(49_152, 445, p.smb1SessionSetup('nurse', 'Windows 5.1')),
  tcp(49_152, 445, p.smb2Create('a.pdf')),
  tcp(445, 49_152, [
    ...[0, 0, 0, 110, 0xff, ...p.ascii('SMB'), 0x73, ...p.zeros(4), 0x98, ...p.zeros(25)],
    ...[...p.ascii('NTLMSSP\0'), 2, ...p.zeros(14), 2, ...p.zeros(16), 12, 0, 12, 0, 56, 0, 0, 0],
    ...[6, 1, 0xb1, 0x1d, 0, 0, 0, 15, 1, 0, 4, 0, ...p.utf16('PC'), 0, 0, 0, 0],
  ]),
  udp(161, 49_152, p.snmpResponse('VxWorks', 'ward')),
  tcp(443, 49_152, p.tlsServer(name, name)),
  tcp(49_152, 443, p.clientHello('api.vendor.example')),
  udp(5353, 5353, p.mdnsPrinter('a printer')),
  udp(5355, 49_152, p.mdnsPrinter('a printer')),
  udp(137, 137, [
    ...[0, 1, 0x28, 0, ...p.be16(1), 0, 0, 0, 0, ...p.be16(1), 32, ...p.ascii('EH'.repeat(15)), 65, 65, 0],
    ...[...p.be16(0x20), ...p.be16(1), 0xc0, 12, ...p.be16(0x20), ...p.be16(1), ...p.be32(300), ...p.be16(6)],
    ...[0, 0, 10, 20, 0, 5],
  ]),
  udp(138, 138, [0x11, ...p.zeros(81), ...p.ascii('\\MAILSLOT\\BROWSE\0'), 1, ...p.zeros(40)]),
  udp(49_152, 53, p.dnsQuestion('time.windows.com')),
  tcp(49_152, 3389, p.rdpClient('WARD3-PC7')),
  tcp(
    502,
    49_152,
    p.modbusIdentification([
      [0, 'Schneider'],
      [5, 'M340'],
    ]),
  ),
  udp(47_808, 47_808, p.bacnetProperty(70, 'FEC2611')),
  udp(47_808, 47_808, p.bacnetIAm(17)),
  tcp(21, 49_152, p.ascii('220 ready\r\n')),
  tcp(23, 49_152, [255, 250, 24, 1, 255, 240, ...p.ascii('QNX\r\nlogin: ')]),
  tcp(49_152, 104, [2, 4, 5, 180, 1, 3, 3, 7], 2),
  ethernet(0x88cc, p.lldp('Mindray', 'SN', 'asset')),
  ethernet(60, p.cdp('SEP0011', 'Cisco IP Phone')),
  ethernet(0x0806, [0, 1, 8, 0, 6, 4, 0, 1, ...p.PUMP_MAC, 10, 20, 0, 5, ...p.zeros(6), 10, 20, 0, 9]),
  ethernet(0x86dd, [
    ...[
      0x60,
      0,
      0,
      0,
      ...p.be16(32),
      58,
      255,
      ...p.zeros(32).map((_, index) => (index % 16 === 0 ? 0xfe : 1)),
    ],
    ...[136, 0, 0, 0, 0x20, 0, 0, 0, ...p.zeros(15), 1, 2, 1, ...p.PUMP_MAC],
  ]),
];

/** Cut, overwritten, with lengths that lie: the first bytes stay more often than not, so that parsers are reached. */
function mutate(frame: p.Bytes, next: () => number): Uint8Array {
  const bytes = Uint8Array.from(frame);
  for (let changes = next() % 6; changes > 0; changes--) {
    const at =
      next() % 3 === 0 ? next() % bytes.length : Math.min(bytes.length - 1, 34 + (next() % bytes.length));
    bytes[at] = [0, 0xff, 0xc0, 0x7f, 0x80, next()][next() % 6] ?? 0;
  }
  return next() % 4 === 0 ? bytes.subarray(0, next() % (bytes.length + 1)) : bytes;
}

function breachOf(bytes: Uint8Array): string | null {
  const view = createPacketView();
  const startMs = performance.now();
  decodeEthernet(view, bytes, 0, bytes.length);
  for (const { observations } of readPacket(view, bytes)) {
    // A SYN's own observation comes on top of what its payload gives.
    if (observations.length > MAX_OBSERVATIONS_PER_PACKET + 4) return `${observations.length} observations`;
    for (const { field, value, source, confidence } of observations) {
      if (field !== 'hint' && !DEVICE_FIELDS.includes(field)) return `field ${field}`;
      if (!SOURCES.includes(source)) return `source ${source}`;
      if (value === '' || value.length > MAX_VALUE_CHARACTERS)
        return `${source} has ${value.length} characters`;
      if (/[\x00-\x1f\x7f-\x9f]/.test(value)) return `${source} has a control character`;
      if (confidence < 0 || confidence >= 100) return `${source} is ${confidence} sure`;
    }
  }
  const tookMs = performance.now() - startMs;
  return tookMs > MAX_FRAME_MS ? `${tookMs} ms` : null;
}

t.test(
  'every whole frame of the table tells something, so that the fuzzing reaches every parser',
  async (t) => {
    const silent = frames.flatMap((frame, index) => {
      const view = createPacketView();
      const bytes = Uint8Array.from(frame);
      decodeEthernet(view, bytes, 0, bytes.length);
      return readPacket(view, bytes).some(({ observations }) =>
        observations.some(({ source }) => source !== 'traffic'),
      )
        ? []
        : [index];
    });
    // The creation of a file says nothing of a device.
    t.strictSame(silent, [8]);
  },
);

t.test('broken frames never throw, hang, or give a value that is out of bounds', async (t) => {
  const next = random(0xc0ffee);
  let breach: string | null = null;
  for (let round = 0; round < ROUNDS && breach === null; round++) {
    const bytes = mutate(frames[round % frames.length] ?? [], next);
    try {
      breach = breachOf(bytes);
    } catch (error) {
      breach = String(error instanceof Error ? error.stack : error);
    }
    if (breach !== null) breach = `round ${round}: ${breach} in ${Buffer.from(bytes).toString('hex')}`;
  }
  t.equal(breach, null);
});

t.test('the book takes whatever comes and stays within its limits', async (t) => {
  const next = random(0xdecade);
  const limits = { maxDevices: 20, maxMadeUpDevices: 10, maxAddressesPerDevice: 4, maxCandidatesPerField: 3 };
  const inventory = new Inventory({ limits });
  const view = createPacketView();
  for (let round = 0; round < 20_000; round++) {
    const bytes = mutate(frames[next() % frames.length] ?? [], next);
    // The sender's MAC and address.
    for (const at of [6, 7, 11, 28, 29]) if (next() % 2 === 0 && at < bytes.length) bytes[at] = next();
    decodeEthernet(view, bytes, 0, bytes.length);
    inventory.observePacket(view, bytes, round);
  }
  const devices = inventory.book.devices();
  t.ok(devices.length <= 31, `${devices.length} devices`);
  t.ok(devices.every(({ addresses, macs }) => addresses.length <= 4 && macs.length <= 8));
  t.ok(inventory.book.counters.evictedDevices > 0);
});
