/**
 * Live traffic through the box, both ways and in both families, for the failure matrix and for chaos: connections that stay, new ones
 * all the time, and attempts at what is refused, with receivers that count every packet that should not have come. All of it
 * stays in the lab's namespaces and ends with them.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Namespace, Running } from '../namespace.js';
import { HOSPITAL, PUMP, type LabMode, type NetworkLab } from '../network-lab.js';
import type { PeerReport, TrafficRole } from './traffic-role.js';

/** Of the hospital, open to the pump. */
export const PERMITTED = { live: 8080, essential: 2575, fresh: 8082, udp: 5000 } as const;
/** Of the pump, open to the hospital. */
export const INWARDS = { live: 2576, fresh: 2577 } as const;
/** Somebody listens there, so that what comes through is answered. */
export const FORBIDDEN = { tcp: 8081, udp: 9999 } as const;

const PROCESS = fileURLToPath(new URL('../../../dist/lab/matrix/traffic-peer.js', import.meta.url));
const PING_EVERY_SECONDS = '0.05';
const ASK_TIMEOUT_MS = 20_000;

export interface TrafficReport extends PeerReport {
  /** Packets that arrived and should not have, by the counter that saw them. */
  readonly arrived: Readonly<Record<string, number>>;
}

export function matrixPolicy(mode: LabMode, pumpMac: string): string {
  const [address4, address6] = PUMP[mode];
  const peer = '{ group: servers }';
  return `version: 1
site: { name: Matrix, networks: [10.77.0.0/16, 10.78.0.0/16, "fd77::/64", "fd78::/64"] }
unknownDevices: refuse
groups:
  servers: [{ address: ${HOSPITAL[0]} }, { address: "${HOSPITAL[1]}" }]
devices:
  pump-1:
    identity: { macs: ["${pumpMac}"], addresses: [${address4}, "${address6}"] }
    mode: enforce
    allow:
      - { direction: out, peer: ${peer}, protocol: tcp, ports: [${PERMITTED.essential}], essential: true, why: doses }
      - { direction: out, peer: ${peer}, protocol: tcp, ports: [${PERMITTED.live}, ${PERMITTED.fresh}], why: records }
      - { direction: out, peer: ${peer}, protocol: udp, ports: [${PERMITTED.udp}], why: alarms }
      - { direction: in, peer: ${peer}, protocol: tcp, ports: [${INWARDS.live}, ${INWARDS.fresh}], why: service }
`;
}

export class LiveTraffic {
  readonly #lab: NetworkLab;
  readonly #peers: Readonly<Record<string, string>>;
  readonly #running: readonly Running[];
  #arrivedBefore: Readonly<Record<string, number>> = {};

  private constructor(lab: NetworkLab, peers: Readonly<Record<string, string>>, running: readonly Running[]) {
    this.#lab = lab;
    this.#peers = peers;
    this.#running = running;
  }

  static async start(lab: NetworkLab, dir: string): Promise<LiveTraffic> {
    const hospital = HOSPITAL;
    const pump = PUMP[lab.mode];
    await receive(lab.hospital, await lab.pump.macOf('eth0'), [
      `tcp dport { ${PERMITTED.live}, ${PERMITTED.essential}, ${PERMITTED.fresh} } return`,
      `tcp sport { ${INWARDS.live}, ${INWARDS.fresh} } return`,
      `udp dport ${PERMITTED.udp} return`,
    ]);
    await receive(lab.pump, await lab.hospital.macOf('eth0'), [
      `tcp sport { ${PERMITTED.live}, ${PERMITTED.essential}, ${PERMITTED.fresh} } return`,
      `tcp dport { ${INWARDS.live}, ${INWARDS.fresh} } return`,
      `udp sport ${PERMITTED.udp} return`,
    ]);
    const peers: Record<string, string> = {};
    const running: Running[] = [];
    const start = async (
      host: Namespace,
      name: string,
      role: Omit<TrafficRole, 'control'>,
    ): Promise<void> => {
      const control = join(dir, `${name}.sock`);
      peers[name] = control;
      running.push(
        await host.start([process.execPath, PROCESS, JSON.stringify({ ...role, control })], {
          readyWhen: /ready/,
        }),
      );
    };
    const none = { live: [], fresh: [], udp: [], hosts: [] };
    await Promise.all([
      start(lab.hospital, 'server', {
        is: 'server',
        hosts: [],
        live: [PERMITTED.live, PERMITTED.essential],
        fresh: [PERMITTED.fresh, FORBIDDEN.tcp],
        udp: [PERMITTED.udp, FORBIDDEN.udp],
      }),
      start(lab.pump, 'service', {
        ...none,
        is: 'server',
        live: [INWARDS.live],
        fresh: [INWARDS.fresh, FORBIDDEN.tcp],
        udp: [FORBIDDEN.udp],
      }),
    ]);
    await Promise.all([
      start(lab.pump, 'client', {
        is: 'client',
        hosts: hospital,
        live: [PERMITTED.live, PERMITTED.essential],
        fresh: [PERMITTED.fresh],
        udp: [PERMITTED.udp],
      }),
      start(lab.hospital, 'caller', {
        ...none,
        is: 'client',
        hosts: pump,
        live: [INWARDS.live],
        fresh: [INWARDS.fresh],
      }),
      start(lab.pump, 'intruder', {
        ...none,
        is: 'intruder',
        hosts: hospital,
        fresh: [FORBIDDEN.tcp],
        udp: [FORBIDDEN.udp],
      }),
      start(lab.hospital, 'prowler', {
        ...none,
        is: 'intruder',
        hosts: pump,
        fresh: [FORBIDDEN.tcp],
        udp: [FORBIDDEN.udp],
      }),
    ]);
    for (const [host, targets] of [
      [lab.pump, hospital],
      [lab.hospital, pump],
    ] as const)
      for (const target of targets)
        running.push(await host.start(['ping', '-q', '-i', PING_EVERY_SECONDS, target]));
    return new LiveTraffic(lab, peers, running);
  }

