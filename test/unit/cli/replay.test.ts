import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import * as b from '../packet/build.js';
import { emptyBox } from './run-cordon.js';

const START_SECONDS = 1_700_000_000;

/** A capture of SYNs, one every 50 ms: classic pcap, microseconds, Ethernet. */
function capture(
  syns: readonly { readonly src?: string; readonly dst?: string; readonly port: number }[],
  from = 0,
): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = syns.map(({ src = '192.0.2.10', dst = '192.0.2.20', port }, index) => {
    const segment = [...b.tcp(2)];
    segment.splice(2, 2, ...b.u16(port));
    const frame = Buffer.from(b.ethernet(0x0800, b.ipv4(segment, { protocol: 6, src, dst })));
    const record = Buffer.alloc(16);
    record.writeUInt32LE(START_SECONDS + from + Math.floor(index / 20), 0);
    record.writeUInt32LE((index % 20) * 50_000, 4);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...records]);
}

const lines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const scan = Array.from({ length: 40 }, (_, index) => ({ port: 1 + index }));

t.test('a line for each finding, then the summary; the same every time, over several captures', async (t) => {
  const box = emptyBox(t);
  const [one, two] = [join(box.directory, 'one.pcap'), join(box.directory, 'two.pcap')];
  writeFileSync(one, capture(scan.slice(0, 10)));
  writeFileSync(two, capture(scan.slice(10), 1));
  const words = ['replay', one, two, '--device', '192.0.2.10=pump-1', '--json'];
  const { stdout, exitStatus } = await box.cordon(...words);
  t.equal(exitStatus, 0);
  const [finding, summary] = lines(stdout);
  t.match(finding, {
    at: '2023-11-14T22:13:21.200Z',
    detector: 'portScan',
    device: 'pump-1',
    peer: '192.0.2.20',
    severity: 'high',
    evidence: { kind: 'SYN', from: 'device' },
    after: { packets: 15 },
  });
  t.match(summary, {
    packets: 40,
    flows: 40,
    permitted: 40,
    refused: 0,
    undecodable: 0,
    findings: { portScan: 1 },
    files: [{ file: one, problem: 'none' }, { file: two }],
  });
  t.equal(typeof summary?.['nsPerPacket'], 'number');
  const again = await box.cordon(...words);
  t.equal(again.stdout.replace(/"nsPerPacket":\d+/, ''), stdout.replace(/"nsPerPacket":\d+/, ''));
});

t.test('an alarm that comes again after it was over is a line of its own', async (t) => {
  const box = emptyBox(t);
  const [one, two] = [join(box.directory, 'one.pcap'), join(box.directory, 'two.pcap')];
  writeFileSync(one, capture(scan));
  writeFileSync(two, capture(scan, 90_000));
  const { stdout } = await box.cordon('replay', one, two, '--device', '192.0.2.10=pump-1', '--json');
  const scans = lines(stdout).filter(({ detector }) => detector === 'portScan');
  t.match(scans, [{ at: /^2023-11-14/, state: 'closed' }, { at: /^2023-11-15/ }]);
  t.match(lines(stdout).at(-1), { findings: { portScan: 2 } });
  const text = await box.cordon('replay', one, two, '--device', '192.0.2.10=pump-1');
  t.equal(text.stdout.match(/portScan/g)?.length, 2);
});

t.test('what gzip compressed is read as it is; a link layer that is not read is told', async (t) => {
  const box = emptyBox(t);
  const [file, cut, odd] = [
    join(box.directory, 'one.pcap.gz'),
    join(box.directory, 'cut'),
    join(box.directory, 'odd'),
  ];
  // Not compressible into one piece of 256 KiB.
  const packed = gzipSync(capture(Array.from({ length: 6_000 }, (_, port) => ({ port }))), { level: 0 });
  writeFileSync(file, packed);
  writeFileSync(cut, packed.subarray(0, 300_000));
  const other = capture([{ port: 104 }]);
  other.writeUInt32LE(6, 20);
  writeFileSync(odd, other);
  const { stdout } = await box.cordon('replay', file, '--json');
  t.match(lines(stdout).at(-1), { packets: 6_000, flows: 6_000, files: [{ file, problem: 'none' }] });
  const early = await box.cordon('replay', cut);
  t.match(early, { exitStatus: 1, stderr: /cannot read .*cut: its gzip data ends early/ });
  const unread = await box.cordon('replay', odd);
  t.match(unread.stderr, /1 packets were not looked at: their link layer/);
});

