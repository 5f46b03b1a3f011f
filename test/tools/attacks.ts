/**
 * What attackers do, with tools that nobody here wrote, and as what the box must recognise it. Read by attacks-*.test.ts. All of
 * it stays in the namespaces of the lab; each is bounded in packets and in time.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HOSPITAL, PUMP } from '../../agent/lab/network-lab.js';
import type { Finding } from '../../agent/messages/vocabulary.js';
import type { AttackLab } from './attack-lab.js';
import { fromRoot } from '../root.js';

export interface Attack {
  readonly what: string;
  /** Runs to its end. Resolves with what the tool said, for the message when nothing is found. */
  readonly run: (lab: AttackLab) => Promise<string>;
  /** One finding like this must be told. */
  readonly found: (finding: Finding) => boolean;
  /** Cannot be tried here; why. */
  readonly missing?: (lab: AttackLab) => Promise<string | null>;
}

const [SERVER] = HOSPITAL;
const [DEVICE] = PUMP.bridge;
/** Those that are tried first, and few enough for nmap's slowest pace: five minutes. */
const PORTS = '21,22,23,25,80,110,135,139,143,443,445,993,995,1433,3306,3389,5900,8000,8443,9100';
const DATA = process.env['CORDON_DATA'] ?? fromRoot('../shared/data');

/** A command that runs to its end, or until it is stopped. */
function sent(
  command: readonly string[],
  from: 'pump' | 'hospital' = 'pump',
  timeoutMs = 60_000,
): Attack['run'] {
  return async (lab) => {
    const { stdout, stderr } = await lab.host(from).run(command, { timeoutMs });
    return `${stdout} ${stderr}`;
  };
}

function nmap(words: string, from: 'pump' | 'hospital' = 'pump', timeoutMs?: number): Attack['run'] {
  return sent(['nmap', '-n', '-Pn', '--max-retries', '0', ...words.split(' ')], from, timeoutMs);
}

const isScan =
  (kind: RegExp, from: 'device' | 'network' = 'device') =>
  ({ detector, evidence }: Finding): boolean =>
    detector === 'portScan' && evidence['from'] === from && kind.test(String(evidence['kind']));
const isBy =
  (...detectors: readonly string[]) =>
  ({ detector }: Finding): boolean =>
    detectors.includes(detector);

function scan(flags: string, kind: RegExp): Attack {
  return { what: `nmap ${flags}`, run: nmap(`${flags} -p ${PORTS} ${SERVER}`), found: isScan(kind) };
}

/** nmap's own paces; -T1 waits 15 s between two probes. */
function pace(level: number): Attack {
  return {
    what: `nmap -sS -T${level}`,
    run: nmap(`-sS -T${level} -p ${PORTS} ${SERVER}`, 'pump', 400_000),
    found: ({ detector, evidence }) =>
      ['portScan', 'failedConnections'].includes(detector) && evidence['from'] !== 'network',
  };
}

function replayed(file: string, found: Attack['found']): Attack {
  const path = join(DATA, 'pcap', file);
  return {
    what: `tcpreplay ${file}`,
    missing: () => Promise.resolve(existsSync(path) ? null : 'the capture is not here'),
    run: (lab) => lab.replay(path),
    found,
  };
}

