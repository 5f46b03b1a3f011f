/** Live TCP connections between hosts of the ward: an echo server, and a client that counts what comes back. */
import type { Running } from '../../../agent/lab/namespace.js';
import { eventually, type Family, type HostName, type Ward } from './ward.js';

const CLIENT = `
const [host, port] = process.argv.slice(1);
const socket = require('node:net').connect({ host, port: Number(port) });
let lines = 0;
socket.on('connect', () => setInterval(() => socket.write('x\\n'), 20));
socket.on('data', (bytes) => { for (const byte of bytes) if (byte === 10) console.log(++lines); });
`;

/** How many echoes more are taken for "it goes on". */
const PROGRESS = 5;

export class Stream {
  readonly name: string;
  readonly #client: Running;

  private constructor(name: string, client: Running) {
    this.name = name;
    this.#client = client;
  }

  /** Connected, and the first echoes are back. */
  static async open(ward: Ward, from: HostName, to: HostName, family: Family, port: number): Promise<Stream> {
    const client = await ward
      .host(from)
      .start([process.execPath, '-e', CLIENT, ward.address(to, family), String(port)]);
    const stream = new Stream(`${from} to ${to}, IPv${family}, port ${port}`, client);
    await stream.goesOn();
    return stream;
  }

  echoes(): number {
    return this.#client.output().split('\n').length - 1;
  }

  async goesOn(): Promise<void> {
    const before = this.echoes();
    await eventually(
      () => this.echoes() >= before + PROGRESS,
      () => `${this.name} does not go on`,
    );
  }

  /**
   * Whether nothing came back any more, measured by a witness that goes on: what was in the pipe at first has passed when
   * the witness has made progress, and a second progress of it must bring no more.
   */
  async standsStill(witness: Stream): Promise<boolean> {
    await witness.goesOn();
    const before = this.echoes();
    await witness.goesOn();
    return this.echoes() === before;
  }

  stop(): Promise<void> {
    return this.#client.stop();
  }
}

export async function serveEcho(ward: Ward, at: HostName, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    await ward.host(at).start(['socat', `TCP6-LISTEN:${port},fork,reuseaddr,ipv6only=0`, 'EXEC:cat']);
    await ward.host(at).listensOn(port);
  }
}
