/**
 * Doctor's checks of the kernel: what nftables can do is tried for real, by loading small rulesets into a network
 * namespace that ends with the process that made it. Must never change a rule or a setting of the machine itself.
 */
import { readFile } from 'node:fs/promises';
import type { CliContext } from './context.js';
import { fail, ok, warn, type Check } from './doctor-check.js';
import { runCommand, type CommandAnswer } from './run-command.js';

/** What Debian 12 ships and what is tested with. */
const MIN_NFT = [1, 0, 6] as const;

interface Probe {
  readonly id: string;
  readonly what: string;
  readonly text: string;
  readonly remedy: string;
}

const MODULE_REMEDY = 'use a kernel that has it; Debian’s and Raspberry Pi OS’s have: modprobe';

/** Applied, not only checked: `nft -c` leaves out what the kernel decides when a table is committed. */
const PROBES: readonly Probe[] = [
  {
    id: 'kernel.nf-tables-inet',
    what: 'nf_tables, family inet: concatenated sets, intervals, timeouts, marks, counters',
    text: `table inet cordon_probe {
  counter refused { }
  map by_mac { type ether_addr : mark; elements = { 02:00:00:00:00:01 : 0x2 }
  }
  set exact { typeof meta mark . ip daddr . ip protocol . th dport; flags timeout; timeout 1h; counter
  }
  set ranges { typeof meta mark . ip6 daddr . th dport; flags interval; elements = { 0x2 . 2001:db8::/32 . 100-200 }
  }
  chain forward { type filter hook forward priority filter; policy drop;
    meta mark set ether saddr map @by_mac
    ct state established,related accept
    meta mark . ip daddr . ip protocol . th dport @exact accept
    meta mark . ip6 daddr . th dport @ranges accept
    counter name refused drop
  }
}`,
    remedy: `${MODULE_REMEDY} nf_tables`,
  },
  {
    id: 'kernel.nf-tables-bridge',
    what: 'nf_tables, family bridge: ethertypes, ARP, marks',
    text: `table bridge cordon_probe {
  chain prerouting { type filter hook prerouting priority -300; policy accept;
    meta mark set 0x1
    ether type arp arp saddr ip 192.0.2.1 drop
    ether type != { ip, ip6, arp } drop
  }
}`,
    remedy: `${MODULE_REMEDY} nf_tables (CONFIG_NF_TABLES_BRIDGE)`,
  },
  {
    id: 'kernel.nflog',
    what: 'NFLOG (nfnetlink_log), limited per device',
    text: `table inet cordon_probe {
  set talkers { type mark; size 128; flags dynamic,timeout; timeout 1m;
  }
  chain forward { type filter hook forward priority filter; policy accept;
    update @talkers { meta mark limit rate 50/second burst 100 packets } log prefix "policy" group 1 snaplen 256 queue-threshold 8
  }
}`,
    remedy: `${MODULE_REMEDY} nfnetlink_log`,
  },
];

const QUEUE_PROBE = `table inet cordon_probe {
  chain hold { queue flags bypass to 0
  }
}`;

export async function checkKernel(context: CliContext): Promise<readonly Check[]> {
  const { environment } = context;
  const nft = checkNftVersion(await runCommand('nft', ['--version'], { environment }));
  if (nft.outcome === 'fail') return [nft];
  const unshare = process.getuid?.() === 0 ? ['-n'] : ['-rn'];
  const inNamespace = async (text: string): Promise<CommandAnswer> =>
    await runCommand('unshare', [...unshare, '--', 'nft', '-f', '-'], { environment, input: text });
  const namespace = await runCommand('unshare', [...unshare, '--', 'true'], { environment });
  if (namespace.exitStatus !== 0)
    return [
      nft,
      warn(
        'kernel.namespace',
        `no network namespace to try the kernel in: ${firstLine(namespace)}`,
        'run it as root: sudo cordon doctor',
      ),
    ];
  const probed = await Promise.all(
    PROBES.map(async ({ id, what, text, remedy }) => {
      const answer = await inNamespace(text);
      return answer.exitStatus === 0 ? ok(id, what) : fail(id, `${what}: ${firstLine(answer)}`, remedy);
    }),
  );
  const queue = await inNamespace(QUEUE_PROBE);
  return [nft, ...probed, ...(await checkNetlink(queue.exitStatus === 0))];
}

export function checkNftVersion(answer: CommandAnswer): Check {
  if (answer.isAbsent) return fail('nft', 'nft is not installed', 'apt-get install nftables');
  const match = /v(\d+)\.(\d+)\.(\d+)/.exec(answer.stdout);
  if (!match)
    return fail(
      'nft',
      `nft does not say its version: ${firstLine(answer)}`,
      'apt-get install --reinstall nftables',
    );
  const version = match.slice(1).map(Number);
  const text = version.join('.');
  for (const [index, minimum] of MIN_NFT.entries()) {
    const part = version[index] ?? 0;
    if (part > minimum) break;
    if (part < minimum)
      return warn(
        'nft',
        `nft ${text} is older than ${MIN_NFT.join('.')}, the oldest that is tested`,
        'apt-get install nftables, from Debian 12 or later',
      );
  }
  return ok('nft', `nft ${text}`);
}

