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
import { liveMemory } from './live-memory.js';

const DEFAULT_PACKETS = 10_000_000;
/** Seeds from each file, so that one long capture does not stand for all. */
const SEEDS_PER_FILE = 200;
/** What live memory may grow by in the second half: tables of findings still fill. */
const MAX_GROWTH_BYTES = 16 << 20;

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
const memory = { start: liveMemory(), middle: liveMemory(), end: liveMemory() };
const began = performance.now();
let executions = 0;
let exceptions = 0;
let firstException: string | undefined;
for (; executions < packets; executions++) {
  if (executions === Math.floor(packets / 2)) memory.middle = liveMemory();
  const packet = next();
  try {
    replay.packet(packet);
  } catch (error) {
    exceptions++;
    firstException ??= `packet ${executions}: ${error instanceof Error ? error.stack : String(error)}`;
  }
}
memory.end = liveMemory();
const packetsPerSecond = Math.round(packets / ((performance.now() - began) / 1000));
replay.end();
const { undecodable, flows, events } = replay;
const grewBytes = memory.end.liveBytes - memory.middle.liveBytes;
const result = {
  executions,
  exceptions,
  firstException,
  seeds: seeds.length,
  undecodable,
  flows,
  events,
  findings,
  packetsPerSecond,
  memory,
  grewBytes,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
if (exceptions > 0 || grewBytes > MAX_GROWTH_BYTES) process.exitCode = 1;
