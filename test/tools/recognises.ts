/** Every attack of the table through the real box in one mode of inspection. Adds a test for each to `t`. */
import type t from 'tap';
import { AttackLab } from './attack-lab.js';
import { ATTACKS } from './attacks.js';

type Tap = typeof t;

export async function recognises(t: Tap, inspection: 'inline' | 'tap'): Promise<void> {
  t.setTimeout(3_000_000);
  const lab = await AttackLab.create(inspection);
  t.teardown(() => lab.close());
  const only = new RegExp(process.env['ATTACK'] ?? '');
  for (const { what, run, found, missing } of ATTACKS) {
    if (!only.test(what)) continue;
    const why = (await missing?.(lab)) ?? null;
    t.test(
      `${inspection}: ${what}`,
      { timeout: 500_000, ...(why === null ? {} : { skip: why }) },
      async (test) => {
        await lab.begin();
        test.equal(await lab.inspection(), inspection, 'the mode of inspection');
        const began = Date.now();
        const said = await run(lab);
        const isFound = await lab.isFound(found);
        const told = lab.findings.map(({ detector, title }) => `${detector}: ${title}`);
        test.ok(isFound, `recognised; told was ${JSON.stringify(told)}, the tool said ${said.slice(-300)}`);
        const first = lab.findings.find(found);
        if (first)
          t.comment(
            `notice: ${what}: ${first.title} (${((first.lastMs - began) / 1000).toFixed(1)} s after its start)`,
          );
      },
    );
  }
}
