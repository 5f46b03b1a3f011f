/**
 * The lab with host names: dnsmasq in the hospital answers for many names, and the pump's allow-list names hosts. Used by
 * the tests of names and by the bench.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLabBox, type LabBox } from './lab-box.js';
import { must, waitFor, type Namespace, type Running } from './namespace.js';
import { createNetworkLab, HOSPITAL, PUMP, SWEPT, type LabMode, type NetworkLab } from './network-lab.js';

export const RESOLVER = HOSPITAL[0];
/** Another DNS server, which the policy does not name, with the same answers. */
export const STRANGER = SWEPT[0] ?? '';
/** Listed as a resolver; nothing answers there unless a test makes it. */
export const SECOND_RESOLVER = SWEPT[1] ?? '';
export const DICOM = 104;
export const HL7 = 2575;
/** `n0` to `n16383` under this domain, each with an IPv4 and an IPv6 address of its own. */
export const MANY = 'many.hospital.example';
const MANY_NAMES = 16_384;

const SOURCE = fileURLToPath(new URL('../../agent/lab/resolve-and-connect.c', import.meta.url));
const SERVER = `
for (const port of process.argv.slice(1))
  require('node:net').createServer((socket) => socket.on('error', () => undefined).resume()).listen({ host: '::', port, backlog: 4096 });
setTimeout(() => console.log('listening'), 200);
`;

export interface Tried {
  readonly resolved: number;
  readonly connected: number;
  /** Connections whose first packet had to be sent again. */
  readonly sentAgain: number;
  /** The last one's. */
  readonly address: string;
  readonly answerUs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly connectUs: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface Try {
  readonly name: string;
  readonly resolver?: string;
  readonly family?: 4 | 6;
  /** 0: only asks. */
  readonly port?: number;
  readonly from?: number;
  readonly count?: number;
  readonly workers?: number;
  readonly transport?: 'udp' | 'tcp';
  /** For an answer, and for a connection. */
  readonly timeoutMs?: number;
}

export class NameLab {
  readonly lab: NetworkLab;
  readonly box: LabBox;
  readonly dir: string;
  readonly #client: string;
  enforcer: Running;

  private constructor(lab: NetworkLab, box: LabBox, dir: string, client: string, enforcer: Running) {
    this.lab = lab;
    this.box = box;
    this.dir = dir;
    this.#client = client;
    this.enforcer = enforcer;
  }

