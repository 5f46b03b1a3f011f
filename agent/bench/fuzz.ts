/**
 * `make fuzz PACKETS=…`: mutated packets through decoders, flow table and detectors. Fails when something throws, or when memory
 * grows after the first half. Argument: how many packets. Seeds are captures of CORDON_DATA, or ../shared/data.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaptureReader } from '../capture/capture-reader.js';
import { detectSettings } from '../detect/settings.js';
import { createMutator } from '../replay/mutated-packets.js';
import { ReplayDevices } from '../replay/replay-devices.js';
import { Replay } from '../replay/replay.js';

const DEFAULT_PACKETS = 10_000_000;
/** Seeds from each file, so that one long capture does not stand for all. */
const SEEDS_PER_FILE = 200;
/** What the resident set may grow by in the second half: the heap of V8 breathes. */
const MAX_GROWTH_BYTES = 48 << 20;

const directory = join(process.env['CORDON_DATA'] ?? '../shared/data', 'pcap');
const packets = Number(process.argv[2] ?? DEFAULT_PACKETS);
const seeds: Uint8Array[] = [];
for (const name of (await readdir(directory, { recursive: true })).sort()) {
  if (!/\.pcap(ng)?$/.test(name)) continue;
  let left = SEEDS_PER_FILE;
  const reader = new CaptureReader(({ bytes, offset, length }) => {
    if (left-- > 0) seeds.push(bytes.slice(offset, offset + length));
  });
  reader.push(await readFile(join(directory, name)));
}
let findings = 0;
const replay = new Replay({
  settings: detectSettings.parse({}),
  devices: new ReplayDevices([]),
  onFinding: () => {
    findings++;
  },
});
const next = createMutator(seeds, 1);
const began = performance.now();
let halfBytes = 0;
for (let count = 0; count < packets; count++) {
  replay.packet(next());
  if (count === Math.floor(packets / 2)) halfBytes = process.memoryUsage.rss();
}
const grewBytes = process.memoryUsage.rss() - halfBytes;
replay.end();
const { undecodable, flows, events } = replay;
const packetsPerSecond = Math.round(packets / ((performance.now() - began) / 1000));
const result = {
  packets,
  seeds: seeds.length,
  undecodable,
  flows,
  events,
  findings,
  packetsPerSecond,
  grewBytes,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
if (grewBytes > MAX_GROWTH_BYTES) process.exitCode = 1;
