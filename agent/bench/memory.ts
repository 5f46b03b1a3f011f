/**
 * What both processes hold in memory, with one device and with 10,000 of ten entries that the command applied: at the most
 * since they began (while a policy is compiled), and once what that took is given back.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { demoPolicy } from '../lab/demo-policy.js';
import { createLabBox, type LabBox } from '../lab/lab-box.js';
import { createNetworkLab, HOSPITAL, PUMP } from '../lab/network-lab.js';
import { mib, rounded, type Bench, type Line } from './bench.js';
import { policyText } from './rulesets.js';

/** A collection comes a few seconds after a large policy; see policy-workshop.ts. */
const SETTLED_MS = 15_000;

export const memory: Bench = {
  name: 'memory',
  what: 'resident memory of both processes, with 1 device and with 10,000',
  limitMinutes: 5,
  async run({ dir, report }) {
    const lab = await createNetworkLab('bridge');
    try {
      const box = await createLabBox(lab.box, dir, 'bridge', 'bench', null);
      await box.startEnforcer();
      await box.startAgent();
      const file = join(dir, 'policy');
      const texts = [
        [1, demoPolicy('bridge', lab.pumpMac)],
        [10_000, policyText(10_000, lab.pumpMac, PUMP.bridge[0], HOSPITAL[0])],
      ] as const;
      for (const [devices, text] of texts) {
        await writeFile(file, text);
        const applied = await box.cordon('policy', 'apply', file, '--no-confirm', '--json');
        if (applied.code !== 0)
          throw new Error(
            `policy apply of ${devices} devices: ${applied.stderr.slice(0, 300) || 'no answer in time'}`,
          );
        await sleep(SETTLED_MS);
        report({ devices, ...(await resident(box)), applySeconds: rounded(applied.tookMs / 1000) });
      }
    } finally {
      await lab.close();
    }
  },
};

async function resident(box: LabBox): Promise<Line> {
  const status = JSON.parse((await box.cordon('status', '--json')).stdout) as Record<
    'enforcer' | 'agent',
    { readonly rssBytes: number; readonly pid: number }
  >;
  return {
    enforcerMiB: mib(status.enforcer.rssBytes),
    enforcerMostMiB: mib(await most(status.enforcer.pid)),
    agentMiB: mib(status.agent.rssBytes),
    agentMostMiB: mib(await most(status.agent.pid)),
  };
}

/** In bytes: the high-water mark that the kernel keeps. */
async function most(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
