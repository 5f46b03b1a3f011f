/**
 * `make bench`: what the box costs, as ratios against a plain bridge and against one rule per entry, taken in turn within
 * one run because machines are shared and noisy. One JSON line a result, with its spread. Needs root; about four minutes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWebServer } from '../lab/clinical.js';
import { createLabBox } from '../lab/lab-box.js';
import { demoPolicy } from '../lab/demo-policy.js';
import { waitFor } from '../lab/namespace.js';
import { createNetworkLab, HOSPITAL, PUMP, type NetworkLab } from '../lab/network-lab.js';
import { compileRuleset } from '../ruleset/compile-ruleset.js';
import { diffRulesets } from '../ruleset/diff-ruleset.js';
import { renderRuleset } from '../ruleset/render-ruleset.js';
import { benchQueue } from './queue.js';
import { BENCH_CONFIG, benchPolicy, naiveRuleset } from './rulesets.js';

const SIZES = [10, 1_000, 10_000] as const;
const ROUNDS = 5;
const SECONDS = 1;
const CONTAIN_TRIALS = 20;
const NONE =
  'table inet cordon { }\ndelete table inet cordon\ntable bridge cordon { }\ndelete table bridge cordon\ntable inet naive { }\ndelete table inet naive\n';

/** Connection attempts to a closed port, one after another: the SYN is judged, the RST comes back. Bounded by the client. */
const CONNECT = `const net=require('net');const end=Date.now()+${SECONDS * 1000};let n=0;const one=()=>{if(Date.now()>end){console.log(n);process.exit()}const s=net.connect(8080,'${HOSPITAL[0]}');s.on('error',()=>{n++;one()})};for(let i=0;i<16;i++)one()`;

const dir = await mkdtemp(join(tmpdir(), 'cordon-bench-'));
const lab = await createNetworkLab('bridge');
try {
  report({
    bench: 'machine',
    cpus: cpus().length,
    model: cpus()[0]?.model,
    kernel: release(),
    node: process.version,
  });
  for (const result of await benchQueue(dir)) report(result);
  await lab.hospital.start(['iperf3', '-s']);
  await lab.hospital.listensOn(5201);
  for (const size of SIZES) await traffic(lab, size);
  await applying(lab);
  await containing(lab);
} finally {
  await lab.close();
  await rm(dir, { recursive: true, force: true });
}

async function traffic(lab: NetworkLab, devices: number): Promise<void> {
  const policy = benchPolicy(devices, lab.pumpMac, PUMP.bridge[0], HOSPITAL[0]);
  const texts = {
    plain: NONE,
    cordon: NONE + renderRuleset(compileRuleset({ policy, config: BENCH_CONFIG })),
    naive: NONE + naiveRuleset(policy),
  };
  const kinds = Object.keys(texts) as (keyof typeof texts)[];
  const results = {
    tcpBitsPerSecond: { plain: [], cordon: [], naive: [] },
    udpPacketsPerSecond: { plain: [], cordon: [], naive: [] },
    connectionsPerSecond: { plain: [], cordon: [], naive: [] },
  } as Record<string, Record<string, number[]>>;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of kinds) {
      await nft(lab, texts[kind]);
      results['tcpBitsPerSecond']?.[kind]?.push(await tcp(lab));
      results['udpPacketsPerSecond']?.[kind]?.push(await udp(lab));
      results['connectionsPerSecond']?.[kind]?.push(await connections(lab));
    }
  }
  for (const [measure, byKind] of Object.entries(results)) {
    for (const against of ['plain', 'naive'] as const) {
      const ratios = (byKind['cordon'] ?? []).map(
        (value, round) => value / (byKind[against]?.[round] ?? Number.NaN),
      );
      report({
        bench: measure,
        devices,
        against,
        ratio: median(ratios),
        spread: [Math.min(...ratios), Math.max(...ratios)].map(rounded),
        cordon: median(byKind['cordon'] ?? []),
        other: median(byKind[against] ?? []),
        rounds: ROUNDS,
      });
    }
  }
}

async function tcp(lab: NetworkLab): Promise<number> {
  const { stdout } = await lab.pump.run(['iperf3', '-J', '-c', HOSPITAL[0], '-t', String(SECONDS)]);
  return (JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }).end.sum_received
    .bits_per_second;
}

async function udp(lab: NetworkLab): Promise<number> {
  const { stdout } = await lab.pump.run([
    'iperf3',
    '-J',
    '-u',
    '-b',
    '0',
    '-l',
    '64',
    '-c',
    HOSPITAL[0],
    '-t',
    String(SECONDS),
  ]);
  const { sum } = (
    JSON.parse(stdout) as { end: { sum: { packets: number; lost_packets: number; seconds: number } } }
  ).end;
  return (sum.packets - sum.lost_packets) / sum.seconds;
}

async function connections(lab: NetworkLab): Promise<number> {
  const { stdout } = await lab.pump.run([process.execPath, '-e', CONNECT]);
  return Number(stdout.trim()) / SECONDS;
}

