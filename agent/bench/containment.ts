/**
 * From the order to the last packet that was forwarded, both ways, while so many connections live: by the command, by the socket that
 * the command speaks to, by the button, by a detector, and by what an administrator without Cordon would type (`nft` and
 * `conntrack -D`), in turn. All five act on the same live stream. Needs root, gcc and conntrack.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect, type IpcClient } from '../ipc/client.js';
import { createLabBox, type LabBox } from '../lab/lab-box.js';
import { must, type Running } from '../lab/namespace.js';
import { createNetworkLab, HOSPITAL, PUMP, SWEPT, type NetworkLab } from '../lab/network-lab.js';
import { requests } from '../messages/enforcer-messages.js';
import { pathsFromEnvironment } from '../paths.js';
import { DEVICE_MASK } from '../ruleset/marks.js';
import { percentile, rounded, type Bench, type BenchContext } from './bench.js';
import {
  compileStream,
  flowing,
  PacketStream,
  startShell,
  stopped,
  type Answering,
} from './packet-stream.js';

const SIZES = [10, 1_000, 50_000] as const;
const TRIALS = 200;
const PORT = 5000;
const PROBED = [5001, 5002, 5003] as const;
/** What is measured is as fine as this. */
const INTERVAL_US = 500;
/** Nothing arrived for so long: it has stopped. */
const STILL_MS = 30;
const STOPS_WITHIN_MS = 30_000;
const CONTAINS_AFTER_MS = 200;
const LET_GO_AFTER_MS = 80;
/** Between the probes that are not enough for a finding and the one that is. */
const BEFORE_LAST_PROBE_MS = 30;
const SCOPE = { device: 'pump-1' } as const;
const OTHER = { name: 'bed-2', mac: '02:00:5e:00:53:02', address: '10.77.0.50' } as const;
const FIRST_SOURCE_PORT = 10_000;
const MAIN = fileURLToPath(new URL('../cli/main.js', import.meta.url));

const WAYS = ['command', 'socket', 'button', 'detector', 'administrator'] as const;
type Way = (typeof WAYS)[number];
const WHAT: Readonly<Record<Way, string>> = {
  command: 'from the start of `cordon contain` (node included)',
  socket: 'from the order written to the enforcer’s socket',
  button: 'from the moment the button has been held for long enough',
  detector: 'from the packet that completes a scan',
  administrator: 'from the start of `nft add element … && conntrack -D`',
};

interface Trial {
  /** From the order to the last packet. */
  readonly stoppedMs: number;
  /** Until whoever ordered had the answer; NaN where nobody waits for one. */
  readonly answeredMs: number;
  /** The longest time around it in which an end of the stream sent nothing. */
  readonly gapMs: number;
}

/** Gives the order: when it was, and when it was answered. */
type Order = (trial: number) => Promise<{ readonly orderedNs: bigint; readonly answeredNs: bigint | null }>;

export const containment: Bench = {
  name: 'containment',
  what: 'from an order of containment to the last packet, by every source, against nft and conntrack',
  limitMinutes: 90,
  async run(context) {
    const lab = await createNetworkLab('bridge');
    try {
      await measureAll(context, lab);
    } finally {
      await lab.close();
    }
  },
};

class RestartedEnforcer {
  readonly #box: LabBox;
  #running: Running;
  client: IpcClient<typeof requests>;

  private constructor(box: LabBox, running: Running, client: IpcClient<typeof requests>) {
    this.#box = box;
    this.#running = running;
    this.client = client;
  }

  static async start(box: LabBox): Promise<RestartedEnforcer> {
    return new RestartedEnforcer(box, await box.startEnforcer(), await askEnforcer(box));
  }

