/**
 * What 100,000 live flows of 1,000 devices take: the flow table and every detector, in this process, by live memory before and
 * after. Each flow is opened, answered, and has said its first words in TLS, so that every detector had its turn.
 */
import { detectSettings } from '../detect/settings.js';
import { ReplayDevices } from '../replay/replay-devices.js';
import { Replay } from '../replay/replay.js';
import { mib, type Bench } from './bench.js';
import { liveMemory } from './live-memory.js';

const FLOWS = 100_000;
const DEVICES = 1_000;
const FLOW_MS = 0.05;
const SYN = 0x02;
const SYN_ACK = 0x12;
const PSH_ACK = 0x18;
/** Ethernet, IPv4 and TCP. */
const HEADERS = 54;
/** The start of a TLS client hello, RFC 8446 section 4.1.2. */
const HELLO = [0x16, 3, 1, 0, 0x2c, 1, 0, 0, 0x28, 3, 3];

export const liveFlows: Bench = {
  name: 'live-flows',
  what: 'memory of the flow table and all detectors with 100,000 live flows of 1,000 devices',
  limitMinutes: 5,
  run({ report }) {
    const before = liveMemory();
    let findings = 0;
    const replay = new Replay({
      settings: detectSettings.parse({}),
      devices: new ReplayDevices([]),
      onFinding: () => {
        findings++;
      },
    });
    const empty = liveMemory();
    open(replay);
    const after = liveMemory();
    const { flows, events, undecodable } = replay;
    if (flows !== FLOWS || undecodable > 0)
      throw new Error(`${flows} flows, ${undecodable} packets not decoded`);
    report({
      flows,
      devices: DEVICES,
      events,
      findings,
      beforeRssMiB: mib(before.rssBytes),
      grewRssMiB: mib(after.rssBytes - before.rssBytes),
      grewLiveMiB: mib(after.liveBytes - before.liveBytes),
      emptyTablesLiveMiB: mib(empty.liveBytes - before.liveBytes),
    });
    return Promise.resolve();
  },
};

/** All within five seconds: no timer ends any of them (the shortest is 120 s). */
function open(replay: Replay): void {
  const bytes = new Uint8Array(HEADERS + 49);
  const packet = { bytes, offset: 0, length: HEADERS, linkType: 1, timeMs: 1_700_000_000_000 };
  for (let flow = 0; flow < FLOWS; flow++) {
    packet.timeMs += FLOW_MS;
    const device = flow % DEVICES;
    const turn = Math.floor(flow / DEVICES);
    const client = [10, 0, device >> 8, device & 255];
    const server = [203, 0, 113, turn % 20];
    const port = 20_000 + turn;
    const send = (flags: number, isReply: boolean, payload: readonly number[]): void => {
      const total = 40 + payload.length;
      const deviceMac = [2, 0, 0, 0, device >> 8, device & 255];
      const otherMac = [2, 0, 0, 1, 0, 0];
      const ports = [443 >> 8, 443 & 255];
      const own = [port >> 8, port & 255];
      bytes.fill(0);
      bytes.set(isReply ? [...deviceMac, ...otherMac] : [...otherMac, ...deviceMac]);
      bytes.set([0x08, 0x00, 0x45, 0, total >> 8, total & 255, 0, 1, 0, 0, 64, 6], 12);
      bytes.set(isReply ? [...server, ...client] : [...client, ...server], 26);
      bytes.set(isReply ? [...ports, ...own] : [...own, ...ports], 34);
      bytes.set([0x50, flags, 0xff, 0xff], 46);
      bytes.set(payload, HEADERS);
      packet.length = 14 + total;
      replay.packet(packet);
    };
    send(SYN, false, []);
    send(SYN_ACK, true, []);
    send(PSH_ACK, false, HELLO);
  }
}