  /** What happened up to now is forgotten. */
  async begin(): Promise<void> {
    await Promise.all(Object.keys(this.#peers).map((peer) => this.#ask(peer, 'begin')));
    this.#arrivedBefore = await this.#arrivals();
  }

  /** What happened since `begin`. Waits until connections that were being opened are open, or have failed. */
  async report(): Promise<TrafficReport> {
    const told = await Promise.all(Object.keys(this.#peers).map((peer) => this.#ask(peer, 'report')));
    const arrived = Object.entries(await this.#arrivals()).flatMap(([name, count]) => {
      const more = count - (this.#arrivedBefore[name] ?? 0);
      return more > 0 ? [[name, more] as const] : [];
    });
    const sum = (of: (report: PeerReport) => number): number =>
      told.reduce((total, each) => total + of(each), 0);
    const longest = (of: (report: PeerReport) => number): number =>
      told.reduce((most, each) => Math.max(most, of(each)), 0);
    return {
      liveGapMs: Math.round(longest((each) => each.liveGapMs)),
      liveBroken: sum((each) => each.liveBroken),
      outOfOrder: sum((each) => each.outOfOrder),
      datagrams: sum((each) => each.datagrams),
      datagramsLost: sum((each) => each.datagramsLost),
      freshTried: sum((each) => each.freshTried),
      freshFailed: sum((each) => each.freshFailed),
      freshSlowestMs: Math.round(longest((each) => each.freshSlowestMs)),
      intrusions: sum((each) => each.intrusions),
      arrived: Object.fromEntries(arrived),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((one) => one.stop()));
  }

  async #arrivals(): Promise<Readonly<Record<string, number>>> {
    const [atHospital, atPump] = await Promise.all([counts(this.#lab.hospital), counts(this.#lab.pump)]);
    return Object.fromEntries([
      ...[...atHospital].map(([name, count]) => [`hospital: ${name}`, count] as const),
      ...[...atPump].map(([name, count]) => [`pump: ${name}`, count] as const),
    ]);
  }

  #ask(peer: string, question: 'begin' | 'report'): Promise<PeerReport> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(this.#peers[peer] ?? '');
      socket.setTimeout(ASK_TIMEOUT_MS, () => {
        socket.destroy(new Error(`${peer} does not answer`));
      });
      socket.on('error', reject);
      socket.on('data', (bytes) => (answer += bytes.toString('utf8')));
      socket.on('end', () => {
        resolve(JSON.parse(answer) as PeerReport);
      });
      socket.write(question);
    });
  }
}

/** Counts, before anything else looks at it, whatever came from this MAC and is not permitted. */
async function receive(host: Namespace, mac: string, permitted: readonly string[]): Promise<void> {
  const kinds = [
    ['TCP', 'meta l4proto tcp'],
    ['UDP', 'meta l4proto udp'],
    ['ping', 'icmp type echo-request'],
    ['ping6', 'icmpv6 type echo-request'],
  ] as const;
  const families = (kind: string): readonly (readonly [string, string])[] =>
    kind.startsWith('ping')
      ? [[kind, '']]
      : [
          [`${kind} over IPv4`, 'meta nfproto ipv4 '],
          [`${kind} over IPv6`, 'meta nfproto ipv6 '],
        ];
  const rules = kinds.flatMap(([kind, match]) =>
    families(kind).map(([name, family]) => `${family}${match} counter comment "${name}"`),
  );
  await host.must(['nft', '-f', '-'], {
    input: `table inet receiver {
	chain arrivals {
		type filter hook prerouting priority raw; policy accept;
		ether saddr != ${mac} return
		${[...permitted, ...rules].join('\n\t\t')}
	}
}
`,
  });
}

async function counts(host: Namespace): Promise<ReadonlyMap<string, number>> {
  const text = await host.must(['nft', 'list', 'chain', 'inet', 'receiver', 'arrivals']);
  return new Map(
    [...text.matchAll(/counter packets (\d+) bytes \d+ comment "([^"]+)"/g)].map(([, count, name]) => [
      name ?? '',
      Number(count),
    ]),
  );
}