  async restart(): Promise<void> {
    this.client.close();
    await this.#running.stop();
    this.#running = await this.#box.startEnforcer();
    this.client = await askEnforcer(this.#box);
  }
}

function askEnforcer({ environment }: LabBox): Promise<IpcClient<typeof requests>> {
  const socketPath = pathsFromEnvironment(environment).enforcerSocket;
  return connect({ socketPath, peerName: 'enforcer', requests });
}

async function measureAll({ dir, report }: BenchContext, lab: NetworkLab): Promise<void> {
  const button = join(dir, 'button');
  await must(['mkfifo', button]);
  const seconds = CONTAINS_AFTER_MS / 1000;
  const box = await createLabBox(lab.box, dir, 'bridge', 'bench', null, [
    `button: { device: ${button}, scope: { device: pump-1 }, containsAfterSeconds: ${seconds} }`,
  ]);
  const tools = join(dir, 'tools');
  await mkdir(tools);
  const program = await compileStream(tools);
  const enforcer = await RestartedEnforcer.start(box);
  const policyFile = join(dir, 'policy.yaml');
  await writeFile(policyFile, policyText(lab.pumpMac));
  const applied = await box.cordon('policy', 'apply', policyFile, '--no-confirm');
  if (applied.code !== 0) throw new Error(applied.stderr);
  await lab.box.must(['nft', '-f', '-'], { input: ADMINISTRATORS_TABLE });

  const ends = [
    await PacketStream.start(lab.pump, program, HOSPITAL[0], PORT, INTERVAL_US),
    await PacketStream.start(lab.hospital, program, PUMP.bridge[0], PORT, INTERVAL_US),
  ] as const;
  const shell = startShell(lab.box, box.environment);
  const orders = ordersBy(enforcer, shell, ends[0], openSync(button, 'r+'));
  await flowing(ends);
  for (const connections of SIZES) {
    await fillTable(lab, join(dir, 'connections'), connections);
    const trials: Record<Way, Trial[]> = {
      command: [],
      socket: [],
      button: [],
      detector: [],
      administrator: [],
    };
    for (let trial = 0; trial < TRIALS; trial += 1) {
      // A scan of the same host is the same finding for minutes, and an order for it is given once.
      if (trial % SWEPT.length === 0) await enforcer.restart();
      for (const way of WAYS) {
        trials[way].push(await measure(way, ends, orders[way], trial));
        await undo(way, enforcer, shell);
        await flowing(ends);
      }
    }
    const inTable = Number(
      (await lab.box.must(['cat', '/proc/sys/net/netfilter/nf_conntrack_count'])).trim(),
    );
    for (const way of WAYS)
      report({ from: way, what: WHAT[way], connections, inTable, ...summary(trials[way]) });
  }
  enforcer.client.close();
}

async function measure(way: Way, ends: readonly PacketStream[], order: Order, trial: number): Promise<Trial> {
  for (const end of ends) await end.last();
  const { orderedNs, answeredNs } = await order(trial);
  const { lastNs, gapMs } = await stopped(ends, way, STILL_MS, STOPS_WITHIN_MS);
  return {
    // Before the order: not one packet was forwarded after it.
    stoppedMs: Math.max(0, msBetween(orderedNs, lastNs)),
    answeredMs: answeredNs === null ? Number.NaN : msBetween(orderedNs, answeredNs),
    gapMs,
  };
}

function ordersBy(
  enforcer: RestartedEnforcer,
  shell: Answering,
  pump: PacketStream,
  button: number,
): Readonly<Record<Way, Order>> {
  const typed =
    (command: string): Order =>
    async () => {
      const orderedNs = process.hrtime.bigint();
      const status = await shell.ask(command);
      const answeredNs = process.hrtime.bigint();
      if (status !== '0') throw new Error(`${command} ended with ${status}`);
      return { orderedNs, answeredNs };
    };
  return {
    command: typed(`${process.execPath} ${MAIN} contain pump-1 --reason bench`),
    administrator: typed(
      `nft add element inet administrator stopped '{ ${PUMP.bridge[0]} }' && conntrack -D -s ${PUMP.bridge[0]}`,
    ),
    socket: async () => {
      const orderedNs = process.hrtime.bigint();
      await enforcer.client.request('containment.order', {
        scope: SCOPE,
        level: 'contained',
        sparesLifeSustaining: false,
        by: 'bench',
        reason: 'bench',
        source: 'cli',
        forSeconds: null,
        confirmedBy: null,
      });
      return { orderedNs, answeredNs: process.hrtime.bigint() };
    },
    button: async () => {
      const orderedNs = process.hrtime.bigint() + BigInt(CONTAINS_AFTER_MS) * 1_000_000n;
      writeSync(button, keyEvent('down'));
      await delay(CONTAINS_AFTER_MS + LET_GO_AFTER_MS);
      writeSync(button, keyEvent('up'));
      return { orderedNs, answeredNs: null };
    },
    detector: async (trial) => {
      const target = SWEPT[trial % SWEPT.length] ?? '';
      const [first, second, third] = PROBED;
      await pump.probe(target, first);
      await pump.probe(target, second);
      await delay(BEFORE_LAST_PROBE_MS);
      return { orderedNs: await pump.probe(target, third), answeredNs: null };
    },
  };
}

async function undo(way: Way, { client }: RestartedEnforcer, shell: Answering): Promise<void> {
  if (way === 'administrator')
    await shell.ask(`nft delete element inet administrator stopped '{ ${PUMP.bridge[0]} }'`);
  else
    await client.request('containment.release', {
      scope: SCOPE,
      by: 'bench',
      reason: 'bench',
      orders: 'all',
    });
}

/** As many connections in the box's table, of another device: what is live beside the one that is contained. */
async function fillTable(lab: NetworkLab, file: string, connections: number): Promise<void> {
  const list = await lab.box.must([
    'conntrack',
    '-L',
    '-p',
    'udp',
    '-s',
    PUMP.bridge[0],
    '--dport',
    String(PORT),
  ]);
  const pumpMark = Number(/mark=(\d+)/.exec(list)?.[1]);
  const map = await lab.box.must(['nft', 'list', 'map', 'inet', 'cordon', 'device_by_mac']);
  const device = Number(new RegExp(`${OTHER.mac}[^:]* : (0x[0-9a-f]+)`).exec(map)?.[1]) & DEVICE_MASK;
  if (!(pumpMark > 0 && device > 0)) throw new Error(`no mark of a connection in: ${list}${map}`);
  const mark = ((pumpMark & ~DEVICE_MASK) | device) >>> 0;
  const entry = `-I -p udp -s ${OTHER.address} -d ${HOSPITAL[0]} --dport ${PORT} -t 86400 -u SEEN_REPLY,ASSURED -m ${mark}`;
  const lines = Array.from(
    { length: connections },
    (_, index) => `${entry} --sport ${FIRST_SOURCE_PORT + index}\n`,
  );
  await lab.box.run(['conntrack', '-D', '-s', OTHER.address]);
  await writeFile(file, lines.join(''));
  await lab.box.must(['conntrack', '--load-file', file], { timeoutMs: 120_000 });
}

function summary(trials: readonly Trial[]): Record<string, unknown> {
  const stopped = trials.map(({ stoppedMs }) => stoppedMs);
  const answered = trials.map(({ answeredMs }) => answeredMs).filter((ms) => !Number.isNaN(ms));
  return {
    p50Ms: percentile(stopped, 0.5),
    p90Ms: percentile(stopped, 0.9),
    p99Ms: percentile(stopped, 0.99),
    maxMs: percentile(stopped, 1),
    trials: trials.length,
    ...(answered.length > 0 && {
      answeredP50Ms: percentile(answered, 0.5),
      answeredP99Ms: percentile(answered, 0.99),
    }),
    // The kernel kept the processor from a process that comes before all others: how fine the figures are, and what others feel of it.
    silenceP50Ms: percentile(
      trials.map(({ gapMs }) => gapMs),
      0.5,
    ),
    longestSilenceMs: rounded(Math.max(...trials.map(({ gapMs }) => gapMs))),
  };
}

/** struct input_event of a 64-bit machine, twice, as the kernel writes them: the key, and the end of the report. */
function keyEvent(what: 'down' | 'up'): Buffer {
  const bytes = Buffer.alloc(48);
  const nowMs = Date.now();
  for (const at of [0, 24]) {
    bytes.writeBigUInt64LE(BigInt(Math.floor(nowMs / 1000)), at);
    bytes.writeBigUInt64LE(BigInt((nowMs % 1000) * 1000), at + 8);
  }
  bytes.writeUInt16LE(1, 16);
  bytes.writeUInt16LE(128, 18);
  bytes.writeInt32LE(what === 'down' ? 1 : 0, 20);
  return bytes;
}

function msBetween(fromNs: bigint, toNs: bigint): number {
  return Number(toNs - fromNs) / 1e6;
}

/** Asked before Cordon's own table, as whoever blocks an address in a hurry would have it. */
const ADMINISTRATORS_TABLE = `table inet administrator {
  set stopped { type ipv4_addr; }
  chain forward { type filter hook forward priority -10; policy accept;
    ip saddr @stopped drop
    ip daddr @stopped drop
  }
}
`;

function policyText(pumpMac: string): string {
  const peer = '{ network: 10.77.0.0/24 }';
  return `version: 1
site: { name: Bench, networks: [10.77.0.0/16] }
unknownDevices: refuse
detectorContainmentsPerHour: 1000
detect:
  portScan: { action: contain, containFrom: low, containmentsPerHour: 1000, ports: 3, windowSeconds: 4 }
devices:
  pump-1:
    identity: { macs: ["${pumpMac}"], addresses: [${PUMP.bridge[0]}] }
    mode: enforce
    automation: contain
    allow:
      - { direction: out, peer: ${peer}, protocol: tcp, ports: [2575], essential: true, why: doses }
      - { direction: out, peer: ${peer}, protocol: udp, ports: [${[PORT, ...PROBED].join(', ')}], why: the stream and the scan }
  ${OTHER.name}:
    identity: { macs: ["${OTHER.mac}"], addresses: [${OTHER.address}] }
    mode: enforce
    allow:
      - { direction: out, peer: ${peer}, protocol: udp, ports: [${PORT}], why: what lives beside it }
`;
}
