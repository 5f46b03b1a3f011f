/**
 * A device begins to scan: how long until it is contained, by Cordon (the port scan detector, allowed to contain) and by psad 2.4 (Debian's package, with
 * its automatic blocking), in turn, in the same lab. Both with the thresholds that they come with, but that psad blocks at its second danger level (15
 * packets) and looks every second instead of every five. What is timed is a permitted stream of the same device: until its last packet was forwarded.
 * Needs root and gcc; psad and hping3, which are installed by hand for this (`apt install psad`: it wants a mail server).
 */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLabBox } from '../lab/lab-box.js';
import { run, waitFor, type Running } from '../lab/namespace.js';
import { createNetworkLab, HOSPITAL, PUMP, type NetworkLab } from '../lab/network-lab.js';
import { compare, interleaved, type Bench } from './bench.js';
import { compileStream, flowing, PacketStream, stopped } from './packet-stream.js';

const ROUNDS = 5;
const PORT = 5000;
const INTERVAL_US = 500;
const PROBES_PER_SECOND = 300;
/** The scan ends by itself after this long. */
const SCAN_SECONDS = 20;
/** Nothing arrived for so long: it has stopped. */
const STILL_MS = 200;
const STOPS_WITHIN_MS = 40_000;
const SETTLE_MS = 3_000;
const ALL_NAMESPACES_LOG = '/proc/sys/net/netfilter/nf_log_all_netns';
const PSAD = { program: '/usr/sbin/psad', config: '/etc/psad/psad.conf' } as const;

export const scanAnswer: Bench = {
  name: 'scan-answer',
  what: 'from the first packet of a scan to the last that its sender gets through, against psad',
  limitMinutes: 15,
  async run({ dir, report }) {
    const program = await compileStream(dir);
    const hasPsad = existsSync(PSAD.program);
    const kinds = hasPsad ? (['cordon', 'psad'] as const) : (['cordon'] as const);
    if (!hasPsad) report({ notice: `not compared: no ${PSAD.program}` });
    const probes: Record<string, number[]> = { cordon: [], psad: [] };
    // Or the kernel logs for nobody but the first namespace.
    const before = await readFile(ALL_NAMESPACES_LOG, 'latin1');
    if (hasPsad) await writeFile(ALL_NAMESPACES_LOG, '1');
    const seconds = await interleaved(kinds, ROUNDS, async (kind, round) => {
      const trial = join(dir, `${kind}-${round}`);
      await mkdir(trial);
      const lab = await createNetworkLab('bridge');
      try {
        const guard = kind === 'cordon' ? await startCordon(lab, trial) : await startPsad(lab, trial);
        const tookMs = await scan(lab, program);
        probes[kind]?.push(Math.ceil((tookMs * PROBES_PER_SECOND) / 1000));
        await guard.stop();
        return tookMs / 1000;
      } finally {
        await lab.close();
      }
    }).finally(() => (hasPsad ? writeFile(ALL_NAMESPACES_LOG, before) : undefined));
    const what = `seconds from the first of ${PROBES_PER_SECOND} probes a second to the last packet`;
    if (hasPsad) report({ what, against: 'psad', ...compare(seconds.cordon, seconds.psad), probes });
    else report({ what, seconds: seconds.cordon, probes });
  },
};

interface Guard {
  stop(): Promise<void>;
}

/** Milliseconds from the start of the scan to the last packet of the stream that was sent and arrived. */
async function scan(lab: NetworkLab, program: string): Promise<number> {
  await PacketStream.start(lab.pump, program, HOSPITAL[0], PORT, INTERVAL_US);
  const answer = await PacketStream.start(lab.hospital, program, PUMP.bridge[0], PORT, INTERVAL_US);
  await flowing([answer]);
  const began = process.hrtime.bigint();
  const scanner = await lab.pump.start([
    'hping3',
    '-q',
    '-n',
    '-S',
    '-p',
    '++20',
    '-i',
    `u${(1_000_000 / PROBES_PER_SECOND) | 0}`,
    '-c',
    String(SCAN_SECONDS * PROBES_PER_SECOND),
    HOSPITAL[0],
  ]);
  const { lastNs } = await stopped([answer], 'whoever watches', STILL_MS, STOPS_WITHIN_MS);
  await scanner.stop();
  return Number(lastNs - began) / 1e6;
}

