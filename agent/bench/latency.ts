/**
 * How much longer a first packet takes because it is held, with all detectors, against a consumer in C (queue-yardstick.c) and
 * against no queue; the same while the other core is busy, as with an agent that has much to do; and new connections per
 * second. Over loopback in a network namespace of its own, all taken in turn within one run. Needs root and gcc.
 */
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, Namespace } from '../lab/namespace.js';
import { FIRST_DEVICE_ID, HELD, markText, OPENED } from '../ruleset/marks.js';
import { HOLD_QUEUE } from '../ruleset/reasons.js';
import { compare, median, rounded, type Bench } from './bench.js';

const ROUNDS = 5;
const PACKETS = 4_000;
/** Between packets: the consumer has gone to sleep, as on a quiet network. */
const PAUSE_US = 200;
/** Not measured: a box runs for months, a compiler for its first second. */
const WARM_UP = 10_000;
const CONNECT_MS = 1_000;
const HELD_PORT = 9;
const FREE_PORT = 10;
/**
 * Sender and consumer on one core, before everybody else on this machine; the busy process on the other. The figure is what
 * holding costs, not how the machine is shared. Not real time: V8 waits for its helper threads in a loop, for ever on one core.
 */
const PACKET_CORE = ['nice', '-n', '-20', 'taskset', '-c', '0'];
/** Ends by itself; killed when the measurement is over. */
const BUSY_MS = 20_000;
const BUSY = [
  ...['taskset', '-c', '1', process.execPath, '-e'],
  `console.log('busy');for(const end=Date.now()+${BUSY_MS};Date.now()<end;);`,
];
/** As systemd/cordon-enforcer.service has it. */
const ENV = { NODE_OPTIONS: '--max-semi-space-size=1 --v8-pool-size=1' };

const CONSUMER = fileURLToPath(new URL('./queue-consumer.js', import.meta.url));
const source = (name: string): string => fileURLToPath(new URL(`../../agent/bench/${name}`, import.meta.url));
const MARK = markText(HELD | OPENED | FIRST_DEVICE_ID);
const TABLE = `table inet cordon {
  chain hold { }
  chain output { type filter hook output priority 0; policy accept;
    udp dport ${HELD_PORT} meta mark set ${MARK} jump hold
    tcp dport ${HELD_PORT} tcp flags & (fin | syn | rst | ack) == syn meta mark set ${MARK} jump hold
  }
}
`;
const KINDS = ['none', 'C', 'judge'] as const;
type Kind = (typeof KINDS)[number];
const MEASURES = [
  'quietP50Us',
  'quietP99Us',
  'busyP50Us',
  'busyP99Us',
  'connectionsPerSecond',
  'lost',
] as const;
type Measured = Record<(typeof MEASURES)[number], number>;

export const latency: Bench = {
  name: 'latency',
  what: 'added latency of a held first packet, and new connections, against a consumer in C and no queue',
  limitMinutes: 10,
  async run({ dir, report }) {
    if (availableParallelism() < 2) {
      report({ notice: 'not measured: it takes two cores' });
      return;
    }
    const yardstick = join(dir, 'queue-yardstick');
    const load = join(dir, 'first-packet');
    await must(['gcc', '-O2', '-o', yardstick, source('queue-yardstick.c')]);
    await must(['gcc', '-O2', '-o', load, source('first-packet.c')]);
    const consumers: Record<Kind, readonly string[] | null> = {
      none: null,
      C: [...PACKET_CORE, yardstick, 'consume', String(HOLD_QUEUE), '0'],
      judge: [...PACKET_CORE, process.execPath, CONSUMER, 'judge', '0'],
    };
    const results: Record<Kind, Measured[]> = { none: [], C: [], judge: [] };
    const host = await Namespace.create(`cordon-${process.pid}-latency`);
    try {
      await host.must(['nft', '-f', '-'], { input: TABLE });
      await host.must([process.execPath, CONSUMER, 'rule']);
      for (let round = 0; round < ROUNDS; round++)
        for (const kind of KINDS) results[kind].push(await measure(host, load, consumers[kind]));
    } finally {
      await host.close();
    }
    const of = (kind: Kind, name: keyof Measured): number[] => results[kind].map((each) => each[name]);
    const load1 = rounded(loadavg()[0] ?? 0);
    for (const name of MEASURES.slice(0, 4)) {
      // What a queue adds: the same round without one is taken away.
      const added = (kind: Kind): number[] =>
        of(kind, name).map((value, round) => value - (of('none', name)[round] ?? Number.NaN));
      report({
        what: `added ${name}`,
        busyCore: name.startsWith('busy') ? 1 : null,
        against: 'C',
        ...compare(added('judge'), added('C')),
        oursSpread: spread(added('judge')),
        theirsSpread: spread(added('C')),
        noQueue: median(of('none', name)),
        noQueueSpread: spread(of('none', name)),
        load: load1,
      });
    }
    report({
      what: 'held p99, other core busy against quiet',
      judge: compare(of('judge', 'busyP99Us'), of('judge', 'quietP99Us')),
      C: compare(of('C', 'busyP99Us'), of('C', 'quietP99Us')),
      none: compare(of('none', 'busyP99Us'), of('none', 'quietP99Us')),
    });
    for (const against of ['C', 'none'] as const)
      report({
        what: 'connectionsPerSecond',
        against,
        ...compare(of('judge', 'connectionsPerSecond'), of(against, 'connectionsPerSecond')),
        oursSpread: spread(of('judge', 'connectionsPerSecond')),
        load: load1,
      });
    report({
      what: 'lost',
      packets: ROUNDS * PACKETS * 2,
      ...Object.fromEntries(
        KINDS.map((kind) => [kind, of(kind, 'lost').reduce((sum, each) => sum + each, 0)]),
      ),
    });
  },
};

async function measure(host: Namespace, load: string, consumer: readonly string[] | null): Promise<Measured> {
  const port = String(consumer === null ? FREE_PORT : HELD_PORT);
  const ask = async (core: readonly string[], ...words: string[]): Promise<Record<string, number>> =>
    JSON.parse(await host.must([...core, load, ...words], { timeoutMs: 60_000 })) as Record<string, number>;
  const running = consumer === null ? null : await host.start(consumer, { readyWhen: /ready/, env: ENV });
  await ask(PACKET_CORE, 'latency', port, String(WARM_UP), '0');
  const words = ['latency', port, String(PACKETS), String(PAUSE_US)];
  const quiet = await ask(PACKET_CORE, ...words);
  const busyProcess = await host.start(BUSY, { readyWhen: /busy/ });
  const busy = await ask(PACKET_CORE, ...words);
  await busyProcess.stop();
  // The one who opens them has a core of his own, or he would be what is measured.
  const connecting = [
    ['nice', '-n', '-20', 'taskset', '-c', '1'],
    'connect',
    port,
    String(CONNECT_MS),
  ] as const;
  await ask(...connecting);
  const opened = await ask(...connecting);
  await running?.stop();
  const value = (from: Record<string, number>, name: string): number => from[name] ?? Number.NaN;
  return {
    quietP50Us: value(quiet, 'p50Us'),
    quietP99Us: value(quiet, 'p99Us'),
    busyP50Us: value(busy, 'p50Us'),
    busyP99Us: value(busy, 'p99Us'),
    connectionsPerSecond: value(opened, 'perSecond'),
    lost: value(quiet, 'lost') + value(busy, 'lost'),
  };
}

function spread(values: readonly number[]): readonly number[] {
  return [rounded(Math.min(...values)), rounded(Math.max(...values))];
}
