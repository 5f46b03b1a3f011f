/**
 * What a box writes to its disk in a day: a quiet one, where a device says now and then that it is there and nothing is refused, and one under the traffic of the failure
 * matrix, one after the other, both with a broker. Counted by the kernel for each process (write_bytes of /proc/PID/io: pages made dirty on a file
 * system that has a disk, so the pages of the write-ahead log and of every checkpoint; the file system's own journal is not in it).
 *
 * A day is what was written in the minutes measured, times the minutes of a day (that holds what is written every minute, every five and every ten), and
 * what both wrote when they were stopped, 48 times: a stop writes what else waits for half an hour, an hour or a day.
 */
import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { READER, startBroker } from '../lab/broker.js';
import { createCertificates } from '../lab/certificates.js';
import { createLabBox } from '../lab/lab-box.js';
import { LiveTraffic, matrixPolicy } from '../lab/matrix/live-traffic.js';
import type { Running } from '../lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../lab/network-lab.js';
import { rounded, type BenchContext, type Line } from './bench.js';

/** New devices, peers and a policy are news of the first minutes, not of every day. */
const WARM_UP_MINUTES = 2;
/** Once what is written every ten minutes, twice what every five. */
const MINUTES = 10;
const MINUTES_PER_DAY = 1_440;
const STOPS_PER_DAY = 48;
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
    const before = [written(enforcer), written(agent)] as const;
    await sleep(MINUTES * 60_000);
    const after = [written(enforcer), written(agent)] as const;
    const told = await traffic?.report();
    await traffic?.stop();
    const perDay = [0, 1].map(
      (index) => (((after[index] ?? 0) - (before[index] ?? 0)) * MINUTES_PER_DAY) / MINUTES,
    );
    const [enforcerStop, agentStop] = [await stop(enforcer, agent), await stop(agent)];
    const [enforcerDay = 0, agentDay = 0] = perDay;
    const day = enforcerDay + agentDay + (enforcerStop + agentStop) * STOPS_PER_DAY;
    return {
      what: 'written in a day',
      box: load,
      minutes: MINUTES,
      enforcerMB: mb(enforcerDay),
      agentMB: mb(agentDay),
      atAStopMB: mb(enforcerStop + agentStop),
      dayMB: mb(day),
      goal: GOAL,
      newConnectionsPerSecond: perSecond(told?.freshTried),
      attemptsPerSecond: perSecond(told?.intrusions),
      datagramsPerSecond: perSecond(told?.datagrams),
      load: loadavg().map(rounded).join(' '),
    };
  } finally {
    await lab.close();
  }
}

/** Of a process, in bytes. */
function written(process: Running): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${process.pid}/io`, 'utf8'))?.[1]);
}

/** Ended; what it wrote meanwhile, and `other` because of it. The last of it can be missed: a process that is gone is not asked. */
async function stop(process: Running, other?: Running): Promise<number> {
  const all = (): number => written(process) + (other === undefined ? 0 : written(other));
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

function perSecond(count: number | undefined): number {
  return rounded((count ?? 0) / (MINUTES * 60));
}

function mb(bytes: number): number {
  return rounded(bytes / 1e6);
}
