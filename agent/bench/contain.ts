/** `cordon contain` of a device in the middle of a download: how long the whole command takes, start of node included. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startWebServer } from '../lab/clinical.js';
import { demoPolicy } from '../lab/demo-policy.js';
import { createLabBox } from '../lab/lab-box.js';
import { waitFor } from '../lab/namespace.js';
import { createNetworkLab, HOSPITAL } from '../lab/network-lab.js';
import { percentile, type Bench } from './bench.js';

const TRIALS = 20;

export const contain: Bench = {
  name: 'contain',
  what: 'the command contain during a download',
  limitMinutes: 3,
  async run({ dir, report }) {
    const lab = await createNetworkLab('bridge');
    try {
      const box = await createLabBox(lab.box, dir, 'bridge', 'bench', null);
      await box.startEnforcer();
      await box.startAgent();
      const policyFile = join(dir, 'policy.yaml');
      await writeFile(policyFile, demoPolicy('bridge', lab.pumpMac));
      await box.cordon('policy', 'apply', policyFile, '--no-confirm');
      await startWebServer(lab.hospital, HOSPITAL[0], 8080);
      const bytes = async (): Promise<number> =>
        Number((await lab.pump.must(['cat', '/sys/class/net/eth0/statistics/rx_bytes'])).trim());
      const took: number[] = [];
      for (let trial = 0; trial < TRIALS; trial += 1) {
        const url = `http://${HOSPITAL[0]}:8080/slow`;
        const curl = ['curl', '--silent', '--output', '/dev/null', '--max-time', '20', url];
        const download = await lab.pump.start(curl);
        const before = await bytes();
        await waitFor(
          async () => (await bytes()) > before + 200_000,
          download.ended,
          () => 'no download',
        );
        const ran = await box.cordon('contain', 'pump-1', '--reason', 'bench');
        if (ran.code !== 0) throw new Error(ran.stderr);
        took.push(ran.tookMs);
        await box.cordon('release', 'pump-1', '--reason', 'bench');
        await download.stop();
      }
      report({
        what: 'the whole command; the element is in the kernel before it answers',
        p50Ms: percentile(took, 0.5),
        maxMs: percentile(took, 1),
        trials: took.length,
      });
    } finally {
      await lab.close();
    }
  },
};
