/**
 * A hospital of four hosts on this machine: a pump, the box in front of it, the hospital's servers, and a server outside.
 *
 *   pump --dev0[ box ]net0-- hospital --router-- outside
 *
 * In bridge mode pump and hospital share 10.77.0.0/24 and fd77::/64; in router mode the pump is in 10.78.0.0/24 and
 * fd78::/64 and the box routes. All addresses are private or for documentation (RFC 1918, 4193, 5737, 3849).
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Namespace, run } from './namespace.js';

export const PUMP = { bridge: ['10.77.0.10', 'fd77::10'], router: ['10.78.0.10', 'fd78::10'] } as const;
export const BOX = ['10.77.0.2', 'fd77::2'] as const;
export const HOSPITAL = ['10.77.0.1', 'fd77::1'] as const;
/** More servers of the hospital, for sweeps: 10.77.0.21 to 10.77.0.32. */
export const SWEPT = Array.from({ length: 12 }, (_, index) => `10.77.0.${21 + index}`);
export const OUTSIDE = ['203.0.113.10', '2001:db8:113::10'] as const;
export type LabMode = 'bridge' | 'router';

export interface NetworkLab {
  readonly id: string;
  readonly mode: LabMode;
  readonly pump: Namespace;
  readonly box: Namespace;
  readonly hospital: Namespace;
  readonly outside: Namespace;
  readonly pumpMac: string;
  /** Kills what runs in the lab and removes it. Safe twice. */
  close(): Promise<void>;
}

const HOSTS = ['pump', 'box', 'hospital', 'outside'] as const;

/** `id` makes the namespaces' names, `cordon-<id>-pump` and so on; by default this process's number. */
export async function createNetworkLab(mode: LabMode, id = String(process.pid)): Promise<NetworkLab> {
  const made: Namespace[] = [];
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> =>
    (closing ??= Promise.all(made.map((namespace) => namespace.close())).then(() => undefined));
  await loadModules(mode);
  try {
    for (const host of HOSTS) made.push(await Namespace.create(`cordon-${id}-${host}`));
    const [pump, box, hospital, outside] = made as [Namespace, Namespace, Namespace, Namespace];
    await link(pump, 'eth0', box, 'dev0');
    await link(box, 'net0', hospital, 'eth0');
    await link(hospital, 'wan0', outside, 'eth0');
    await wireBox(box, mode);
    await address(pump, 'eth0', PUMP[mode], [24, 64]);
    await address(hospital, 'eth0', HOSPITAL, [24, 64]);
    for (const server of SWEPT) await hospital.ip(`addr add ${server}/24 dev eth0`);
    await address(hospital, 'wan0', ['203.0.113.1', '2001:db8:113::1'], [24, 64]);
    await address(outside, 'eth0', OUTSIDE, [24, 64]);
    await route(pump, mode === 'bridge' ? HOSPITAL : ['10.78.0.1', 'fd78::1']);
    await route(outside, ['203.0.113.1', '2001:db8:113::1']);
    await forwarding(hospital);
    if (mode === 'router') {
      await hospital.ip('route add 10.78.0.0/24 via 10.77.0.2');
      await hospital.ip('-6 route add fd78::/64 via fd77::2');
    }
    return { id, mode, pump, box, hospital, outside, pumpMac: await pump.macOf('eth0'), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The box as after a power cut: its namespace, with everything in the kernel, is gone, and a fresh one has its name. `boot` runs before
 * there is a port. Whoever ran processes on the box has ended them.
 */
export async function rebootBox(
  { box, pump, hospital, mode }: NetworkLab,
  boot: (box: Namespace) => Promise<void>,
): Promise<void> {
  const cables = [
    [pump, 'dev0'],
    [hospital, 'net0'],
  ] as const;
  for (const [end, port] of cables) await box.ip(`link set ${port} netns ${end.name}`);
  await box.killAll();
  await run(['ip', 'netns', 'del', box.name]);
  await Namespace.create(box.name);
  await boot(box);
  for (const [end, port] of cables) {
    await end.ip(`link set ${port} netns ${box.name}`);
    await box.ip(`link set ${port} up`);
  }
  await wireBox(box, mode);
}

/**
 * What systemd-modules-load does on a box. Kernels with these parts built in have no such modules, and without root the machine's
 * own have to do.
 */
async function loadModules(mode: LabMode): Promise<void> {
  const list = await readFile(new URL('../../firmware/cordon.modules-load.conf', import.meta.url), 'utf8');
  await run(['modprobe', '--all', '--quiet', ...list.trim().split('\n')]);
  if (mode === 'bridge' && !existsSync('/proc/sys/net/bridge'))
    throw new Error('bridged packets cannot be filtered on this machine: as root, modprobe br_netfilter');
}

/** Takes down a lab that was left up, also one whose maker is gone. Returns how many hosts there were. */
export async function closeLab(id: string): Promise<number> {
  const { stdout } = await run(['ip', 'netns', 'list']);
  const names = HOSTS.map((host) => `cordon-${id}-${host}`).filter((name) =>
    new RegExp(`^${name}( |$)`, 'm').test(stdout),
  );
  for (const name of names) await Namespace.existing(name).close();
  return names.length;
}

async function wireBox(box: Namespace, mode: LabMode): Promise<void> {
  if (mode === 'bridge') {
    await box.ip('link add br0 type bridge stp_state 0 forward_delay 0');
    for (const port of ['dev0', 'net0']) await box.ip(`link set ${port} master br0`);
    await box.ip('link set br0 up');
    await box.sysctl('net.bridge.bridge-nf-filter-vlan-tagged', '1');
    await address(box, 'br0', BOX, [24, 64]);
  } else {
    await address(box, 'dev0', ['10.78.0.1', 'fd78::1'], [24, 64]);
    await address(box, 'net0', BOX, [24, 64]);
    await forwarding(box);
  }
  await route(box, HOSPITAL);
  // What firmware/cordon.sysctl.conf sets on a box.
  for (const setting of ['acct', 'events', 'timestamp'].map((name) => `net.netfilter.nf_conntrack_${name}`))
    await box.sysctl(setting, '1');
}

async function link(a: Namespace, aName: string, b: Namespace, bName: string): Promise<void> {
  await a.ip(`link add ${aName} type veth peer name ${bName} netns ${b.name}`);
  await a.ip(`link set ${aName} up`);
  await b.ip(`link set ${bName} up`);
}

async function address(
  host: Namespace,
  device: string,
  texts: readonly [string, string],
  lengths: readonly [number, number],
): Promise<void> {
  await host.ip(`addr add ${texts[0]}/${lengths[0]} dev ${device}`);
  // Duplicate address detection would make the address unusable for a second.
  await host.ip(`addr add ${texts[1]}/${lengths[1]} dev ${device} nodad`);
}

async function route(host: Namespace, gateways: readonly [string, string]): Promise<void> {
  await host.ip(`route add default via ${gateways[0]}`);
  await host.ip(`-6 route add default via ${gateways[1]}`);
}

async function forwarding(host: Namespace): Promise<void> {
  await host.sysctl('net.ipv4.ip_forward', '1');
  await host.sysctl('net.ipv6.conf.all.forwarding', '1');
}
