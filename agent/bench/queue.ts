/**
 * CPU per held packet, against the least that a C program can do (queue-yardstick.c), taken in turn within one run. In a
 * network namespace of its own, over loopback. Needs root and gcc.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, Namespace, waitFor } from '../lab/namespace.js';
import { HOLD_QUEUE } from '../ruleset/reasons.js';
import { compare, interleaved, type Bench } from './bench.js';

const ROUNDS = 5;
const PACKETS = 300_000;
/** Of those, not measured: six seconds, in which V8 compiles what has become hot, detectors last. A box runs for months. */
const WARM_UP = 150_000;
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

export const queue: Bench = {
  name: 'queue',
  what: 'CPU for a held first packet, against a consumer in C',
  limitMinutes: 5,
  async run({ dir, report }) {
    const yardstick = join(dir, 'queue-yardstick');
    await must(['gcc', '-O2', '-o', yardstick, YARDSTICK]);
    const host = await Namespace.create(`cordon-${process.pid}-queue`);
    try {
      await host.must(['nft', '-f', '-'], { input: TABLE });
      await host.must([process.execPath, CONSUMER, 'rule']);
      const consumers = {
        C: [yardstick, 'consume', String(HOLD_QUEUE), String(WARM_UP)],
        accept: [process.execPath, CONSUMER, 'accept', String(WARM_UP)],
        judge: [process.execPath, CONSUMER, 'judge', String(WARM_UP)],
      } as const;
      const cost = await interleaved(['C', 'accept', 'judge'], ROUNDS, (name) =>
        costOf(host, consumers[name], yardstick),
      );
      for (const what of ['accept', 'judge'] as const)
        report({ what: 'cpuUsPerHeldPacket', consumer: what, against: 'C', ...compare(cost[what], cost.C) });
    } finally {
      await host.close();
    }
  },
};

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
  if (received < (PACKETS - WARM_UP) / 2) throw new Error(`only ${received} of ${PACKETS} packets were held`);
  return cpuUs / received;
}
