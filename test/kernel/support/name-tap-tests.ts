/**
 * Host names in allow-lists where nothing is held: questions and answers are copies then, and a client that connects before the
 * kernel has the addresses sends its first packet again after a second. Each adds tests to `t`.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type t from 'tap';
import { HL7, MANY, manyAddress, type NameLab } from '../../../agent/lab/name-lab.js';
import { HOSPITAL } from '../../../agent/lab/network-lab.js';
import type { EnforcerStatus } from '../../../agent/messages/vocabulary.js';
import { names, PACS } from './name-tests.js';

type Tap = typeof t;
const FAMILIES = [4, 6] as const;

async function inspection(lab: NameLab): Promise<EnforcerStatus['inspection']> {
  return (await lab.box.askEnforcer('status', {})).inspection;
}

/** With a lab in which no device has asked for anything. */
export function permitsInTap(t: Tap, lab: NameLab): void {
  for (const family of FAMILIES)
    t.test(`IPv${family}: nothing is held, and a name permits its addresses all the same`, async (t) => {
      t.match(await inspection(lab), { wanted: 'tap', active: 'tap' });
      const address = family === 4 ? '10.99.255.1' : 'fd99::ff01';
      t.ok(await lab.refuses(address));
      t.match(await lab.attempt({ name: PACS, family }), { resolved: 1, connected: 1, address });
      t.match(await lab.connect(address), { connected: 1, sentAgain: 0 }, 'the kernel has it from then on');
      t.ok(await lab.refuses(address, HL7), 'for its port only');
      const overTcp = {
        name: `n4${family}.${MANY}`,
        family,
        resolver: HOSPITAL[1],
        transport: 'tcp',
      } as const;
      t.match(await lab.attempt(overTcp), { resolved: 1, connected: 1 }, 'asked over TCP');
      const row = (await names(lab)).rows.find((each) => each.address === address && each.name === PACS);
      t.match(row, { device: 'pump-1', source: 'answer' });
    });

  t.test('of twenty clients that connect at once every one gets through', async (t) => {
    const tried = await lab.attempt({ name: `n%d.${MANY}`, from: 200, count: 20, workers: 20 });
    t.comment(JSON.stringify(tried));
    t.match(tried, { resolved: 20, connected: 20 });
    t.equal((await inspection(lab)).held, 0);
  });
}

/** Leaves a lab that holds packets. */
export function permitsWithoutQueue(t: Tap, lab: NameLab): void {
  t.test(
    'holding wanted, and no queue to be had: names permit as in tap mode, until there is one',
    async (t) => {
      await lab.enforcer.stop();
      const consumer = ['dist/bench/queue-consumer.js', 'accept'];
      const taker = await lab.lab.box.start([process.execPath, ...consumer], { readyWhen: /ready/ });
      const config = join(lab.dir, 'config.yaml');
      await writeFile(
        config,
        (await readFile(config, 'utf8')).replace('inspection: tap', 'inspection: inline'),
      );
      lab.enforcer = await lab.box.startEnforcer();
      const { wanted, active, why } = await inspection(lab);
      t.match({ wanted, active }, { wanted: 'inline', active: 'tap' });
      t.comment(why);
      for (const family of FAMILIES) {
        const tried = await lab.attempt({ name: `n5${family}.${MANY}`, family });
        t.match(tried, { resolved: 1, connected: 1 }, `IPv${family}`);
        t.ok(await lab.refuses(manyAddress(60 + family, family)), 'and only what was answered');
      }
      t.equal((await inspection(lab)).active, 'tap');
      await taker.stop();
      await lab.isInline();
      t.match(await lab.attempt({ name: `n57.${MANY}` }), { connected: 1, sentAgain: 0 });
    },
  );
}