async function checkNetlink(hasQueueStatement: boolean): Promise<readonly Check[]> {
  const { hasConntrackNetlink, hasCompatQueue } = await import('./doctor-netlink.js');
  const conntrack = hasConntrackNetlink();
  const compat = hasQueueStatement ? null : hasCompatQueue();
  return [
    conntrack === 'yes'
      ? ok('kernel.ctnetlink', 'connections can be listed and ended (nf_conntrack_netlink)')
      : conntrack === 'no'
        ? fail(
            'kernel.ctnetlink',
            'the kernel does not speak of connections (nf_conntrack_netlink)',
            `${MODULE_REMEDY} nf_conntrack_netlink`,
          )
        : warn('kernel.ctnetlink', 'not tried: it needs CAP_NET_ADMIN and the addon', 'sudo cordon doctor'),
    hasQueueStatement
      ? ok('kernel.queue', 'first packets can be held (nft_queue)')
      : compat === 'yes'
        ? ok('kernel.queue', 'first packets can be held (no nft_queue, but xt NFQUEUE through nft_compat)')
        : compat === 'no'
          ? warn(
              'kernel.queue',
              'no first packet can be held: neither nft_queue nor xt NFQUEUE',
              'nothing is less strict for it; detectors speak after the first packet',
            )
          : warn(
              'kernel.queue',
              'no nft_queue; xt NFQUEUE was not tried: it needs CAP_NET_ADMIN and the addon',
              'sudo cordon doctor',
            ),
  ];
}

/** Bridge mode hands bridged packets to the inet rules through br_netfilter; in router mode there are none. */
export async function checkSettings(box: {
  readonly mode: 'bridge' | 'router';
  readonly hasVlans: boolean;
}): Promise<readonly Check[]> {
  const bridge = box.mode === 'bridge' ? await checkBridgeNetfilter(box.hasVlans) : [];
  return [...bridge, ...(await checkConntrackSettings())];
}

async function checkBridgeNetfilter(hasVlans: boolean): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const needed = { 'bridge-nf-call-iptables': 'bridged', 'bridge-nf-call-ip6tables': 'bridged' };
  const tagged = { 'bridge-nf-filter-vlan-tagged': 'VLAN-tagged' };
  for (const [name, which] of Object.entries({ ...needed, ...(hasVlans ? tagged : {}) })) {
    const id = `kernel.${name}`;
    const value = await readSetting(`net/bridge/${name}`);
    if (value === '1') checks.push(ok(id, `net.bridge.${name} = 1`));
    else if (value === null)
      checks.push(
        fail(
          id,
          'br_netfilter is not loaded: bridged packets never reach the rules and are dropped',
          'modprobe br_netfilter, and name it in /etc/modules-load.d/',
        ),
      );
    else
      checks.push(
        fail(
          id,
          `net.bridge.${name} = ${value}: ${which} packets never reach the rules and are dropped`,
          `sysctl -w net.bridge.${name}=1`,
        ),
      );
  }
  return checks;
}

async function checkConntrackSettings(): Promise<readonly Check[]> {
  const wanted = [
    { name: 'nf_conntrack_timestamp', why: 'how long a connection lasted is not known' },
    { name: 'nf_conntrack_acct', why: 'how much a connection carried is not known' },
    { name: 'nf_conntrack_events', why: 'ends of connections that are older than the enforcer are not seen' },
  ];
  const checks: Check[] = [];
  for (const { name, why } of wanted) {
    const id = `kernel.${name.replaceAll('_', '-')}`;
    const value = await readSetting(`net/netfilter/${name}`);
    if (value === '1') checks.push(ok(id, `net.netfilter.${name} = 1`));
    else
      checks.push(
        warn(
          id,
          `net.netfilter.${name} ${value === null ? 'is absent' : `= ${value}`}: ${why}`,
          value === null ? 'modprobe nf_conntrack_netlink' : `sysctl -w net.netfilter.${name}=1`,
        ),
      );
  }
  return checks;
}

async function readSetting(path: string): Promise<string | null> {
  try {
    return (await readFile(`/proc/sys/${path}`, 'utf8')).trim();
  } catch {
    return null;
  }
}

export function firstLine(answer: CommandAnswer): string {
  const [line = ''] = (answer.stderr || answer.stdout).trim().split('\n');
  return line === '' ? `exit status ${answer.exitStatus ?? 'none'}` : line;
}
