/**
 * CPU per held packet, against the least that a C program can do (queue-yardstick.c), taken in turn within one run. In a
 * network namespace of its own, over loopback. Needs root and gcc.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, Namespace, waitFor } from '../lab/namespace.js';
import { HOLD_QUEUE } from '../ruleset/reasons.js';

const ROUNDS = 5;
const PACKETS = 100_000;
/** Paced, so that the queue seldom fills and batches are of the size that new connections make. */
const BURST = 4;
const PAUSE_US = 50;
const CONSUMER = fileURLToPath(new URL('./queue-consumer.js', import.meta.url));
const YARDSTICK = fileURLToPath(new URL('../../agent/bench/queue-yardstick.c', import.meta.url));
const TABLE = `table inet cordon {
  chain hold { }
  chain output { type filter hook output priority 0; policy accept;
    udp dport 9 jump hold
  }
}
`;

export interface QueueResult {
  readonly bench: 'cpuPerHeldPacket';
  readonly what: 'accept' | 'judge';
  readonly against: 'C';
  readonly ratio: number;
  readonly spread: readonly number[];
  readonly microseconds: number;
  readonly cMicroseconds: number;
  readonly rounds: number;
}

export async function benchQueue(dir: string): Promise<readonly QueueResult[]> {
  const yardstick = join(dir, 'queue-yardstick');
  await must(['gcc', '-O2', '-o', yardstick, YARDSTICK]);
  const host = await Namespace.create(`cordon-${process.pid}-queue`);
  try {
    await host.must(['nft', '-f', '-'], { input: TABLE });
    await host.must([process.execPath, CONSUMER, 'rule']);
    const consumers = {
      C: [yardstick, 'consume', String(HOLD_QUEUE)],
      accept: [process.execPath, CONSUMER, 'accept'],
      judge: [process.execPath, CONSUMER, 'judge'],
    } as const;
    const cost: Record<keyof typeof consumers, number[]> = { C: [], accept: [], judge: [] };
    for (let round = 0; round < ROUNDS; round += 1)
      for (const name of ['C', 'accept', 'judge'] as const)
        cost[name].push(await costOf(host, consumers[name], yardstick));
    return (['accept', 'judge'] as const).map((what) => {
      const ratios = cost[what].map((value, round) => value / (cost.C[round] ?? Number.NaN));
      return {
        bench: 'cpuPerHeldPacket',
        what,
        against: 'C',
        ratio: median(ratios),
        spread: [Math.min(...ratios), Math.max(...ratios)].map(rounded),
        microseconds: median(cost[what]),
        cMicroseconds: median(cost.C),
        rounds: ROUNDS,
      };
    });
  } finally {
    await host.close();
  }
}

/** Microseconds of CPU that the consumer spent on one packet. */
async function costOf(host: Namespace, consumer: readonly string[], yardstick: string): Promise<number> {
  const running = await host.start(consumer, { readyWhen: /ready/ });
  await host.must([yardstick, 'send', String(PACKETS), String(BURST), String(PAUSE_US)], {
    timeoutMs: 120_000,
  });
  running.signal('SIGTERM');
  await waitFor(
    () => running.output().includes('cpuUs'),
    running.ended.then(() => new Promise(() => undefined)),
    () => `${consumer.join(' ')} said nothing: ${running.output()}`,
  );
  await running.stop();
  const line =
    running
      .output()
      .split('\n')
      .find((each) => each.includes('cpuUs')) ?? '{}';
  const { received, cpuUs } = JSON.parse(line) as { received: number; cpuUs: number };
  if (received < PACKETS / 2) throw new Error(`only ${received} of ${PACKETS} packets were held`);
  return cpuUs / received;
}

function median(values: readonly number[]): number {
  return rounded([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
