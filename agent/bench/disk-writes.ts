/**
 * What a box writes to its disk in a day: a quiet one, where a device says now and then that it is there and nothing is refused, and one under the traffic of the failure
 * matrix, one after the other, both with a broker. Counted by the kernel for each process (write_bytes of /proc/PID/io: pages made dirty on a file
 * system that has a disk, so the pages of the write-ahead log and of every checkpoint; the file system's own journal is not in it).
 *
 * A day is what was written in the minutes measured, times the minutes of a day (that holds what is written every minute, every five and every ten); what
 * both wrote when they were stopped, 48 times, as a stop writes what else waits for half an hour, an hour or a day; and the checkpoints of a day. A
 * connection of ours keeps the stop from being a checkpoint too, which a box that runs does not make then; ours is measured in its place.
 */
import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { statSync } from 'node:fs';
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
import { rounded, type BenchContext, type Line } from './bench.js';
import { WriteCauses, writtenBytes } from './write-causes.js';

/** New devices, peers and a policy are news of the first minutes, not of every day. */
const WARM_UP_MINUTES = 2;
/** Once what is written every ten minutes. */
const MINUTES = 10;
const MINUTES_PER_DAY = 1_440;
const LOOK_MS = 250;
/** Of the write-ahead log: see store/open-store.ts, with the frames' heads. */
const CHECKPOINT_BYTES = 4_000 * 1_048;
const WAITING_WRITES_PER_DAY = 48;
const TMPFS = 0x01021994;
const PING_EVERY_SECONDS = '30';
/** Further on the list of the pump, which the policy ends with. */
const PING_ENTRY = '      - { direction: out, peer: { group: servers }, protocol: icmp, why: presence }\n';
const GOAL = 20;

export async function diskWrites({ dir, report }: BenchContext): Promise<void> {
  if ((await statfs(dir)).type === TMPFS) {
    report({ what: 'written in a day', notice: `not measured: ${dir} is in memory; set TMPDIR to a disk` });
    return;
  }
  for (const load of ['idle', 'busy'] as const) {
    const own = join(dir, load);
    await mkdir(own);
    report(await measure(own, load));
  }
}

async function measure(dir: string, load: 'idle' | 'busy'): Promise<Line> {
  const lab = await createNetworkLab('bridge');
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
    const storePath = join(dir, 'state/agent/agent.db');
    const store = new Database(storePath);
    // Opened by its first read.
    store.pragma('user_version');
    const logBytes = (): number => statSync(`${storePath}-wal`).size;
    const logBefore = logBytes();
    const causes = new WriteCauses(join(dir, 'state'), { enforcer, agent });
    for (const until = Date.now() + MINUTES * 60_000; Date.now() < until;) {
      await sleep(LOOK_MS);
      causes.look();
    }
    const { enforcer: enforcerBytes = 0, agent: agentBytes = 0 } = causes.total;
    const day = { enforcer: perDay(enforcerBytes), agent: perDay(agentBytes) };
    const checkpoints = Math.max(1, perDay(logBytes() - logBefore) / CHECKPOINT_BYTES);
    const told = await traffic?.report();
    await traffic?.stop();
    const waiting = (await stop(enforcer, agent)) + (await stop(agent));
    const checkpoint = checkpointOf(store);
    const total = day.enforcer + day.agent + waiting * WAITING_WRITES_PER_DAY + checkpoint * checkpoints;
    return {
      what: 'written in a day',
      box: load,
      minutes: MINUTES,
      enforcerMB: mb(day.enforcer),
      agentMB: mb(day.agent),
      whatWaitsMB: mb(waiting * WAITING_WRITES_PER_DAY),
      checkpointsMB: mb(checkpoint * checkpoints),
      dayMB: mb(total),
      goal: GOAL,
      causesKB: causes
        .causes()
        .map(({ files, bytes, times }) => `${files} ${rounded(bytes / 1e3)} in ${times}`)
        .join(', '),
      newConnectionsPerSecond: perSecond(told?.freshTried),
      attemptsPerSecond: perSecond(told?.intrusions),
      datagramsPerSecond: perSecond(told?.datagrams),
      load: loadavg().map(rounded).join(' '),
    };
  } finally {
    await lab.close();
  }
}

/** What the write-ahead log is copied over for, by this process; closes the connection. */
function checkpointOf(store: Database.Database): number {
  const before = writtenBytes(process);
  store.pragma('wal_checkpoint(TRUNCATE)');
  store.close();
  return writtenBytes(process) - before;
}

/** Ended; what it wrote meanwhile, and `other` because of it. The last of it can be missed: a process that is gone is not asked. */
async function stop(process: Running, other?: Running): Promise<number> {
  const all = (): number => writtenBytes(process) + (other === undefined ? 0 : writtenBytes(other));
  const before = all();
  let last = before;
  process.signal('SIGTERM');
  for (;;) {
    try {
      last = all();
    } catch {
      break;
    }
    await sleep(1);
  }
  await process.ended;
  return last - before;
}

function perDay(bytes: number): number {
  return (bytes * MINUTES_PER_DAY) / MINUTES;
}

function perSecond(count: number | undefined): number {
  return rounded((count ?? 0) / (MINUTES * 60));
}

function mb(bytes: number): number {
  return rounded(bytes / 1e6);
}