export const ATTACKS: readonly Attack[] = [
  scan('-sS', /^SYN$/),
  scan('-sT', /^connect$/),
  scan('-sF', /^FIN$/),
  scan('-sN', /^NULL$/),
  scan('-sX', /^Xmas$/),
  scan('-sA', /^ACK or window$/),
  scan('-sW', /^ACK or window$/),
  scan('-sM', /^Maimon$/),
  scan('-sU', /^UDP$/),
  scan('-sS -f', /^SYN$/),
  { what: 'nmap -sO', run: nmap(`-sO -p 2-40 ${SERVER}`), found: isScan(/^IP protocol$/) },
  { what: 'nmap -6 -sS', run: nmap(`-6 -sS -p ${PORTS} ${HOSPITAL[1]}`), found: isScan(/^SYN$/) },
  ...[5, 4, 3, 2, 1].map(pace),
  {
    what: 'nmap -sS of a whole subnet',
    run: nmap(`-sS -T4 -p 80 --host-timeout 20s ${SERVER}/24`, 'pump', 90_000),
    found: isBy('hostSweep'),
  },
  {
    what: 'nmap ping sweep',
    run: sent(['nmap', '-n', '-sn', '-PE', '--send-ip', '--max-retries', '0', `${SERVER}/26`]),
    found: isBy('hostSweep'),
  },
  {
    what: 'fping of a whole subnet',
    run: sent(['fping', '-q', '-r', '0', '-g', `${SERVER}/26`]),
    found: isBy('hostSweep'),
  },
  {
    what: 'nmap -6 -sn of a part of the link',
    run: sent(['nmap', '-n', '-6', '-sn', '--max-retries', '0', `${HOSPITAL[1]}/121`]),
    found: ({ detector, evidence }) =>
      detector === 'hostSweep' && String(evidence['services']) === 'neighbour discovery',
  },
  {
    what: 'arpspoof claims to be the server',
    run: sent(['timeout', '6', 'arpspoof', '-i', 'eth0', '-t', '10.77.0.2', SERVER]),
    found: ({ detector, key }) => detector === 'spoofing' && key.includes('arp-spoof'),
  },
  {
    what: 'fake_advertise6 claims to be the server',
    run: sent(['timeout', '6', 'atk6-fake_advertise6', 'eth0', HOSPITAL[1], 'ff02::1']),
    found: ({ detector, key }) => detector === 'spoofing' && key.includes('spoofed-source'),
  },
  {
    what: 'fake_advertise6 on the network tells the device of somebody else',
    run: sent(['timeout', '56', 'atk6-fake_advertise6', 'eth0', 'fd77::77', PUMP.bridge[1]], 'hospital'),
    found: ({ detector, title }) => detector === 'arpSpoof' && title.includes('that it is fd77::77'),
  },
  {
    what: 'fake_router26 advertises itself',
    run: sent(['timeout', '6', 'atk6-fake_router26', 'eth0']),
    found: ({ detector, key }) => detector === 'spoofing' && key.includes('rogue-ra'),
  },
  {
    what: 'onesixtyone guesses SNMP communities of a permitted server',
    run: (lab) => lab.guessCommunities(),
    found: isBy('bruteForce'),
  },
  {
    what: 'nmap of the device from the network',
    run: nmap(`-sS -p ${PORTS} ${DEVICE}`, 'hospital'),
    found: isScan(/^SYN$/, 'network'),
  },
  {
    what: 'masscan',
    run: async (lab) => {
      const mac = (await lab.hospital.macOf('eth0')).replaceAll(':', '-');
      const ran = await lab.pump.run(
        [
          ...['masscan', `${SERVER}/26`, '-p80,443', '--rate', '200', '--wait', '1', '--adapter', 'eth0'],
          ...['--adapter-ip', DEVICE, '--adapter-port', '40000', '--router-mac', mac],
        ],
        { timeoutMs: 60_000 },
      );
      return `${ran.stdout} ${ran.stderr}`;
    },
    found: isBy('hostSweep'),
  },
  {
    what: 'hping3 scans with SYN',
    run: sent(['hping3', '-S', '-c', '40', '-i', 'u50000', '-p', '++20', SERVER]),
    // Its source ports count up, like those that a system gives to connect().
    found: isScan(/^(SYN|connect)$/),
  },
  {
    what: 'hping3 scans with UDP',
    run: sent(['hping3', '--udp', '-c', '40', '-i', 'u50000', '-p', '++500', SERVER]),
    found: isScan(/^UDP$/),
  },
  {
    what: 'hping3 floods a permitted port',
    run: sent(['hping3', '-S', '-c', '6000', '-i', 'u500', '-p', '8080', SERVER]),
    found: isBy('connectionBurst'),
  },
  {
    what: 'hydra guesses FTP passwords at a permitted server',
    run: (lab) => lab.guessPasswords(),
    found: isBy('bruteForce'),
  },
  {
    what: 'iodine, a tunnel in DNS to a permitted server',
    missing: (lab) => lab.whyNoTunnel(),
    run: (lab) => lab.tunnelThroughDns(),
    found: isBy('dnsTunnel'),
  },
  replayed('attack-scan/mk-nmap-null_scan.pcap', isScan(/^NULL$/)),
  replayed('attack-scan/mk-nmap-tcp_syn_scan.pcap', isScan(/^SYN$/)),
  replayed('attack-scan/mk-nmap-udp_scan.pcap', isScan(/^UDP$/)),
  // Last: its MACs fill what the bridge remembers for five minutes.
  {
    what: 'macof floods the switch with MACs',
    run: sent(['timeout', '6', 'macof', '-i', 'eth0', '-n', '60000']),
    found: ({ detector, key }) => detector === 'spoofing' && key.includes('too-many-macs'),
  },
];
