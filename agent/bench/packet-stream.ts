/**
 * One end of a steady stream of datagrams (last-packet.c) in a host of the lab, and a shell on a host: both are asked by a line
 * and answer with one. They end with the host.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { must, type Namespace } from '../lab/namespace.js';

const SOURCE = fileURLToPath(new URL('../../agent/bench/last-packet.c', import.meta.url));
const LOOK_MS = 10;
const FLOWS_WITHIN_MS = 30_000;
const FLOWING_PACKETS = 20;

/** The program of an end, compiled into this directory. */
export async function compileStream(dir: string): Promise<string> {
  const program = join(dir, 'last-packet');
  await must(['gcc', '-O2', '-o', program, SOURCE]);
  return program;
}

export interface Answering {
  /** The next line that it says. Rejects when it has ended. */
  ask(line: string): Promise<string>;
}

export interface LastPacket {
  /** CLOCK_MONOTONIC, nanoseconds: when the last datagram that arrived was sent. */
  readonly sentNs: bigint;
  readonly received: number;
  /** The longest time in which this end sent nothing, since it was last asked. */
  readonly gapMs: number;
}

export class PacketStream {
  readonly #process: Answering;
  /** False: the machine let it wait for its turn like any other process. */
  readonly isRealTime: boolean;

  private constructor(process: Answering, isRealTime: boolean) {
    this.#process = process;
    this.isRealTime = isRealTime;
  }

  static async start(
    host: Namespace,
    program: string,
    peer: string,
    port: number,
    intervalUs: number,
  ): Promise<PacketStream> {
    const process = startAnswering(host, [program, peer, String(port), String(intervalUs)]);
    return new PacketStream(process, (await process.next()) === 'ready 1');
  }

  async last(): Promise<LastPacket> {
    const [, sent = '0', received = '0', gap = '0'] = (await this.#process.ask('last')).split(' ');
    return { sentNs: BigInt(sent), received: Number(received), gapMs: Number(gap) / 1e6 };
  }

  /** When it was sent, CLOCK_MONOTONIC in nanoseconds. */
  async probe(address: string, port: number): Promise<bigint> {
    const [, sent = '0'] = (await this.#process.ask(`probe ${address} ${port}`)).split(' ');
    return BigInt(sent);
  }
}

/** Every end hears its other end again. */
export async function flowing(ends: readonly PacketStream[]): Promise<void> {
  const before = await Promise.all(ends.map((end) => end.last()));
  const deadline = performance.now() + FLOWS_WITHIN_MS;
  for (;;) {
    await delay(LOOK_MS);
    const looks = await Promise.all(ends.map((end) => end.last()));
    if (looks.every(({ received }, end) => received > (before[end]?.received ?? 0) + FLOWING_PACKETS)) return;
    if (performance.now() > deadline) throw new Error('the stream does not flow');
  }
}

/** `who` was to stop them, for the error. Until nothing has arrived at any end for `stillMs`: when the last that arrived was sent, and the longest time in which an end sent nothing. */
export async function stopped(
  ends: readonly PacketStream[],
  who: string,
  stillMs: number,
  withinMs: number,
): Promise<{ readonly lastNs: bigint; readonly gapMs: number }> {
  const deadline = performance.now() + withinMs;
  let [received, quietMs, gapMs, lastNs] = [-1, 0, 0, 0n];
  while (quietMs < stillMs) {
    if (performance.now() > deadline) throw new Error(`${who}: the packets do not stop`);
    await delay(LOOK_MS);
    const looks = await Promise.all(ends.map((end) => end.last()));
    const total = looks.reduce((sum, look) => sum + look.received, 0);
    quietMs = total === received ? quietMs + LOOK_MS : 0;
    received = total;
    gapMs = Math.max(gapMs, ...looks.map((look) => look.gapMs));
    for (const { sentNs } of looks) if (sentNs > lastNs) lastNs = sentNs;
  }
  return { lastNs, gapMs };
}

/** Somebody who is logged in: what is asked is a command, and its exit status is the answer. */
export function startShell(host: Namespace, environment: Readonly<Record<string, string>>): Answering {
  const shell = startAnswering(host, ['sh'], environment);
  return { ask: (command) => shell.ask(`${command} >/dev/null 2>&1; echo $?`) };
}

function startAnswering(
  host: Namespace,
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Answering & { next(): Promise<string> } {
  const child = spawn('ip', ['netns', 'exec', host.name, ...argv], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${argv.join(' ')} has ended`);
    return line.value;
  };
  child.stdin.on('error', () => undefined);
  return {
    next,
    ask: (line) => {
      child.stdin.write(`${line}\n`);
      return next();
    },
  };
}