t.test('the device side is what --side says; a baseline makes usual what is in it', async (t) => {
  const box = emptyBox(t);
  const [before, after] = [join(box.directory, 'before.pcap'), join(box.directory, 'after.pcap')];
  writeFileSync(before, capture([{ port: 104 }, { port: 443 }, { src: '198.51.100.9', port: 22 }]));
  writeFileSync(after, capture([{ port: 104 }, { port: 3389 }, { dst: '203.0.113.5', port: 443 }], 60));
  const told = async (...words: string[]): Promise<unknown[]> => {
    const { stdout } = await box.cordon('replay', ...words, '--side', '192.0.2.0/28', '--json');
    return lines(stdout)
      .filter(({ detector }) => detector !== undefined)
      .map(({ detector, device, peer }) => [detector, device, peer]);
  };
  t.same(
    await told(before, after),
    [['lateralContact', '192.0.2.10', '192.0.2.20']],
    'while it is learnt, for information',
  );
  t.same(await told(after, '--baseline', before), [
    ['unfamiliarService', '192.0.2.10', '192.0.2.20'],
    ['lateralContact', '192.0.2.10', '192.0.2.20'],
    ['unfamiliarPeer', '192.0.2.10', '203.0.113.5'],
    ['unfamiliarNetwork', '192.0.2.10', '203.0.113.5'],
  ]);
});

t.test('what is refused by a policy is counted; wrong words are told as such', async (t) => {
  const box = emptyBox(t);
  const file = join(box.directory, 'scan.pcap');
  const policy = join(box.directory, 'policy.yaml');
  writeFileSync(file, capture(scan));
  writeFileSync(
    policy,
    'version: 1\nsite: { name: x }\ndevices:\n  pump-1: { identity: { macs: ["02:00:00:00:00:01"], addresses: [192.0.2.10] }, mode: enforce, allow: [{ direction: out, peer: { address: 192.0.2.20 }, protocol: tcp, ports: ["1-9"], why: x }] }\n',
  );
  const { stdout } = await box.cordon('replay', file, '--policy', policy, '--json');
  t.match(lines(stdout).at(-1), { permitted: 9, refused: 31 });
  const log = join(box.directory, 'conn.log');
  const record = (uid: number, port: number): string =>
    [1_700_000_000 + uid, `C${uid}`, '192.0.2.10', 40_000, '192.0.2.20', port, 'tcp', '-', 0.5].join('\t') +
    '\t100\t200\tSF';
  writeFileSync(
    log,
    '#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\n' +
      [5, 7, 80, 22, 9].map((port, uid) => record(uid, port)).join('\n') +
      '\n',
  );
  const logged = await box.cordon('replay', log, '--policy', policy, '--json');
  t.match(
    lines(logged.stdout),
    [
      { detector: 'lateralContact', evidence: { wasRefused: true, services: ['SSH (tcp/22)'] } },
      { flowRecords: 5, permitted: 3, refused: 2 },
    ],
    'a flow log is judged as packets are',
  );
  for (const [words, message] of [
    [['--device', 'nobody'], /neither a MAC nor an IP address/],
    [['--device', '192.0.2.1=a b'], /a name has letters/],
    [['--side', '192.0.2.1/24'], /host bits set/],
  ] as const) {
    const { exitStatus, stderr } = await box.cordon('replay', file, ...words);
    t.equal(exitStatus, 2);
    t.match(stderr, message);
  }
  const missing = await box.cordon('replay', join(box.directory, 'none.pcap'));
  t.equal(missing.exitStatus, 1);
  t.match(missing.stderr, /cannot read .*: there is no such file/);
});
