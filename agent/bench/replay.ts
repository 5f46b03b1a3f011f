/**
 * Replay with all detectors on, in packets per second of processor time: against ndpiReader and tshark on the same captures, in turn; against
 * ndpiReader with more and more connections at once; then what one packet costs with a thousand to a million flows alive; then memory.
 */
import { join } from 'node:path';
import { CaptureReader } from '../capture/capture-reader.js';
import { LINK_ETHERNET } from '../capture/decode-link.js';
import { detectSettings } from '../detect/settings.js';
import { TCP_ACK, TCP_SYN } from '../packet/view.js';
import { ReplayDevices } from '../replay/replay-devices.js';
import { Replay } from '../replay/replay.js';
import { againstOthers, fileAgainstOthers } from './against-others.js';
import { median, mib, rounded, type Bench, type BenchContext } from './bench.js';
import { writeManyFlows } from './many-flows.js';
import { pcapHeader } from './pcap-header.js';

const ROUNDS = 3;

/** Packets: 0.4 to 1.6 GB. With tshark a quarter of it, which takes as long. */
const LARGE_CAPTURE = 6_000_000;
const TSHARK_SHARE = 1 / 4;
/** At once, in one capture: more make ndpiReader take minutes, and leave our own flow table too small. */
const FLOWS_OF_A_CAPTURE = [10, 100, 1_000, 10_000, 100_000];
const FLOWS = [1_000, 10_000, 100_000, 1_000_000];
const WARM_UP = 50_000;
const FLOW_CAPACITY = 1 << 20;
const DEVICES = 1_000;
const PACKETS = 1_000_000;
const ADDRESSES_AT = 26;
const RECORD_HEADER_BYTES = 16;
const FRAME_BYTES = 54;
const RECORD_BYTES = RECORD_HEADER_BYTES + FRAME_BYTES;
/** As many as are read from a file at once. */
const CHUNK_RECORDS = 3_700;
const FILE_HEADER = pcapHeader(LINK_ETHERNET);
/** 10.0.0.0 and 203.0.113.0. */
const DEVICE_NETWORK = 0x0a00_0000;
const SERVER_NETWORK = 0xcb00_7100;
const SERVICE = 443;

export const replay: Bench = {
  name: 'replay',
  what: 'captures through all detectors against ndpiReader and tshark; a packet with 1k to 1M flows; memory',
  limitMinutes: 20,
  async run(context) {
    const ours = (file: string): readonly string[] => ['replay', file, '--json'];
    await againstOthers(context, LARGE_CAPTURE, ours, ['ndpiReader']);
    await againstOthers(context, LARGE_CAPTURE * TSHARK_SHARE, ours, ['tshark']);
    await manyFlows(context, ours);
    growth(context);
  },
};

async function manyFlows(context: BenchContext, ours: (file: string) => readonly string[]): Promise<void> {
  const file = join(context.dir, 'flows.pcap');
  for (const flows of FLOWS_OF_A_CAPTURE) {
    await writeManyFlows(file, flows, LARGE_CAPTURE);
    const what = { capture: 'written for it', flowsAtOnce: flows, packets: LARGE_CAPTURE };
    await fileAgainstOthers(context, what, ours(file), file, ['ndpiReader']);
  }
}

/** What one packet costs: the first of a connection, which every detector sees, and any later one of an established one. */
function growth({ report }: BenchContext): void {
  // A compiler's first seconds are no part of it.
  costsWith(WARM_UP);
  const [least = Number.NaN, ...more] = FLOWS.map((flows) => {
    const { firstNs, laterNs } = costsWith(flows);
    report({
      flows,
      devices: DEVICES,
      nsPerFirstPacket: firstNs,
      nsPerLaterPacket: laterNs,
      rssMiB: mib(process.memoryUsage.rss()),
    });
    return laterNs;
  });
  report({
    what: 'a later packet with 1M flows against 1k',
    ratio: rounded((more.at(-1) ?? Number.NaN) / least),
  });
}

