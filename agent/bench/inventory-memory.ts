/**
 * What 5,000 devices take: in this process, the agent's own book and store before and after, collected; then the agent itself, started on an
 * empty store and on that one. Each device is known by some twenty values, as one that speaks DHCP, HTTP and DICOM is.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InventoryKeeper } from '../agent/inventory-keeper.js';
import { loadMakers } from '../agent/load-knowledge.js';
import { collectGarbage } from '../enforcer/collect-garbage.js';
import { createLabBox, type LabBox } from '../lab/lab-box.js';
import { createNetworkLab } from '../lab/network-lab.js';
import type { DeviceEvidence } from '../messages/vocabulary.js';
import { openStore } from '../store/open-store.js';
import { mib, rounded, type BenchContext } from './bench.js';

const DEVICES = 5_000;
/** After a start, until what it took is given back. */
const SETTLED_MS = 10_000;
/** Prefixes of makers in the registry. */
const PREFIXES = ['00:09:fb', '00:1a:4b', '00:50:56', '3c:d9:2b', 'b8:27:eb'];

export async function inventoryMemory({ dir, report }: BenchContext): Promise<void> {
  const lab = await createNetworkLab('bridge');
  try {
    const box = await createLabBox(lab.box, dir, 'bridge', 'bench', null);
    const emptyMiB = await agentMiB(box);
    const path = join(dir, 'state', 'agent', 'agent.db');
    report(fill(path));
    const fullMiB = await agentMiB(box);
    report({ what: 'agent after a start', devices: DEVICES, agentEmptyMiB: emptyMiB, agentMiB: fullMiB });
  } finally {
    await lab.close();
  }
}

function fill(path: string): Record<string, unknown> {
  const { store } = openStore(path, Date.now());
  let refused: unknown = null;
  const keeper = new InventoryKeeper({
    store,
    makers: loadMakers(),
    nowMs: Date.now,
    onWriteError: (error) => (refused = error),
  });
  collectGarbage();
  const before = process.memoryUsage();
  const began = performance.now();
  for (let device = 0; device < DEVICES; device++)
    for (const time of [0, 1, 2]) keeper.take([evidenceOf(device, Date.now() - time * 1_000)]);
  const tookMs = performance.now() - began;
  collectGarbage();
  const after = process.memoryUsage();
  keeper.finish();
  if (refused !== null) throw new Error('the store refused', { cause: refused });
  const known = keeper.book.size;
  store.close();
  return {
    what: 'book and store in one process',
    devices: known,
    heapBeforeMiB: mib(before.heapUsed),
    heapMiB: mib(after.heapUsed),
    rssBeforeMiB: mib(before.rss),
    rssMiB: mib(after.rss),
    heapKiBPerDevice: rounded((after.heapUsed - before.heapUsed) / 1024 / Math.max(1, known)),
    microsecondsPerEvidence: rounded((tookMs * 1000) / (DEVICES * 3)),
  };
}

function evidenceOf(device: number, atMs: number): DeviceEvidence {
  const hex = device.toString(16).padStart(6, '0');
  const mac = `${PREFIXES[device % PREFIXES.length] ?? ''}:${hex.replace(/..(?!$)/g, '$&:')}`;
  const address = `10.${20 + (device >> 14)}.${(device >> 7) & 127}.${1 + (device & 127)}`;
  const say = (field: DeviceEvidence['observations'][number]['field'], source: Source, value: string) => ({
    field,
    value,
    source,
    confidence: field === 'hint' ? 0 : 75,
  });
  return {
    mac,
    address,
    isClaimed: true,
    name: null,
    port: 'dev0',
    atMs,
    observations: [
      say('name', 'dhcp4.host-name', `device-${device}`),
      say('name', 'mdns.host', `device-${device}.local`),
      say('hint', 'http.user-agent', 'Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36'),
      say('software', 'http.server', `lighttpd/1.4.${device % 60}`),
      say('serial', 'lldp.serial', `SN-${hex}`),
      say('model', 'lldp.model', `Monitor ${device % 200}`),
      say('os', 'lldp.description', 'Linux 4.14'),
      say('version', 'lldp.software', `3.${device % 10}.1`),
      say('role', 'dicom.sop-class', 'DICOM client'),
      ...['tcp/22', 'tcp/80', 'tcp/443', 'tcp/104'].map((value) => say('service', 'traffic', value)),
      ...['DICOM', 'HTTP', 'TLS'].map((value) => say('speaks', 'traffic', value)),
      say('reaches', 'traffic', 'internet'),
    ],
  };
}

type Source = DeviceEvidence['observations'][number]['source'];

/** Started, settled, asked, stopped. */
async function agentMiB(box: LabBox): Promise<number> {
  const agent = await box.startAgent();
  await sleep(SETTLED_MS);
  const { rssBytes } = await box.askAgent('status', {});
  agent.signal('SIGTERM');
  await agent.ended;
  return mib(rssBytes);
}