async function startCordon(lab: NetworkLab, dir: string): Promise<Guard> {
  const box = await createLabBox(lab.box, dir, 'bridge', 'bench', null);
  const enforcer = await box.startEnforcer();
  const agent = await box.startAgent();
  const file = join(dir, 'policy.yaml');
  await writeFile(file, policyText(lab.pumpMac));
  const applied = await box.cordon('policy', 'apply', file, '--no-confirm');
  if (applied.code !== 0) throw new Error(applied.stderr);
  await delay(SETTLE_MS);
  return {
    async stop() {
      await agent.stop();
      await enforcer.stop();
    },
  };
}

function policyText(pumpMac: string): string {
  return `version: 1
site: { name: Bench, networks: [10.77.0.0/16] }
detect: { portScan: { action: contain } }
devices:
  pump-1:
    identity: { macs: ["${pumpMac}"], addresses: [${PUMP.bridge[0]}] }
    mode: enforce
    automation: contain
    allow: [{ direction: out, peer: { address: ${HOSPITAL[0]} }, protocol: udp, ports: [${PORT}], why: the stream }]
`;
}

/** The same allow-list as psad wants it: what is refused is logged by the kernel. */
const LOGGED = [
  '-P FORWARD DROP',
  `-A FORWARD -p udp --dport ${PORT} -j ACCEPT`,
  '-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT',
  '-A FORWARD -j LOG --log-prefix DROP_',
  '-A INPUT -j LOG --log-prefix DROP_',
];

async function startPsad(lab: NetworkLab, dir: string): Promise<Guard> {
  for (const words of LOGGED) await lab.box.must(['iptables', ...words.split(' ')]);
  const log = join(dir, 'messages');
  await writeFile(log, '');
  const config = join(dir, 'psad.conf');
  await writeFile(config, psadConfig(await readFile(PSAD.config, 'utf8'), dir, log));
  for (const each of ['log', 'run', 'lib']) await mkdir(join(dir, each));
  const kernel = await lab.box.start(['dmesg', '--follow-new', '--notime']);
  const feeder = feed(kernel, log);
  const psad = await lab.box.start([PSAD.program, '-c', config, '--no-daemon', '--no-rdns', '--no-whois']);
  await waitFor(
    () => existsSync(join(dir, 'run', 'psad.pid')),
    psad.ended,
    () => `psad has not begun: ${psad.output().slice(-1_000)}`,
    30_000,
  );
  await delay(SETTLE_MS);
  return {
    async stop() {
      feeder.stop();
      await psad.stop();
      await kernel.stop();
      await run(['pkill', '-F', join(dir, 'run', 'psad.pid')]);
    },
  };
}

function psadConfig(packaged: string, dir: string, log: string): string {
  const settings: Readonly<Record<string, string>> = {
    HOSTNAME: 'box',
    CHECK_INTERVAL: '1',
    ALERTING_METHODS: 'noemail',
    IPT_SYSLOG_FILE: log,
    AUTO_DETECT_JOURNALCTL: 'N',
    ENABLE_AUTO_IDS: 'Y',
    AUTO_IDS_DANGER_LEVEL: '2',
    ENABLE_AUTO_IDS_EMAILS: 'N',
    ENABLE_DNS_LOOKUPS: 'N',
    ENABLE_WHOIS_LOOKUPS: 'N',
    // What it checks is that the last rule of INPUT and FORWARD logs, with words of its own.
    ENABLE_FW_LOGGING_CHECK: 'N',
    PSAD_DIR: join(dir, 'log'),
    PSAD_RUN_DIR: join(dir, 'run'),
    PSAD_FIFO_DIR: join(dir, 'lib'),
  };
  return packaged
    .split('\n')
    .map((line) => {
      const name = /^(\w+)\s/.exec(line)?.[1] ?? '';
      const value = settings[name];
      return value === undefined ? line : `${name} ${value};`;
    })
    .join('\n');
}

/** As a syslog daemon writes it. */
function feed(kernel: Running, file: string): { stop(): void } {
  let written = 0;
  const timer = setInterval(() => {
    const lines = kernel.output().slice(written);
    const end = lines.lastIndexOf('\n') + 1;
    written += end;
    const time = new Date().toString().replace(/^\w+ (\w+) 0?(\d+) \d+ (\S+).*/, '$1 $2 $3');
    const text = lines
      .slice(0, end)
      .split('\n')
      .filter((line) => line.includes('DROP_'))
      .map((line) => `${time} box kernel: ${line}\n`)
      .join('');
    if (text !== '') void appendFile(file, text);
  }, 20);
  return {
    stop() {
      clearInterval(timer);
    },
  };
}
