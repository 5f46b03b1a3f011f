/**
 * What crosses the box, against a plain bridge, against the least that a stateful firewall does (track connections, accept
 * everything), and against one nft rule per entry: TCP throughput, small UDP packets, new connections, at three sizes of
 * policy. The load is iperf3 and a client of ours, in namespaces of this machine.
 */
import { createNetworkLab, HOSPITAL, PUMP, type NetworkLab } from '../lab/network-lab.js';
import { compileRuleset } from '../ruleset/compile-ruleset.js';
import { renderRuleset } from '../ruleset/render-ruleset.js';
import { compare, type Bench, type BenchContext } from './bench.js';
import {
  BENCH_CONFIG,
  benchPolicy,
  loadRuleset,
  naiveRuleset,
  NO_TABLES,
  SIZES,
  TRACKING_ONLY,
} from './rulesets.js';

const ROUNDS = 5;
const SECONDS = 1;

/** Connection attempts to a closed port, one after another: the SYN is judged, the RST comes back. Bounded by the client. */
const CONNECT = `const net=require('net');const end=Date.now()+${SECONDS * 1000};let n=0;const one=()=>{if(Date.now()>end){console.log(n);process.exit()}const s=net.connect(8080,'${HOSPITAL[0]}');s.on('error',()=>{n++;one()})};for(let i=0;i<16;i++)one()`;

export const traffic: Bench = {
  name: 'traffic',
  what: 'throughput, packets and new connections through the box, against a plain bridge, mere tracking and one rule per entry',
  limitMinutes: 10,
  async run(context) {
    const lab = await createNetworkLab('bridge');
    try {
      await lab.hospital.start(['iperf3', '-s']);
      await lab.hospital.listensOn(5201);
      for (const devices of SIZES) await atSize(context, lab, devices);
    } finally {
      await lab.close();
    }
  },
};

async function atSize({ report }: BenchContext, lab: NetworkLab, devices: number): Promise<void> {
  const policy = benchPolicy(devices, lab.pumpMac, PUMP.bridge[0], HOSPITAL[0]);
  const texts = {
    plain: NO_TABLES,
    tracked: NO_TABLES + TRACKING_ONLY,
    cordon: NO_TABLES + renderRuleset(compileRuleset({ policy, config: BENCH_CONFIG })),
    naive: NO_TABLES + naiveRuleset(policy),
  };
  const kinds = ['plain', 'tracked', 'cordon', 'naive'] as const;
  const measures = { tcpBitsPerSecond: tcp, udpPacketsPerSecond: udp, connectionsPerSecond: connections };
  const nothingYet = (): Record<keyof typeof texts, number[]> => ({
    plain: [],
    tracked: [],
    cordon: [],
    naive: [],
  });
  const results: Record<keyof typeof measures, Record<keyof typeof texts, number[]>> = {
    tcpBitsPerSecond: nothingYet(),
    udpPacketsPerSecond: nothingYet(),
    connectionsPerSecond: nothingYet(),
  };
  const names = ['tcpBitsPerSecond', 'udpPacketsPerSecond', 'connectionsPerSecond'] as const;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of kinds) {
      await loadRuleset(lab, texts[kind]);
      for (const name of names) results[name][kind].push(await measures[name](lab));
    }
  }
  for (const name of names)
    for (const against of ['plain', 'tracked', 'naive'] as const)
      report({ what: name, devices, against, ...compare(results[name].cordon, results[name][against]) });
}

async function tcp(lab: NetworkLab): Promise<number> {
  const { stdout } = await lab.pump.run(['iperf3', '-J', '-c', HOSPITAL[0], '-t', String(SECONDS)]);
  return (JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }).end.sum_received
    .bits_per_second;
}

async function udp(lab: NetworkLab): Promise<number> {
  const words = ['iperf3', '-J', '-u', '-b', '0', '-l', '64', '-c', HOSPITAL[0], '-t', String(SECONDS)];
  const { stdout } = await lab.pump.run(words);
  const { sum } = (
    JSON.parse(stdout) as { end: { sum: { packets: number; lost_packets: number; seconds: number } } }
  ).end;
  return (sum.packets - sum.lost_packets) / sum.seconds;
}

async function connections(lab: NetworkLab): Promise<number> {
  const { stdout } = await lab.pump.run([process.execPath, '-e', CONNECT]);
  return Number(stdout.trim()) / SECONDS;
}
