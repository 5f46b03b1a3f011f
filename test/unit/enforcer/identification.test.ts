import t from 'tap';
import { Identification } from '../../../agent/enforcer/identification.js';
import { readImport } from '../../../agent/inventory/import-devices.js';
import { deviceEvidence } from '../../../agent/messages/vocabulary.js';
import { emptyKernelPacket, type KernelPacket } from '../../../agent/netlink/kernel-packet.js';
import { readKev, readSupportTable } from '../../../agent/risk/reference-data.js';

const MAC = [0x00, 0x03, 0xb1, 0x00, 0x00, 0x01];
const ascii = (text: string): number[] => [...Buffer.from(text, 'latin1')];

/** IPv4 and TCP as the kernel hands them over: no Ethernet header, the sender's MAC apart. */
function packetOf(
  payload: readonly number[],
  ports = [40_000, 80],
  mac: readonly number[] = MAC,
): KernelPacket {
  const [from = 0, to = 0] = ports;
  const length = 40 + payload.length;
  const head = [0x45, 0, length >> 8, length & 255, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 9, 10, 0, 0, 5];
  const tcp = [
    from >> 8,
    from & 255,
    to >> 8,
    to & 255,
    ...Array<number>(8).fill(0),
    0x50,
    0x18,
    1,
    0,
    0,
    0,
    0,
    0,
  ];
  return kernelPacketOf([...mac, ...head, ...tcp, ...payload], 0x0800);
}

/** Six bytes of the sender's MAC, then what the kernel hands over. */
function kernelPacketOf(content: readonly number[], hwProtocol: number): KernelPacket {
  const bytes = Buffer.from(content);
  return {
    ...emptyKernelPacket(),
    hwProtocol,
    buffer: bytes,
    payloadOffset: 6,
    payloadLength: bytes.length - 6,
    hwAddrOffset: 0,
    hwAddrLength: 6,
    inIfindex: 2,
  };
}

const make = (): Identification =>
  new Identification({ nameOf: (id) => (id === 7 ? 'pump-1' : null), portName: () => 'dev0' });
const request = ascii('GET /patients/DOE^JOHN HTTP/1.1\r\nUser-Agent: Pump/1\r\n\r\n');

t.test('what a device sends is told, with its name and port and nothing of the request', (t) => {
  const identification = make();
  identification.note(packetOf(request), 0, true, false, 7, 1_000);
  t.strictSame(identification.take(), [], 'nothing is read on the way of a verdict');
  identification.work(16);
  const told = identification.take();
  t.match(told, [{ mac: '00:03:b1:00:00:01', address: '10.0.0.9', name: 'pump-1', port: 'dev0' }]);
  t.match(told[0]?.observations, [{ source: 'http.user-agent' }, { field: 'speaks', value: 'HTTP' }]);
  t.notMatch(JSON.stringify(told), /DOE/);
  t.end();
});

t.test('a device that answers offers a service', (t) => {
  const identification = make();
  identification.note(
    packetOf(ascii('HTTP/1.1 200 OK\r\nServer: Pump/2\r\n\r\n'), [80, 40_000]),
    5,
    true,
    true,
    7,
    1_000,
  );
  identification.work(1);
  t.match(identification.take()[0]?.observations, [
    { source: 'http.server' },
    { field: 'service', value: 'tcp/80' },
    { field: 'speaks', value: 'HTTP' },
  ]);
  t.end();
});

t.test('the same is read once in ten minutes; what the network says of itself is not told', (t) => {
  const identification = make();
  for (const nowMs of [1_000, 2_000, 500_000])
    identification.note(packetOf(request), 0, true, false, 7, nowMs);
  identification.note(packetOf(request), 0, false, false, 7, 3_000);
  identification.work(16);
  t.equal(identification.take().length, 1);
  identification.note(packetOf(request), 0, true, false, 7, 700_000);
  identification.work(16);
  t.equal(identification.take().length, 1);
  t.end();
});

t.test('a flood is bounded and counted', (t) => {
  const identification = make();
  for (let index = 0; index < 2_000; index++)
    identification.note(
      packetOf(request, [40_000, 80], [0, 3, 0xb1, 0, index >> 8, index & 255]),
      0,
      true,
      false,
      7,
      1_000,
    );
  identification.work(1_000);
  t.ok(identification.take().length <= 256);
  t.ok((identification.dropped()['identificationSkipped'] ?? 0) >= 1_700);
  t.end();
});

/** xorshift32: the same bytes on every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

t.test('broken packets and broken lists never throw, and what is told fits the message list', (t) => {
  const next = random(0xbeef);
  const identification = make();
  let bad: unknown = null;
  for (let round = 0; round < 20_000; round++) {
    const packet = packetOf(request, [next() & 0xffff, [80, 104, 2575, 445][next() % 4] ?? 0]);
    for (let changes = next() % 8; changes > 0; changes--)
      packet.buffer[next() % packet.buffer.length] = next();
    packet.payloadLength = next() % (packet.payloadLength + 1);
    packet.hwProtocol = next() % 8 === 0 ? 0x0806 : 0x0800;
    identification.note(
      packet,
      next() % 8,
      next() % 2 === 0,
      next() % 2 === 0,
      next() % 9,
      round * 1_000_000,
    );
    identification.work(1);
    for (const item of identification.take()) if (!deviceEvidence.safeParse(item).success) bad = item;
  }
  t.equal(bad, null);
  const alphabet = 'mac,owner\n"\';:{}[]-&*!0 1\r\tcvulnerabilities'.split('');
  for (let round = 0; round < 3_000; round++) {
    const text = Array.from({ length: next() % 60 }, () => alphabet[next() % alphabet.length]).join('');
    readImport(text);
    readKev(text);
    readSupportTable(text, 'x');
  }
  t.end();
});

t.test('a frame of the link is read for what it says, and again when it says something else', (t) => {
  const identification = make();
  const say = (name: string, etherType = 0x88cc): void => {
    const head = etherType === 0x88cc ? [] : [0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2, 180, 0, 0];
    const element =
      etherType === 0x88cc ? [0x0a, name.length, ...ascii(name)] : [0, 1, 0, 4 + name.length, ...ascii(name)];
    const padding = Array<number>(40).fill(0);
    const packet = kernelPacketOf([...MAC, ...head, ...element, ...padding], etherType);
    identification.note(packet, 8, true, false, 7, 1_000);
    identification.work(1);
  };
  say('WARD-3');
  say('WARD-3');
  say('WARD-4');
  say('switch', 4);
  t.match(identification.take(), [
    {
      mac: '00:03:b1:00:00:01',
      address: null,
      port: 'dev0',
      observations: [{ value: 'WARD-3', source: 'lldp.name' }],
    },
    { observations: [{ value: 'WARD-4' }] },
    { observations: [{ value: 'switch', source: 'cdp.device-id' }] },
  ]);
  t.end();
});
