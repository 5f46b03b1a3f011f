/** A lab with the real enforcer whose findings are read from its socket, and what the attackers' tools need around them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type IpcClient } from '../../agent/ipc/client.js';
import { demoPolicy } from '../../agent/lab/demo-policy.js';
import { createLabBox, type LabBox } from '../../agent/lab/lab-box.js';
import { waitFor, type Namespace, type Running } from '../../agent/lab/namespace.js';
import { createNetworkLab, HOSPITAL, PUMP, type NetworkLab } from '../../agent/lab/network-lab.js';
import { requests } from '../../agent/messages/enforcer-messages.js';
import type { Finding } from '../../agent/messages/vocabulary.js';
import { pathsFromEnvironment } from '../../agent/paths.js';

const NEVER: Promise<unknown> = new Promise(() => undefined);
const FTP_PORT = 21;
const PASSWORDS = 240;
const SNMP_PORT = 161;
const COMMUNITIES = 150;
/** A stage prop: it knows no password, and hangs up after three (as vsftpd does: max_login_fails). */
const FTP_SERVER = `
require('node:net').createServer((socket) => {
  let failed = 0;
  socket.on('error', () => undefined);
  socket.write('220 ready\\r\\n');
  socket.on('data', (data) => {
    const word = String(data).slice(0, 4).toUpperCase();
    if (word === 'QUIT') socket.end('221 bye\\r\\n');
    else if (word === 'PASS' && ++failed === 3) socket.end('530 no\\r\\n');
    else socket.write(word === 'USER' ? '331 password\\r\\n' : word === 'PASS' ? '530 no\\r\\n' : '500 what\\r\\n');
  });
}).listen(${FTP_PORT}, '${HOSPITAL[0]}', () => console.log('listening'));
`;

export class AttackLab {
  readonly #lab: NetworkLab;
  readonly #box: LabBox;
  readonly #dir: string;
  readonly #isInline: boolean;
  #enforcer: Running;
  #client: IpcClient<typeof requests>;
  #findings: Finding[] = [];

  private constructor(
    lab: NetworkLab,
    box: LabBox,
    dir: string,
    enforcer: Running,
    client: IpcClient<typeof requests>,
    isInline: boolean,
  ) {
    this.#isInline = isInline;
    this.#lab = lab;
    this.#box = box;
    this.#dir = dir;
    this.#enforcer = enforcer;
    this.#client = client;
    this.#listen();
  }

  static async create(inspection: 'inline' | 'tap'): Promise<AttackLab> {
    const dir = await mkdtemp(join(tmpdir(), 'cordon-attacks-'));
    const lab = await createNetworkLab('bridge');
    // So that the end of a UDP flow need not be waited for: 120 s otherwise (nf_conntrack_udp_timeout_stream).
    await lab.box.sysctl('net.netfilter.nf_conntrack_udp_timeout_stream', '10');
    const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', null, [`inspection: ${inspection}`]);
    const policy = join(dir, 'policy.yaml');
    const more = (protocol: string, port: number): string =>
      `      - { direction: out, peer: { group: servers }, protocol: ${protocol}, ports: [${port}], why: "for the attacks" }\n`;
    await writeFile(
      policy,
      `${demoPolicy('bridge', lab.pumpMac)}${more('tcp', FTP_PORT)}${more('udp', 53)}${more('udp', SNMP_PORT)}`,
    );
    const enforcer = await box.startEnforcer();
    const applied = await box.cordon('policy', 'apply', policy, '--no-confirm');
    if (applied.code !== 0) throw new Error(applied.stderr);
    return new AttackLab(lab, box, dir, enforcer, await subscribe(box), inspection === 'inline');
  }

  get pump(): Namespace {
    return this.#lab.pump;
  }

  get hospital(): Namespace {
    return this.#lab.hospital;
  }

