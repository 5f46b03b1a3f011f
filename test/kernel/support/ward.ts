/**
 * Three devices behind the box and a hospital before it, for tests of verdicts. The test's own network namespace is the
 * box, so that nft, sysctl and NFLOG are at hand; the others are namespaces of their own. Every host counts what arrives.
 *
 *   pump dev0 --+
 *   monitor dev1 --[ box = this namespace ]-- net0 hospital
 *   stray dev2 --+   (no entry of the policy names it)
 */
import { writeFileSync } from 'node:fs';
import { Namespace, must, waitFor } from '../../../agent/lab/namespace.js';
import { watchFrames, type FrameWatcher } from '../../../agent/lab/watch-frames.js';
import { readCounters } from '../../../agent/nftables/read-tables.js';
import { applyRuleset } from '../../../agent/nftables/run-nft.js';
import { boxConfig, type BoxConfig } from '../../../agent/policy/config.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import { compileRuleset } from '../../../agent/ruleset/compile-ruleset.js';
import { renderRuleset, type RenderOptions } from '../../../agent/ruleset/render-ruleset.js';
import type { Ruleset } from '../../../agent/ruleset/ruleset.js';
import { rawFrames, tagged, type Bytes, type Link } from './frames.js';

export const HOSTS = ['pump', 'monitor', 'stray', 'hospital'] as const;
export type HostName = (typeof HOSTS)[number];
export type Family = 4 | 6;
export type Mode = 'bridge' | 'router';

const PORTS = { pump: 'dev0', monitor: 'dev1', stray: 'dev2', hospital: 'net0' } as const;
export const MACS = {
  pump: '02:00:00:00:00:0a',
  monitor: '02:00:00:00:00:0b',
  stray: '02:00:00:00:00:0e',
  hospital: '02:00:00:00:00:01',
} as const;
const BOX_MAC = '02:00:00:00:00:b0';
const HOST_PART = { pump: '10', monitor: '11', stray: '14', hospital: '1' } as const;
/** The third octet, and the last digits of the IPv6 prefix: one network in bridge mode, one a port in router mode. */
const NETWORKS = {
  bridge: { pump: '77', monitor: '77', stray: '77', hospital: '77' },
  router: { pump: '78', monitor: '79', stray: '80', hospital: '77' },
} as const;

export class Ward {
  readonly mode: Mode;
  readonly config: BoxConfig;
  readonly #hosts: ReadonlyMap<HostName, Namespace>;
  readonly #watchers = new Map<HostName, FrameWatcher>();
  #vlan: number | null;
  #tags = 0;

  private constructor(mode: Mode, hosts: ReadonlyMap<HostName, Namespace>, vlan: number | null) {
    this.mode = mode;
    this.#vlan = vlan;
    this.#hosts = hosts;
    this.config = boxConfig.parse({
      box: 'box-1',
      mode,
      devicePorts: [PORTS.pump, PORTS.monitor, PORTS.stray],
      networkPorts: [PORTS.hospital],
      vlans: vlan === null ? [] : [vlan],
    });
  }

  /** `vlan`: bridge mode; every frame that is sent carries its tag, and the box lets it in. */
  static async create(mode: Mode, vlan: number | null = null): Promise<Ward> {
    const hosts = new Map<HostName, Namespace>();
    for (const name of HOSTS) hosts.set(name, await Namespace.create(`cordon-${process.pid}-${name}`));
    const ward = new Ward(mode, hosts, vlan);
    await ward.#wire();
    return ward;
  }

  host(name: HostName): Namespace {
    const found = this.#hosts.get(name);
    if (!found) throw new Error(`no host ${name}`);
    return found;
  }

  address(name: HostName | 'box', family: Family, port: HostName = 'hospital'): string {
    const network = NETWORKS[this.mode][name === 'box' ? port : name];
    // The box: .2 where the hospital is, the gateway of a routed device elsewhere.
    const host =
      name === 'box' ? (this.mode === 'router' && port !== 'hospital' ? '1' : '2') : HOST_PART[name];
    return family === 4 ? `10.${network}.0.${host}` : `fd${network}::${host}`;
  }

  /** Where a frame of `from` for `to` is sent: to the other host, or to the box that routes. */
  link(from: HostName, to: HostName): Link {
    return { from: MACS[from], to: this.mode === 'bridge' ? MACS[to] : BOX_MAC };
  }

  get boxMac(): string {
    return BOX_MAC;
  }

  /** Unique in this run; goes into a probe's payload, and is looked for where it should (not) arrive. */
  tag(): string {
    this.#tags += 1;
    return `T${String(this.#tags).padStart(4, '0')}.`;
  }

