/**
 * Replay with all detectors on, in packets per second of processor time: against ndpiReader and tshark on the same captures, in turn; then what
 * one packet costs with a thousand to a million flows alive; then memory.
 */
import { detectSettings } from '../detect/settings.js';
import { TCP_ACK, TCP_SYN } from '../packet/view.js';
import { ReplayDevices } from '../replay/replay-devices.js';
import { Replay } from '../replay/replay.js';
import { againstOthers } from './against-others.js';
import { median, mib, rounded, type Bench, type BenchContext } from './bench.js';

const ROUNDS = 3;

/** Packets: 0.4 to 1.6 GB. With tshark a quarter of it, which takes as long. */
const LARGE_CAPTURE = 6_000_000;
const TSHARK_SHARE = 1 / 4;
const FLOWS = [1_000, 10_000, 100_000, 1_000_000];
const WARM_UP = 50_000;
const FLOW_CAPACITY = 1 << 20;
const DEVICES = 1_000;
const PACKETS = 1_000_000;
const ADDRESSES_AT = 26;
const PORTS_AT = 34;
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
    growth(context);
  },
};

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
  const bytes = new Uint8Array(60);
  const view = new DataView(bytes.buffer);
  // Ethernet, IPv4 and TCP, from a device to a server outside.
  bytes.set([0x08, 0x00, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0], 12);
  bytes.set([0x50, 0x02, 0xff, 0xff], 46);
  const packet = { bytes, offset: 0, length: 54, linkType: 1, timeMs: 1_700_000_000_000 };
  const send = (flow: number, flags: number, isAnswer = false): void => {
    const device = DEVICE_NETWORK + (flow % DEVICES);
    const server = SERVER_NETWORK + (Math.floor(flow / DEVICES) % 250);
    const port = 1_024 + (Math.floor(flow / DEVICES / 250) % 60_000);
    view.setUint32(ADDRESSES_AT, isAnswer ? server : device);
    view.setUint32(ADDRESSES_AT + 4, isAnswer ? device : server);
    view.setUint16(PORTS_AT, isAnswer ? SERVICE : port);
    view.setUint16(PORTS_AT + 2, isAnswer ? port : SERVICE);
    bytes[47] = flags;
    replayed.packet(packet);
  };
  const open = (flow: number): void => {
    packet.timeMs += 0.02;
    send(flow, TCP_SYN);
  };
  const measured = flows / 10;
  for (let flow = 0; flow < flows - measured; flow++) open(flow);
  const firstNs = costOf(measured, 1, (index) => {
    open(flows - measured + index);
  });
  for (let flow = 0; flow < flows; flow++) {
    send(flow, TCP_SYN | TCP_ACK, true);
    send(flow, TCP_ACK);
  }
  let state = 1;
  const laterNs = costOf(PACKETS, ROUNDS, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    send(state % flows, TCP_ACK);
  });
  if (replayed.flows !== flows) throw new Error(`${replayed.flows} flows were opened instead of ${flows}`);
  return { firstNs, laterNs };
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