  host(name: 'pump' | 'hospital'): Namespace {
    return this.#lab[name];
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  async inspection(): Promise<string> {
    return (await this.#box.askEnforcer('status', {})).inspection.active;
  }

  /** An enforcer that remembers nothing of the attack before. */
  async begin(): Promise<void> {
    this.#client.close();
    await this.#enforcer.stop();
    this.#enforcer = await this.#box.startEnforcer();
    this.#client = await subscribe(this.#box);
    this.#findings = [];
    this.#listen();
    if (this.#isInline)
      await waitFor(
        async () => (await this.inspection()) === 'inline',
        NEVER,
        () => 'not inline',
      );
  }

  async isFound(found: (finding: Finding) => boolean): Promise<boolean> {
    try {
      await waitFor(
        () => this.#findings.some(found),
        this.#enforcer.ended,
        () => '',
      );
      return true;
    } catch {
      return false;
    }
  }

  /** The packets of whoever begins, as if the pump sent them to the server. */
  async replay(file: string): Promise<string> {
    const first = await this.pump.must(['tcpdump', '-n', '-r', file, '-c', '1', 'tcp or udp']);
    const source = / IP ([0-9.]+)\.\d+ > /.exec(first)?.[1];
    if (source === undefined) throw new Error(`no IPv4 packet in ${file}: ${first}`);
    const asked = join(this.#dir, 'asked.pcap');
    const rewritten = join(this.#dir, 'rewritten.pcap');
    await this.pump.must(['tcpdump', '-n', '-r', file, '-w', asked, `src host ${source}`], {
      timeoutMs: 30_000,
    });
    await this.pump.must([
      'tcprewrite',
      `--infile=${asked}`,
      `--outfile=${rewritten}`,
      `--srcipmap=0.0.0.0/0:${PUMP.bridge[0]}`,
      `--dstipmap=0.0.0.0/0:${HOSPITAL[0]}`,
      `--enet-smac=${this.#lab.pumpMac}`,
      `--enet-dmac=${await this.hospital.macOf('eth0')}`,
      '--fixcsum',
    ]);
    const ran = await this.pump.run(['tcpreplay', '--pps=500', '--intf1=eth0', rewritten], {
      timeoutMs: 60_000,
    });
    return `${ran.stdout} ${ran.stderr}`;
  }

  async guessPasswords(): Promise<string> {
    const list = join(this.#dir, 'passwords');
    await writeFile(list, Array.from({ length: PASSWORDS }, (_, index) => `secret${index}\n`).join(''));
    const server = await this.hospital.start([process.execPath, '-e', FTP_SERVER], {
      readyWhen: /listening/,
    });
    const ran = await this.pump.run(
      ['hydra', '-I', '-t', '4', '-l', 'admin', '-P', list, `ftp://${HOSPITAL[0]}`],
      { timeoutMs: 90_000, env: { HOME: this.#dir } },
    );
    await server.stop();
    await this.#ended('tcp', FTP_PORT);
    return `${ran.stdout} ${ran.stderr}`;
  }

  /** At a server that answers none of them. */
  async guessCommunities(): Promise<string> {
    const list = join(this.#dir, 'communities');
    await writeFile(list, Array.from({ length: COMMUNITIES }, (_, index) => `secret${index}\n`).join(''));
    const server = await this.hospital.start([
      'socat',
      `UDP4-RECV:${SNMP_PORT},bind=${HOSPITAL[0]}`,
      'OPEN:/dev/null',
    ]);
    const ran = await this.pump.run(['onesixtyone', '-c', list, HOSPITAL[0]], { timeoutMs: 60_000 });
    await this.#ended('udp', SNMP_PORT);
    await server.stop();
    return `${ran.stdout} ${ran.stderr}`;
  }

  /** Null where both ends can make a tun interface. */
  async whyNoTunnel(): Promise<string | null> {
    const made = await this.pump.run(['ip', 'tuntap', 'add', 'dev', 'try0', 'mode', 'tun']);
    if (made.code !== 0) return `no tun interface: ${made.stderr.trim()}`;
    await this.pump.run(['ip', 'link', 'delete', 'try0']);
    return null;
  }

  async tunnelThroughDns(): Promise<string> {
    const server = await this.hospital.start(
      ['iodined', '-f', '-c', '-P', 'secret', '-l', HOSPITAL[0], '10.99.0.1', 't.example'],
      { readyWhen: /Listening to dns/i },
    );
    const client = await this.pump.start(['iodine', '-f', '-r', '-P', 'secret', HOSPITAL[0], 't.example'], {
      readyWhen: /Connection setup complete/i,
    });
    await this.pump.run(['ping', '-q', '-i', '0.05', '-c', '200', '-s', '180', '10.99.0.1'], {
      timeoutMs: 30_000,
    });
    await client.stop();
    await server.stop();
    // Its flow has to end before its bytes are known; the kernel looks for ended ones about once a minute.
    await waitFor(
      async () =>
        !/sport=\d+ dport=53/.test((await this.#lab.box.run(['conntrack', '-L', '-p', 'udp'])).stdout),
      NEVER,
      () => 'the flow does not end',
      120_000,
    ).catch(() => undefined);
    return client.output();
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#lab.close();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** Until the kernel has forgotten every connection to this port: only then are its bytes told. TIME_WAIT is 120 s. */
  #ended(protocol: string, port: number): Promise<void> {
    return waitFor(
      async () =>
        !(await this.#lab.box.run(['conntrack', '-L', '-p', protocol])).stdout.includes(` dport=${port} `),
      NEVER,
      () => `a connection to port ${port} does not end`,
      150_000,
    );
  }

  #listen(): void {
    this.#client.onEvent((event) => {
      if (event.event === 'findings') this.#findings.push(...event.items);
    });
  }
}

async function subscribe(box: LabBox): Promise<IpcClient<typeof requests>> {
  const { enforcerSocket } = pathsFromEnvironment(box.environment);
  const client = await connect({ socketPath: enforcerSocket, peerName: 'enforcer', requests });
  await client.request('subscribe', {});
  return client;
}
