/**
 * What a box writes to its disk in a day: a quiet one, where a device says now and then that it is there and nothing is refused, and one under the
 * traffic of the failure matrix, both with a broker, at the same time.
 *
 * The state of each box is on a file system of its own, and what counts is what reached its device: pages of the database, its write-ahead log and every
 * other file, and with them the file system's metadata and journal, which are most of it where a few rows are committed.
 *
 * Each cause is scaled by its own period. The window begins when what is news of a new box is over and holds every period of up to ten
 * minutes a whole number of times: what is written in it is scaled by the clock. What waits for an hour or a day is written at a stop too: there a commit
 * counts as often as its writer comes to it in a day, for the blocks of the log that it dirtied and for what a commit alone costs beside them (measured);
 * the rest of what a stop writes tells of the stop. The checkpoints of a day are added, of which one is measured. A finding that goes on is
 * told at growing pauses, hourly at last: its row is in the window or not, and counts too much or not at all.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { READER, startBroker } from '../lab/broker.js';
import { createCertificates } from '../lab/certificates.js';
import { createLabBox } from '../lab/lab-box.js';
import { LiveTraffic, matrixPolicy } from '../lab/matrix/live-traffic.js';
import type { Running } from '../lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../lab/network-lab.js';
import { median, rounded, type Bench, type BenchContext, type Line } from './bench.js';
import { createOwnDisk, type OwnDisk } from './own-disk.js';
import { BLOCK_BYTES, WalCommits } from './wal-commits.js';
import { WriteCauses } from './write-causes.js';

/** The first write of what is written every ten minutes is one of insertions, and a device with a made-up MAC is news once it lasted ten minutes. */
const WARM_UP_MINUTES = 13;
/** Once what is written every ten minutes. With the warm-up less than the first half hour, in which nothing is written that waits so long. */
const MINUTES = 10;
const MINUTES_PER_DAY = 1_440;
const LOOK_MS = 250;
/** Of the write-ahead log: see store/open-store.ts, with the frames' heads. */
const CHECKPOINT_BYTES = 4_000 * 1_048;
/** How often a day what a stop writes is written anyway, and is not in the window: agent/learn-keeper.ts, inventory-keeper.ts, enforcer/main.ts (memories), store/familiar.ts. */
const TIMES_A_DAY: Readonly<Record<string, number>> = {
  detector_memories: 48,
  familiar_peers: 24,
  habits: 24,
  learnt_devices: 24,
  watched: 48,
  inventory: 1,
};
const PING_EVERY_SECONDS = '30';
/** Further on the list of the pump, which the policy ends with. */
const PING_ENTRY = '      - { direction: out, peer: { group: servers }, protocol: icmp, why: presence }\n';
const GOAL = 20;
const COMMITS_ALONE = 5;

type Load = 'idle' | 'busy';

export const diskWrites: Bench = {
  name: 'disk-writes',
  what: 'MB a day written to the disk by an idle and by a busy box, by cause',
  limitMinutes: 40,
  async run({ dir, report }: BenchContext) {
    await Promise.all(
      (['idle', 'busy'] as const).map(async (load) => {
        const own = join(dir, load);
        await mkdir(own);
        report(await measure(own, load));
      }),
    );
  },
};

async function measure(dir: string, load: Load): Promise<Line> {
  const state = join(dir, 'state');
  const disk = await createOwnDisk(state, join(dir, 'disk.img'));
  try {
    const lab = await createNetworkLab('bridge', `${process.pid}-${load}`);
    try {
      const certificates = await createCertificates(dir, ['box-1', READER], [HOSPITAL[0]]);
      await startBroker(lab.hospital, HOSPITAL[0], dir, certificates);
      const broker = { address: HOSPITAL[0], certificates };
      const box = await createLabBox(lab.box, dir, 'bridge', 'box-1', broker);
      const enforcer = await box.startEnforcer();
      const agent = await box.startAgent();
      const file = join(dir, 'policy.yaml');
      const policy = matrixPolicy('bridge', lab.pumpMac);
      await writeFile(file, load === 'idle' ? policy + PING_ENTRY : policy);
      const applied = await box.cordon('policy', 'apply', file, '--no-confirm');
      if (applied.code !== 0) throw new Error(applied.stderr);
      const traffic = load === 'busy' ? await LiveTraffic.start(lab, dir) : null;
      if (traffic === null) await lab.pump.start(['ping', '-q', '-i', PING_EVERY_SECONDS, HOSPITAL[0]]);
      await sleep(WARM_UP_MINUTES * 60_000);
      await traffic?.begin();
      const store = new Database(join(state, 'agent/agent.db'));
      const line = await measureDay(disk, state, store, async () => {
        const told = await traffic?.report();
        await traffic?.stop();
        await stop(enforcer);
        await stop(agent);
        return {
          newConnectionsPerSecond: perSecond(told?.freshTried),
          attemptsPerSecond: perSecond(told?.intrusions),
          datagramsPerSecond: perSecond(told?.datagrams),
        };
      });
      store.close();
      return { what: 'written in a day', box: load, ...line };
    } finally {
      await lab.close();
    }
  } finally {
    await disk.close();
  }
}

