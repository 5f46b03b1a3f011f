import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { dhcp4, option, ascii, be16, PUMP_MAC, type Bytes } from '../inventory/support/payloads.js';
import { emptyBox } from './run-cordon.js';

const message = dhcp4([
  ...option(53, [1]),
  ...option(12, ascii('pump-17')),
  ...option(60, ascii('MSFT 5.0')),
]);
const udp: Bytes = [0, 68, 0, 67, ...be16(message.length + 8), 0, 0, ...message];
const frame: Bytes = [
  ...[255, 255, 255, 255, 255, 255, ...PUMP_MAC, 8, 0],
  ...[0x45, 0, ...be16(udp.length + 20), 0, 1, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, ...udp],
];

const be32 = (value: number): Bytes => [...be16(value >>> 16), ...be16(value & 0xffff)];
const le32 = (value: number): Bytes => [...be32(value)].reverse();
const pcap = [
  ...[...be32(0xa1b2c3d4), 0, 2, 0, 4, ...be32(0), ...be32(0), ...be32(65_535), ...be32(1)],
  ...[...be32(1_700_000_000), ...be32(5_000), ...be32(frame.length), ...be32(frame.length), ...frame],
];
const paddedFrame = [...frame, ...new Array<number>((4 - (frame.length % 4)) % 4).fill(0)];
const block = (type: number, body: Bytes): Bytes => [
  ...[...le32(type), ...le32(body.length + 12), ...body, ...le32(body.length + 12)],
];
const pcapng = [
  ...block(0x0a0d0d0a, [...le32(0x1a2b3c4d), 1, 0, 0, 0, ...new Array<number>(8).fill(255)]),
  ...block(1, [1, 0, 0, 0, ...le32(65_535)]),
  ...block(6, [
    ...le32(0),
    ...le32(0),
    ...le32(0),
    ...le32(frame.length),
    ...le32(frame.length),
    ...paddedFrame,
  ]),
];

for (const [format, bytes] of [
  ['pcap', pcap],
  ['pcapng', pcapng],
] as const)
  t.test(`a ${format} capture gives its devices, with source and confidence`, async (t) => {
    const box = emptyBox(t);
    const file = join(box.directory, 'capture');
    writeFileSync(file, Uint8Array.from(bytes));
    const { exitStatus, stdout } = await box.cordon('inventory', '--capture', file, '--json');
    t.equal(exitStatus, 0);
    t.match(JSON.parse(stdout), {
      frames: 1,
      undecodedFrames: 0,
      devices: [
        {
          macs: ['00:03:b1:01:02:03'],
          fields: {
            name: { value: 'pump-17', source: 'dhcp4.host-name', confidence: 75 },
            os: { value: 'Windows', source: 'dhcp4.vendor-class' },
            make: { value: 'ICU Medical', source: 'oui' },
          },
        },
      ],
    });
    const table = await box.cordon('inventory', '--capture', file);
    t.match(table.stdout, /pump-17 .*ICU Medical 40%/);
    t.ok(
      table.stdout.split('\n').every((line) => line.length <= 80),
      'fits 80 columns',
    );
  });

t.test('what is not a capture, is cut or is absent is said in a line', async (t) => {
  const box = emptyBox(t);
  const file = join(box.directory, 'text');
  writeFileSync(file, 'this is not a capture of anything');
  t.match(await box.cordon('inventory', '--capture', file), {
    exitStatus: 1,
    stderr: /neither pcap nor pcapng/,
  });
  t.match(await box.cordon('inventory', '--capture', join(box.directory, 'none')), {
    exitStatus: 1,
    stderr: /there is no such file/,
  });
  const cut = join(box.directory, 'cut');
  writeFileSync(cut, Uint8Array.from(pcap.slice(0, -10)));
  t.match(await box.cordon('inventory', '--capture', cut), {
    exitStatus: 0,
    stdout: /no device in this capture/,
  });
});