  /** `dir` is the caller's to remove. */
  static async create(mode: LabMode, dir: string, inspection: 'inline' | 'tap' = 'inline'): Promise<NameLab> {
    const client = join(dir, 'resolve-and-connect');
    await must(['gcc', '-O2', '-pthread', '-o', client, SOURCE], { timeoutMs: 60_000 });
    const lab = await createNetworkLab(mode);
    try {
      const box = await createLabBox(lab.box, dir, mode, 'box-1', null);
      await writeFile(join(dir, 'config.yaml'), `inspection: ${inspection}\n`, { flag: 'a' });
      await startServers(lab.hospital, dir);
      const made = new NameLab(lab, box, dir, client, await box.startEnforcer());
      await made.apply(namePolicy(mode, lab.pumpMac));
      return made;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  async apply(policy: string): Promise<void> {
    const file = join(this.dir, 'policy.yaml');
    await writeFile(file, policy);
    const applied = await this.box.cordon('policy', 'apply', file, '--no-confirm');
    if (applied.code !== 0) throw new Error(applied.stderr);
  }

  /** Asks and connects from the pump. */
  async attempt(what: Try): Promise<Tried> {
    const { name, resolver = RESOLVER, family = 4, port = DICOM, from = 0, count = 1, workers = 1 } = what;
    const words = [
      resolver,
      name,
      from,
      count,
      workers,
      family,
      port,
      what.transport ?? 'udp',
      what.timeoutMs ?? 6_000,
    ].map(String);
    return JSON.parse(await this.lab.pump.must([this.#client, ...words], { timeoutMs: 240_000 })) as Tried;
  }

  /** Connects to an address that the pump has in mind. */
  connect(address: string, port = DICOM): Promise<Tried> {
    return this.attempt({ resolver: '-', name: address, family: address.includes(':') ? 6 : 4, port });
  }

  /** A refused packet is dropped without an answer: what is permitted connects in a millisecond. */
  async refuses(address: string, port = DICOM): Promise<boolean> {
    const family = address.includes(':') ? 6 : 4;
    const tried = await this.attempt({ resolver: '-', name: address, family, port, timeoutMs: 700 });
    return tried.connected === 0;
  }

  async isInline(): Promise<void> {
    await waitFor(
      async () => (await this.box.askEnforcer('status', {})).inspection.active === 'inline',
      this.enforcer.ended,
      () => `not inline: ${this.enforcer.output().slice(-2000)}`,
    );
  }

  async close(): Promise<void> {
    this.enforcer.signal('SIGCONT');
    await this.lab.close();
  }
}

/** `n7.many.hospital.example` has 10.99.0.7 and fd99::7. */
export function manyAddress(index: number, family: 4 | 6): string {
  return family === 4 ? `10.99.${index >> 8}.${index & 255}` : `fd99::${index.toString(16)}`;
}

async function startServers(hospital: Namespace, dir: string): Promise<void> {
  const hosts = Array.from({ length: MANY_NAMES }, (_, index) => index).flatMap((index) =>
    index === 0 ? [] : ([4, 6] as const).map((family) => `${manyAddress(index, family)} n${index}.${MANY}`),
  );
  await writeFile(join(dir, 'hosts'), `${hosts.join('\n')}\n`);
  // The hospital answers for a whole network at each of its addresses.
  await hospital.ip('route add local 10.99.0.0/16 dev lo');
  await hospital.ip('-6 route add local fd99::/64 dev lo');
  const configuration = `
no-daemon
no-resolv
no-hosts
no-poll
user=root
bind-interfaces
listen-address=${RESOLVER},${HOSPITAL[1]},${STRANGER}
port=53
local-ttl=60
local=/example/
addn-hosts=${join(dir, 'hosts')}
host-record=pacs.hospital.example,10.99.255.1,fd99::ff01
host-record=hl7.hospital.example,10.99.255.2,fd99::ff02
host-record=viewer.hospital.example,10.99.255.1
cname=alias.hospital.example,middle.hospital.example
cname=middle.hospital.example,pacs.hospital.example
host-record=update.vendor.example,203.0.113.10,2001:db8:113::10
host-record=inside.vendor.example,${HOSPITAL[0]},${HOSPITAL[1]}
host-record=loop.hospital.example,127.0.0.1,::1
host-record=pump.hospital.example,${PUMP.bridge[0]}
`;
  await writeFile(join(dir, 'dnsmasq.conf'), configuration);
  await hospital.start(['dnsmasq', `--conf-file=${join(dir, 'dnsmasq.conf')}`]);
  await hospital.listensOn(53, 'udp');
  await hospital.start([process.execPath, '-e', SERVER, String(DICOM), String(HL7)], {
    readyWhen: /listening/,
  });
}

export function namePolicy(mode: LabMode, pumpMac: string): string {
  const [address4, address6] = PUMP[mode];
  const out = (peer: string, rest: string): string =>
    `      - { direction: out, peer: ${peer}, ${rest}, why: "test" }`;
  return `version: 1
site:
  name: Names
  networks: [10.77.0.0/16, 10.78.0.0/16, "fd77::/64", "fd78::/64"]
  resolvers: [${RESOLVER}, "${HOSPITAL[1]}", ${SECOND_RESOLVER}]
  domains: [hospital.example]
  wildcardNames: true
unknownDevices: refuse
groups:
  dns: [{ address: ${RESOLVER} }, { address: "${HOSPITAL[1]}" }, { address: ${STRANGER} }, { address: ${SECOND_RESOLVER} }]
devices:
  pump-1:
    identity: { macs: ["${pumpMac}"], addresses: [${address4}, "${address6}"] }
    mode: enforce
    allow:
${out('{ group: dns }', 'protocol: udp, ports: [53], essential: true')}
${out('{ group: dns }', 'protocol: tcp, ports: [53]')}
${out('{ name: pacs.hospital.example }', `protocol: tcp, ports: [${DICOM}]`)}
${out('{ name: alias.hospital.example }', `protocol: tcp, ports: [${DICOM}]`)}
${out('{ name: hl7.hospital.example }', `protocol: tcp, ports: [${HL7}], essential: true`)}
${out('{ name: pacs.hospital.example }', 'protocol: icmp')}
${out('{ name: inside.vendor.example }', `protocol: tcp, ports: [${DICOM}]`)}
${out('{ name: loop.hospital.example }', `protocol: tcp, ports: [${DICOM}]`)}
${out('{ name: pump.hospital.example }', `protocol: tcp, ports: [${DICOM}]`)}
${out(`{ name: "*.${MANY}" }`, `protocol: tcp, ports: [${DICOM}]`)}
`;
}