async function measureDay(
  disk: OwnDisk,
  state: string,
  store: Database.Database,
  end: () => Promise<Line>,
): Promise<Line> {
  // Opened by its first read.
  store.pragma('user_version');
  const log = new WalCommits(store);
  log.look();
  const logBefore = log.bytes;
  const window = await WriteCauses.start(state, disk, log);
  for (const until = Date.now() + MINUTES * 60_000; Date.now() < until;) {
    await sleep(LOOK_MS);
    await window.look(Date.now());
  }
  await disk.sync();
  await window.look(Date.now());
  const windowLog = log.bytes - logBefore;
  const told = await end();
  const seldom = log.look().flatMap(({ tables, bytes }) => {
    const times = Math.max(0, ...tables.map((table) => TIMES_A_DAY[table] ?? 0));
    return times === 0 ? [] : [{ what: tables.join('+'), bytes, times }];
  });
  const aloneBytes = await commitAlone(disk, store);
  const checkpointBytes = await checkpoint(disk, store);
  const perDay = MINUTES_PER_DAY / MINUTES;
  const logBytes = seldom.reduce((sum, { bytes, times }) => sum + bytes * times, windowLog * perDay);
  const day = [
    ...window
      .causes()
      .map(({ what, bytes, times }) => ({ what, bytes, times: times * perDay, each: bytes / times })),
    ...seldom.map(({ what, bytes, times }) => ({ what, times, each: bytes + aloneBytes })),
    { what: 'checkpoint', times: Math.max(1, logBytes / CHECKPOINT_BYTES), each: checkpointBytes },
  ];
  return {
    minutes: MINUTES,
    dayMB: mb(day.reduce((sum, { times, each }) => sum + times * each, 0)),
    ofTheDatabaseLogMB: mb(logBytes),
    goal: GOAL,
    causes: day
      .sort((a, b) => b.times * b.each - a.times * a.each)
      .map(
        ({ what, times, each }) =>
          `${what}: ${mb(times * each)} MB, ${rounded(times)} of ${rounded(each / 1e3)} kB`,
      ),
    commitAloneKB: rounded(aloneBytes / 1e3),
    ...told,
    load: loadavg().map(rounded).join(' '),
  };
}

/** What a commit costs beside the blocks of the log: the file system's metadata and journal, and the index of the log. The median of some. */
async function commitAlone(disk: OwnDisk, store: Database.Database): Promise<number> {
  store.exec('CREATE TABLE bench (id INTEGER PRIMARY KEY, value INTEGER)');
  const costs: number[] = [];
  for (let value = 0; value < COMMITS_ALONE; value += 1) {
    await disk.sync();
    const before = await disk.writtenBytes();
    store.prepare('INSERT OR REPLACE INTO bench (id, value) VALUES (1, ?)').run(value);
    await disk.sync();
    costs.push((await disk.writtenBytes()) - before);
  }
  return median(costs) - BLOCK_BYTES;
}

async function checkpoint(disk: OwnDisk, store: Database.Database): Promise<number> {
  await disk.sync();
  const before = await disk.writtenBytes();
  store.pragma('wal_checkpoint(RESTART)');
  await disk.sync();
  return (await disk.writtenBytes()) - before;
}

async function stop(process: Running): Promise<void> {
  process.signal('SIGTERM');
  await process.ended;
}

function perSecond(count: number | undefined): number {
  return rounded((count ?? 0) / (MINUTES * 60));
}

function mb(bytes: number): number {
  return rounded(bytes / 1e6);
}
