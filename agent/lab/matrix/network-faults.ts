/** Faults of the network and of the machine: ports, a reboot, floods, a full table of connections, an upgrade. */
import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HOLD_QUEUE_LENGTH, INSPECTION_HEARTBEAT_TIMEOUT_MS } from '../../policy/default-policy.js';
import { must } from '../namespace.js';
import { HOSPITAL, rebootBox } from '../network-lab.js';
import type { Fault } from './fault.js';
import { FORBIDDEN, PERMITTED } from './live-traffic.js';
import type { Stand } from './stand.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOWN_MS = 300;
/** So many of the device's packets on the wrong side. */
const CROSSED_PACKETS = 100;
const DARK_MS = 1_500;
const FLOOD_SECONDS = '3';

export const NETWORK_FAULTS: readonly Fault[] = [
  {
    id: 'interface-down-up',
    what: 'interface down for 0.3 s and up',
    live: 'outage',
    fresh: 'outage',
    why: 'nothing crosses a port that is down, and the kernel takes up to 1 s to see that it is up',
    async inflict(stand) {
      await stand.lab.box.ip('link set dev0 down');
      await delay(DOWN_MS);
      await stand.lab.box.ip('link set dev0 up');
      return 'cordon doctor: interface.dev0';
    },
  },
  {
    id: 'port-swapped',
    what: 'foreign interface in the bridge, our port taken out and put back',
    live: 'outage',
    fresh: 'outage',
    why: 'nothing crosses a port that is down, and the kernel takes up to 1 s to see that it is up',
    async inflict(stand) {
      const before = (await stand.status()).refused['not-filtered'].packets;
      // The intruder's other interface, in the bridge without being one of our ports.
      for (const words of [
        'link add extra0 type veth peer name extra1',
        'link set extra0 up master br0',
        'link set extra1 up',
        'addr add 10.77.0.77/24 dev extra1',
        'link set dev0 nomaster',
      ])
        await stand.lab.box.ip(words);
      await delay(DOWN_MS);
      await stand.lab.box.ip('link set dev0 master br0');
      const foreign = ['hping3', '-q', '-c', '20', '-i', 'u20000', '-S', '-a', '10.77.0.77', '-I', 'extra1'];
      await stand.lab.box.run([...foreign, '-p', String(FORBIDDEN.tcp), HOSPITAL[0]]);
      await stand.lab.box.ip('link del extra0');
      const refused = (await stand.status()).refused['not-filtered'].packets - before;
      return `${refused} packets of the foreign port refused as not-filtered`;
    },
  },
  {
    id: 'ports-crossed',
    what: 'cables of the two ports crossed',
    live: 'stops',
    fresh: 'stops',
    why: "a device's MAC on the network's side cannot be told from a forgery: refused until the cables are right",
    async inflict(stand) {
      const spoofed = async (): Promise<number> => (await stand.status()).refused['spoofed-source'].packets;
      const before = await spoofed();
      await cross(stand);
      await stand.becomes(
        ({ refused }) => refused['spoofed-source'].packets > before + CROSSED_PACKETS,
        'refused as spoofed',
      );
      await cross(stand);
      return `${(await spoofed()) - before} packets refused as spoofed-source; finding spoofing`;
    },
  },
  {
    id: 'rebooted',
    what: 'box rebooted, boot loader only, no node',
    live: 'outage',
    fresh: 'outage',
    why: 'as long as the machine boots; what was live goes on once the end that opened it has sent again',
    async inflict(stand) {
      await stand.agent.hold();
      await stand.enforcer.hold();
      await rebootBox(stand.lab, async (box) => {
        const loader = join(ROOT, 'firmware', 'load-ruleset');
        const loaded = await box.run([loader], { env: stand.box.environment });
        if (loaded.code !== 0) throw new Error(loaded.stderr);
      });
      await delay(DARK_MS);
      const counters = await stand.lab.box.must(['nft', 'list', 'counters', 'table', 'inet', 'cordon']);
      if (!/packets [1-9]/.test(counters)) throw new Error('the loaded ruleset counts nothing');
      await stand.enforcer.start();
      await stand.agent.start();
      await stand.isInline();
      return 'kernel counters from the first packet on; cordon-boot in the journal';
    },
  },
  {
    id: 'queue-full',
    what: 'queue full: enforcer hung, more than it holds arrives',
    live: 'none',
    fresh: 'short',
    why: `what is beyond ${HOLD_QUEUE_LENGTH} passes at once, the rest when the heartbeat runs out`,
    async inflict(stand) {
      stand.enforcer.signal('SIGSTOP');
      const burst = ['hping3', '-q', '-S', '-c', '600', '-i', 'u1000', '-p', String(PERMITTED.essential)];
      await stand.lab.pump.run([...burst, HOSPITAL[0]]);
      await delay(INSPECTION_HEARTBEAT_TIMEOUT_MS);
      stand.enforcer.signal('SIGCONT');
      await stand.isInline();
      const { unseen } = (await stand.status()).inspection;
      return `status: ${unseen} first packets passed unseen`;
    },
  },
  {
    id: 'syn-flood',
    what: 'SYN flood from the device, refused and permitted ports',
    live: 'short',
    fresh: 'short',
    why: 'the machine forwards the flood, or refuses it, and has as much less time for the rest',
    async inflict(stand) {
      const since = Date.now();
      for (const port of [FORBIDDEN.tcp, PERMITTED.essential]) {
        const flood = ['timeout', FLOOD_SECONDS, 'hping3', '-q', '-S', '--flood', '-p', String(port)];
        await stand.lab.pump.run([...flood, HOSPITAL[0]]);
      }
      await stand.isInline();
      const told = await stand.found(/connection|scan|flood|burst/, since);
      return `finding ${told}`;
    },
  },
  {
    id: 'conntrack-full',
    what: 'table of connections full',
    live: 'none',
    fresh: 'stops',
    why: 'the kernel ends what is closing to make room; where it finds nothing it drops a new packet, which is sent again',
    async inflict(stand) {
      const since = Date.now();
      const counted = async (): Promise<number> => (await stand.status()).dropped['connectionTableFull'] ?? 0;
      const before = await counted();
      await fillConntrack(stand, async () => (await counted()) > before);
      const dropped = (await counted()) - before;
      await stand.lab.box
        .must(['conntrack', '-D', '-d', FILLED_DESTINATION], { timeoutMs: 60_000 })
        .catch(() => '');
      await stand.isInline();
      // Told once in ten minutes.
      if (before === 0) await stand.told('connections-full', /dropped/, since);
      return `connections-full; status counts ${dropped} packets`;
    },
  },
  {
    id: 'upgraded',
    what: 'upgrade to a new version under load',
    live: 'none',
    fresh: 'none',
    async inflict(stand) {
      const since = Date.now();
      const first = await install(stand);
      await stand.enforcer.restart({ main: first });
      await stand.agent.restart({ main: first });
      // As scripts/install does it: the new program beside the old one, then a rename, then the restart that a person orders.
      const second = await install(stand);
      await stand.enforcer.restart({ main: second });
      await stand.agent.restart({ main: second });
      await stand.isInline();
      return stand.told('enforcer-started', /version/, since);
    },
    async mend(stand) {
      await stand.enforcer.restart({});
      await stand.agent.restart({});
      await stand.isInline();
    },
  },
];