/** With so many flows alive; the last of them, up to a tenth, are those whose first packets are measured. */
function costsWith(flows: number): { readonly firstNs: number; readonly laterNs: number } {
  const replayed = new Replay({
    settings: detectSettings.parse({}),
    devices: new ReplayDevices([]),
    onFinding: () => undefined,
    flowCapacity: FLOW_CAPACITY,
  });
  const reader = new CaptureReader((packet) => {
    replayed.packet(packet);
  }, replayed.coming);
  reader.push(FILE_HEADER);
  let timeUs = 1e6;
  /** As a capture has them: so many packets in a row. */
  const send = (records: number, fill: (index: number, write: WriteRecord) => void): void => {
    const chunk = Buffer.alloc(Math.min(records, CHUNK_RECORDS) * RECORD_BYTES);
    for (let sent = 0; sent < records; sent += CHUNK_RECORDS) {
      const here = Math.min(CHUNK_RECORDS, records - sent);
      for (let index = 0; index < here; index++)
        fill(sent + index, (flow, flags, isAnswer) => {
          writeRecord(chunk, index * RECORD_BYTES, timeUs, flow, flags, isAnswer);
        });
      reader.push(chunk.subarray(0, here * RECORD_BYTES));
    }
  };
  const open = (from: number, to: number): void => {
    send(to - from, (index, write) => {
      timeUs += 20;
      write(from + index, TCP_SYN, false);
    });
  };
  const measured = flows / 10;
  open(0, flows - measured);
  const firstNs = costOf(measured, 1, () => {
    open(flows - measured, flows);
  });
  send(flows, (flow, write) => {
    write(flow, TCP_SYN | TCP_ACK, true);
  });
  send(flows, (flow, write) => {
    write(flow, TCP_ACK, false);
  });
  const later = Buffer.alloc(PACKETS * RECORD_BYTES);
  let state = 1;
  for (let index = 0; index < PACKETS; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    writeRecord(later, index * RECORD_BYTES, timeUs, state % flows, TCP_ACK, false);
  }
  const laterNs = costOf(PACKETS, ROUNDS, () => {
    for (let at = 0; at < later.length; at += CHUNK_RECORDS * RECORD_BYTES)
      reader.push(later.subarray(at, at + CHUNK_RECORDS * RECORD_BYTES));
  });
  if (replayed.flows !== flows) throw new Error(`${replayed.flows} flows were opened instead of ${flows}`);
  return { firstNs, laterNs };
}

type WriteRecord = (flow: number, flags: number, isAnswer: boolean) => void;

/** A record of a pcap: Ethernet, IPv4 and TCP between a device and a server outside. */
function writeRecord(
  chunk: Buffer,
  at: number,
  timeUs: number,
  flow: number,
  flags: number,
  isAnswer: boolean,
): void {
  const device = DEVICE_NETWORK + (flow % DEVICES);
  const server = SERVER_NETWORK + (Math.floor(flow / DEVICES) % 250);
  const port = 1_024 + (Math.floor(flow / DEVICES / 250) % 60_000);
  chunk.writeUInt32LE(Math.floor(timeUs / 1e6), at);
  chunk.writeUInt32LE(Math.floor(timeUs % 1e6), at + 4);
  chunk.writeUInt32LE(FRAME_BYTES, at + 8);
  chunk.writeUInt32LE(FRAME_BYTES, at + 12);
  chunk.set([0x08, 0x00, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0], at + RECORD_HEADER_BYTES + 12);
  const ends = at + RECORD_HEADER_BYTES + ADDRESSES_AT;
  chunk.writeUInt32BE(isAnswer ? server : device, ends);
  chunk.writeUInt32BE(isAnswer ? device : server, ends + 4);
  chunk.writeUInt16BE(isAnswer ? SERVICE : port, ends + 8);
  chunk.writeUInt16BE(isAnswer ? port : SERVICE, ends + 10);
  chunk.set([0x50, flags, 0xff, 0xff], ends + 20);
}

/** Nanoseconds of processor time a packet. */
function costOf(packets: number, rounds: number, send: () => void): number {
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = process.cpuUsage();
    send();
    const { user, system } = process.cpuUsage(began);
    costs.push(((user + system) * 1_000) / packets);
  }
  return Math.round(median(costs));
}