  /** Out of the host's interface as it is, but for the tag of the ward's VLAN. */
  async send(from: HostName, frame: Bytes): Promise<void> {
    await this.sendAll(from, [frame]);
  }

  /** One after the other. */
  async sendAll(from: HostName, frames: readonly Bytes[]): Promise<void> {
    const sent = this.#vlan === null ? frames : frames.map((frame) => tagged(frame, this.#vlan ?? 0));
    await this.host(from).must(['sh', '-c', rawFrames(sent, 'eth0')]);
  }

  /** Frames carry another tag meanwhile; the box's configuration stays. */
  async withVlan(vlan: number, work: () => Promise<void>): Promise<void> {
    const before = this.#vlan;
    this.#vlan = vlan;
    await work();
    this.#vlan = before;
  }

  hasArrived(at: HostName, tag: string): boolean {
    return (
      this.#watchers
        .get(at)
        ?.frames()
        .some((frame) => frame.includes(tag)) ?? false
    );
  }

  async arrives(at: HostName, tag: string): Promise<void> {
    await eventually(
      () => this.hasArrived(at, tag),
      () => `${tag} does not arrive at ${at}`,
    );
  }

  /** Packets refused so far, by reason: the words of the vocabulary, with underscores. */
  async refused(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const [name, { packets }] of await readCounters())
      if (name.startsWith('refused_')) counts[name.slice('refused_'.length)] = packets;
    return counts;
  }

  async counter(name: string): Promise<number> {
    return (await readCounters()).get(name)?.packets ?? 0;
  }

  compile(policyText: string): Ruleset {
    const parsed = parsePolicy(policyText);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems, null, 2));
    return compileRuleset({ policy: parsed.policy, config: this.config });
  }

  async load(policyText: string, how: RenderOptions['how'] = 'replace'): Promise<Ruleset> {
    const ruleset = this.compile(policyText);
    const result = await applyRuleset(renderRuleset(ruleset, { how }));
    if (!result.ok) throw new Error(result.error);
    return ruleset;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map((host) => host.close()));
  }

  async #wire(): Promise<void> {
    if (this.mode === 'bridge') {
      await ip(`link add br0 address ${BOX_MAC} type bridge stp_state 0 forward_delay 0`);
      await ip('link set br0 up');
      if (this.#vlan !== null) writeFileSync('/proc/sys/net/bridge/bridge-nf-filter-vlan-tagged', '1');
    }
    for (const name of HOSTS) await this.#attach(name);
    if (this.mode === 'bridge') await this.#boxAddress('br0', 'hospital');
    else {
      for (const name of HOSTS) await this.#boxAddress(PORTS[name], name);
      await must([
        'sh',
        '-c',
        'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding',
      ]);
      await this.#routes();
    }
    for (const name of HOSTS) this.#watchers.set(name, await watchFrames(this.host(name)));
  }

  /** Without router solicitations: nothing speaks but what the test sends (and neighbour discovery). */
  async #attach(name: HostName): Promise<void> {
    const host = this.host(name);
    const port = PORTS[name];
    for (const scope of ['default', 'all'])
      await host.must([
        'sh',
        '-c',
        `cd /proc/sys/net/ipv6/conf/${scope} && echo 0 >router_solicitations && echo 0 >accept_ra`,
      ]);
    await must([
      'ip',
      'link',
      'add',
      port,
      ...(this.mode === 'router' ? ['address', BOX_MAC] : []),
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'address',
      MACS[name],
      'netns',
      host.name,
    ]);
    if (this.mode === 'bridge') await ip(`link set ${port} master br0`);
    await ip(`link set ${port} up`);
    await host.ip('link set eth0 up');
    await host.ip(`addr add ${this.address(name, 4)}/24 dev eth0`);
    await host.ip(`addr add ${this.address(name, 6)}/64 dev eth0 nodad`);
  }

  async #boxAddress(device: string, port: HostName): Promise<void> {
    await ip(`addr add ${this.address('box', 4, port)}/24 dev ${device}`);
    await ip(`addr add ${this.address('box', 6, port)}/64 dev ${device} nodad`);
  }

  async #routes(): Promise<void> {
    for (const name of HOSTS) {
      await this.host(name).ip(`route add default via ${this.address('box', 4, name)}`);
      await this.host(name).ip(`-6 route add default via ${this.address('box', 6, name)}`);
    }
  }
}

/** Until it is so; an event to wait for, never a pause. Rejects after 15 s with `what`. */
export function eventually(isTrue: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  return waitFor(isTrue, new Promise(() => undefined), what);
}

async function ip(words: string): Promise<void> {
  await must(['ip', ...words.split(' ')]);
}