const FILLED_DESTINATION = '10.99.0.1';
const FILL_ROUNDS = 20;
const FILL_WAIT_MS = 2_000;

/**
 * With assured entries: the kernel evicts others by itself (early_drop). What an earlier flood left behind takes room now and gives it back as it runs
 * out, so it is filled until a new connection is dropped.
 */
async function fillConntrack(stand: Stand, isDropping: () => Promise<boolean>): Promise<void> {
  const limit = Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_max', 'latin1'));
  const file = join(stand.dir, 'connections');
  const line = (index: number, port: number): string =>
    `-I -s 10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255} -d ${FILLED_DESTINATION} -p tcp --sport 1024 --dport ${port} --state ESTABLISHED -u SEEN_REPLY,ASSURED -t 600\n`;
  for (let round = 0; round < FILL_ROUNDS; round++) {
    await writeFile(file, Array.from({ length: limit }, (_, index) => line(index, 1 + round)).join(''));
    // Ends at the first that finds no room.
    await stand.lab.box.run(['conntrack', '-R', file], { timeoutMs: 60_000 });
    for (const endMs = Date.now() + FILL_WAIT_MS; Date.now() < endMs;) {
      if (await isDropping()) return;
      await delay(100);
    }
  }
  throw new Error(`no new connection was dropped with ${limit} entries`);
}

/** Bridge mode: the interfaces change their names, as if the cables had changed their places. */
async function cross(stand: Stand): Promise<void> {
  for (const words of [
    'link set dev0 down',
    'link set net0 down',
    'link set dev0 name cross0',
    'link set net0 name dev0',
    'link set cross0 name net0',
    'link set dev0 up',
    'link set net0 up',
  ])
    await stand.lab.box.ip(words);
}

/** What scripts/install puts below /usr/lib/cordon, without asking npm for what is here already. */
async function install(stand: Stand): Promise<string> {
  const lib = join(stand.dir, 'lib');
  await rm(`${lib}.new`, { recursive: true, force: true });
  await mkdir(`${lib}.new`);
  for (const each of ['dist', 'firmware', 'package.json'])
    await cp(join(ROOT, each), join(`${lib}.new`, each), { recursive: true });
  await mkdir(join(`${lib}.new`, 'agent', 'netlink'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(`${lib}.new`, 'node_modules'));
  await symlink(join(ROOT, 'agent', 'netlink', 'native'), join(`${lib}.new`, 'agent', 'netlink', 'native'));
  await rm(`${lib}.old`, { recursive: true, force: true });
  await rename(lib, `${lib}.old`).catch(() => undefined);
  await rename(`${lib}.new`, lib);
  await must(['rm', '-rf', `${lib}.old`]);
  return join(lib, 'dist', 'cli', 'main.js');
}
