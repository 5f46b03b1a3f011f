/**
 * Replay with all detectors on, in packets per second of processor time: against ndpiReader and tshark on the same captures, in turn; then what
 * one packet costs with a thousand to a million flows alive; then memory. Captures of CORDON_DATA, or ../shared/data, repeated
 * until they are long enough that no start-up counts.
 */
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CaptureReader } from '../capture/capture-reader.js';
import { detectSettings } from '../detect/settings.js';
import { run } from '../lab/namespace.js';
import { ReplayDevices } from '../replay/replay-devices.js';
import { Replay } from '../replay/replay.js';
import { compare, interleaved, median, mib, rounded, type Bench, type BenchContext } from './bench.js';

const CAPTURES = [
  'pcap/attack-brute/mk-ftp-crack.pcap',
  'pcap/attack-c2/slips-test-cc-capture-1.pcap',
  'pcap/iot/tj-blink-cam-01.pcap',
  'pcap/iot/tj-sifely-hub-01.pcap',
];
const LEAST_PACKETS = 250_000;
const ROUNDS = 3;
const MAIN = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const TOOLS = {
  ours: (file: string) => [process.execPath, MAIN, 'replay', file, '--json'],
  ndpiReader: (file: string) => ['ndpiReader', '-q', '-i', file],
  tshark: (file: string) => ['tshark', '-n', '-q', '-z', 'io,phs', '-r', file],
} as const;
const KINDS = ['ours', 'ndpiReader', 'tshark'] as const;

const FLOWS = [1_000, 10_000, 100_000, 1_000_000];
const FLOW_CAPACITY = 1 << 20;
const DEVICES = 1_000;
const PACKETS = 1_000_000;
const ADDRESSES_AT = 26;
const PORTS_AT = 34;

export const replay: Bench = {
  name: 'replay',
  what: 'captures through all detectors against ndpiReader and tshark; a packet with 1k to 1M flows; memory',
  limitMinutes: 20,
  async run(context) {
    await againstOthers(context);
    growth(context);
  },
};

async function againstOthers({ dir, report }: BenchContext): Promise<void> {
  const data = process.env['CORDON_DATA'] ?? '../shared/data';
  for (const path of CAPTURES) {
    const source = join(data, path);
    if (!existsSync(source)) {
      report({ capture: path, notice: `not measured: no ${source}` });
      continue;
    }
    const file = join(dir, 'long.pcap');
    const packets = await repeat(source, file);
    const seconds = await interleaved(KINDS, ROUNDS, (kind) => processorSeconds(TOOLS[kind](file)));
    const rates = (kind: (typeof KINDS)[number]): number[] =>
      seconds[kind].map((each) => Math.round(packets / each));
    for (const other of ['ndpiReader', 'tshark'] as const)
      report({
        capture: path,
        packets,
        unit: 'packets/s of CPU',
        against: other,
        ...compare(rates('ours'), rates(other)),
      });
  }
}

/** The same packets again and again, each time later: classic pcap. Returns how many. */
async function repeat(source: string, target: string): Promise<number> {
  const packets: { readonly timeMs: number; readonly bytes: Buffer }[] = [];
  let linkType = 1;
  const reader = new CaptureReader(({ bytes, offset, length, timeMs, linkType: link }) => {
    packets.push({ timeMs, bytes: Buffer.from(bytes.subarray(offset, offset + length)) });
    linkType = link;
  });
  reader.push(await readFile(source));
  reader.end();
  const firstMs = packets[0]?.timeMs ?? 0;
  const spanMs = (packets.at(-1)?.timeMs ?? firstMs) - firstMs + 1_000;
  const times = Math.ceil(LEAST_PACKETS / Math.max(1, packets.length));
  const file = await open(target, 'w');
  try {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(262_144, 16);
    header.writeUInt32LE(linkType, 20);
    await file.write(header);
    for (let time = 0; time < times; time++)
      await file.write(
        Buffer.concat(
          packets.flatMap(({ timeMs, bytes }) => {
            const record = Buffer.alloc(16);
            // From the epoch on: many repeats of a week would leave what 32 bits of seconds hold.
            const atMs = timeMs - firstMs + time * spanMs;
            record.writeUInt32LE(Math.floor(atMs / 1000), 0);
            record.writeUInt32LE(Math.floor((atMs % 1000) * 1000), 4);
            record.writeUInt32LE(bytes.length, 8);
            record.writeUInt32LE(bytes.length, 12);
            return [record, bytes];
          }),
        ),
      );
  } finally {
    await file.close();
  }
  return packets.length * times;
}

/** User and system time of a command and its threads: what others do on the machine counts little. */
async function processorSeconds(command: readonly string[]): Promise<number> {
  const script = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1';
  const { code, stderr } = await run(['bash', '-c', script, 'bash', ...command], { timeoutMs: 300_000 });
  const [user = Number.NaN, system = Number.NaN] = (stderr.trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number);
  if (code !== 0) throw new Error(`${command[0] ?? ''} ended with ${code ?? 'a signal'}`);
  return user + system;
}

/** What one packet costs: the first of a connection, which every detector sees, and any later one. */
function growth({ report }: BenchContext): void {
  const results = FLOWS.map((flows) => {
    const replayed = new Replay({
      settings: detectSettings.parse({}),
      devices: new ReplayDevices([]),
      onFinding: () => undefined,
      flowCapacity: FLOW_CAPACITY,
    });
    const bytes = new Uint8Array(60);
    // Ethernet, IPv4 and TCP, from a device to a server outside.
    bytes.set([0x08, 0x00, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0], 12);
    bytes.set([0x50, 0x02, 0xff, 0xff], 46);
    const packet = { bytes, offset: 0, length: 54, linkType: 1, timeMs: 1_700_000_000_000 };
    const send = (flow: number, flags: number): void => {
      const device = flow % DEVICES;
      const server = Math.floor(flow / DEVICES) % 250;
      const port = 1_024 + (Math.floor(flow / DEVICES / 250) % 60_000);
      bytes.set([10, 0, device >> 8, device & 255, 203, 0, 113, server], ADDRESSES_AT);
      bytes.set([port >> 8, port & 255, 443 >> 8, 443 & 255], PORTS_AT);
      bytes[47] = flags;
      replayed.packet(packet);
    };
    for (let flow = 0; flow < flows; flow++) {
      packet.timeMs += 0.02;
      send(flow, 2);
    }
    const firstNs = costOf(flows, 1, (index) => {
      packet.timeMs += 0.02;
      send(flows + index, 2);
    });
    let state = 1;
    const laterNs = costOf(PACKETS, ROUNDS, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      send(state % flows, 16);
    });
    report({
      flows,
      devices: DEVICES,
      nsPerFirstPacket: firstNs,
      nsPerLaterPacket: laterNs,
      rssMiB: mib(process.memoryUsage.rss()),
    });
    return laterNs;
  });
  const [least = Number.NaN] = results;
  report({
    what: 'a later packet with 1M flows against 1k',
    ratio: rounded((results.at(-1) ?? Number.NaN) / least),
  });
}

function costOf(packets: number, rounds: number, send: (index: number) => void): number {
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = process.cpuUsage();
    for (let index = 0; index < packets; index++) send(index);
    const { user, system } = process.cpuUsage(began);
    costs.push(((user + system) * 1_000) / packets);
  }
  return Math.round(median(costs));
}
