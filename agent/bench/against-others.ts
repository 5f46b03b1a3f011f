/**
 * A command of ours that reads captures against ndpiReader and tshark on the same files, in turn, in packets per second of processor time. Captures of
 * CORDON_DATA, or ../shared/data, repeated until they are long enough that no start-up counts. Used by replay.ts and inventory.ts.
 */
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CaptureReader } from '../capture/capture-reader.js';
import { run } from '../lab/namespace.js';
import { compare, interleaved, type BenchContext } from './bench.js';
import { pcapHeader } from './pcap-header.js';

const CAPTURES = [
  'pcap/attack-brute/mk-ftp-crack.pcap',
  'pcap/attack-c2/slips-test-cc-capture-1.pcap',
  'pcap/iot/tj-blink-cam-01.pcap',
  'pcap/iot/tj-sifely-hub-01.pcap',
];
const ROUNDS = 3;
const MAIN = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const OTHERS = ['ndpiReader', 'tshark'] as const;
type Other = (typeof OTHERS)[number];
type Kind = 'ours' | Other;

/** `ours`: the words of the command, after `cordon`. `leastPackets`: so many that its start does not count. One line for each capture and each of `others`. */
export async function againstOthers(
  context: BenchContext,
  leastPackets: number,
  ours: (file: string) => readonly string[],
  others: readonly Other[] = OTHERS,
): Promise<void> {
  const data = process.env['CORDON_DATA'] ?? '../shared/data';
  for (const path of CAPTURES) {
    const source = join(data, path);
    if (!existsSync(source)) {
      context.report({ capture: path, notice: `not measured: no ${source}` });
      continue;
    }
    const file = join(context.dir, 'long.pcap');
    const packets = await repeat(source, file, leastPackets);
    await fileAgainstOthers(context, { capture: path, packets }, ours(file), file, others);
  }
}

/** `ours`: as above, for this file. `what`: how many packets it has, and what else each line is to say. */
export async function fileAgainstOthers(
  { report }: BenchContext,
  what: Readonly<Record<string, unknown>> & { readonly packets: number },
  ours: readonly string[],
  file: string,
  others: readonly Other[],
): Promise<void> {
  const commands: Record<Kind, readonly string[]> = {
    ours: [process.execPath, MAIN, ...ours],
    ndpiReader: ['ndpiReader', '-q', '-i', file],
    tshark: ['tshark', '-n', '-q', '-z', 'io,phs', '-r', file],
  };
  const kinds: readonly Kind[] = ['ours', ...others];
  const seconds = await interleaved(kinds, ROUNDS, (kind) => processorSeconds(commands[kind]));
  const rates = (kind: Kind): number[] => seconds[kind].map((each) => Math.round(what.packets / each));
  for (const other of others)
    report({ ...what, unit: 'packets/s of CPU', against: other, ...compare(rates('ours'), rates(other)) });
}

/** The same packets again and again, each time later: classic pcap. Returns how many. */
async function repeat(source: string, target: string, leastPackets: number): Promise<number> {
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
  const times = Math.ceil(leastPackets / Math.max(1, packets.length));
  const file = await open(target, 'w');
  try {
    await file.write(pcapHeader(linkType));
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