async function applying(lab: NetworkLab): Promise<void> {
  for (const devices of SIZES) {
    const policy = benchPolicy(devices, lab.pumpMac, PUMP.bridge[0], HOSPITAL[0]);
    const changed = benchPolicy(devices, lab.pumpMac, '10.77.0.99', HOSPITAL[0]);
    const compileMs = await timed(() =>
      Promise.resolve(renderRuleset(compileRuleset({ policy, config: BENCH_CONFIG }))),
    );
    const before = compileRuleset({ policy, config: BENCH_CONFIG });
    const change = diffRulesets(before, compileRuleset({ policy: changed, config: BENCH_CONFIG }));
    const wholeMs: number[] = [];
    const naiveMs: number[] = [];
    const oneDeviceMs: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await nft(lab, NONE);
      naiveMs.push(await timed(() => nft(lab, naiveRuleset(policy))));
      await nft(lab, NONE);
      wholeMs.push(await timed(() => nft(lab, renderRuleset(before))));
      oneDeviceMs.push(await timed(() => nft(lab, change?.text ?? '')));
    }
    report({
      bench: 'apply',
      devices,
      compileMs: rounded(compileMs),
      wholeMs: median(wholeMs),
      oneDeviceMs: median(oneDeviceMs),
      naiveMs: median(naiveMs),
      ratioWholeToNaive: rounded(median(wholeMs) / median(naiveMs)),
      ratioOneDeviceToNaive: rounded(median(oneDeviceMs) / median(naiveMs)),
    });
  }
  await nft(lab, NONE);
}

/** From the start of the command to the last packet of a running download, and what the processes hold in memory. */
async function containing(lab: NetworkLab): Promise<void> {
  const box = await createLabBox(lab.box, dir, 'bridge', 'bench', null);
  const enforcer = await box.startEnforcer();
  await box.startAgent();
  const policyFile = join(dir, 'policy.yaml');
  await writeFile(policyFile, demoPolicy('bridge', lab.pumpMac));
  await box.cordon('policy', 'apply', policyFile, '--no-confirm');
  await startWebServer(lab.hospital, HOSPITAL[0], 8080);
  const bytes = async (): Promise<number> =>
    Number((await lab.pump.must(['cat', '/sys/class/net/eth0/statistics/rx_bytes'])).trim());
  const took: number[] = [];
  for (let trial = 0; trial < CONTAIN_TRIALS; trial += 1) {
    const download = await lab.pump.start([
      'curl',
      '--silent',
      '--output',
      '/dev/null',
      '--max-time',
      '20',
      `http://${HOSPITAL[0]}:8080/slow`,
    ]);
    const before = await bytes();
    await waitFor(
      async () => (await bytes()) > before + 200_000,
      download.ended,
      () => 'no download',
    );
    const ran = await box.cordon('contain', 'pump-1', '--reason', 'bench');
    took.push(ran.tookMs);
    await box.cordon('release', 'pump-1', '--reason', 'bench');
    await download.stop();
  }
  took.sort((a, b) => a - b);
  report({
    bench: 'contain',
    what: 'the whole command, start of node included; the element is in the kernel before it answers',
    p50Ms: took[Math.floor(took.length / 2)],
    maxMs: took.at(-1),
    trials: took.length,
  });
  const status = JSON.parse((await box.cordon('status', '--json')).stdout) as {
    enforcer: { rssBytes: number };
    agent: { rssBytes: number };
  };
  report({
    bench: 'memory',
    devices: 1,
    enforcerMiB: mib(status.enforcer.rssBytes),
    agentMiB: mib(status.agent.rssBytes),
  });
  const many = join(dir, 'many.json');
  await writeFile(many, policyText(10_000, lab.pumpMac));
  const applied = await box.cordon('policy', 'apply', many, '--no-confirm', '--json');
  if (applied.code !== 0) report({ bench: 'memory', devices: 10_000, error: applied.stderr.slice(0, 300) });
  const large = JSON.parse((await box.cordon('status', '--json')).stdout) as {
    enforcer: { rssBytes: number };
    agent: { rssBytes: number };
  };
  report({
    bench: 'memory',
    devices: 10_000,
    enforcerMiB: mib(large.enforcer.rssBytes),
    agentMiB: mib(large.agent.rssBytes),
    applySeconds: rounded(applied.tookMs / 1000),
  });
  await enforcer.stop();
}

function policyText(devices: number, pumpMac: string): string {
  const { devices: parsed, site } = benchPolicy(devices, pumpMac, PUMP.bridge[0], HOSPITAL[0]);
  const plain = Object.fromEntries(
    Object.entries(parsed).map(([name, device]) => [
      name,
      {
        identity: {
          macs: device.identity.macs,
          addresses: device.identity.addresses.map(({ text }) => text),
        },
        mode: device.mode,
        allow: device.allow.map((entry) => ({
          direction: entry.direction,
          protocol: entry.protocol,
          why: entry.why,
          peer:
            typeof entry.peer === 'object' && 'address' in entry.peer
              ? { address: entry.peer.address.text }
              : 'any',
          ports: entry.ports?.map(({ low }) => low),
        })),
      },
    ]),
  );
  return JSON.stringify({ version: 1, site: { name: site.name }, devices: plain });
}

async function nft(lab: NetworkLab, text: string): Promise<void> {
  await lab.box.must(['nft', '-f', '-'], { input: text, timeoutMs: 120_000 });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return rounded(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

function report(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
