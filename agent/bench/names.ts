/**
 * Host names in allow-lists: what reading answers adds to them, whether an address is in the kernel before its answer is at the device
 * (a client that connects at once never has to send its first packet again), and what one more address costs beside `nft`.
 */
import { fileURLToPath } from 'node:url';
import { MANY, NameLab, type Tried } from '../lab/name-lab.js';
import { median, percentile, rounded, type Bench } from './bench.js';

const RESOLUTIONS = 10_000;
const ROUNDS = 3;
const ANSWERS = 1_000;
const UPDATES = 200;
const ELEMENTS = fileURLToPath(new URL('./name-elements.js', import.meta.url));

export const names: Bench = {
  name: 'names',
  what: 'host names: 10,000 resolutions with a connection at once, what an answer waits, a set update beside nft',
  limitMinutes: 10,
  async run({ dir, report }) {
    const lab = await NameLab.create('bridge', dir);
    try {
      await lab.isInline();
      for (const family of [4, 6] as const) {
        const count = RESOLUTIONS / 2;
        const tried = await lab.attempt({ name: `n%d.${MANY}`, from: 100, count, workers: 4, family });
        const { resolved, connected, sentAgain, answerUs, connectUs } = tried;
        report({
          what: 'resolved and connected at once',
          family,
          resolved,
          connected,
          sentAgain,
          answerUs,
          connectUs,
        });
      }
      const updates = JSON.parse(
        await lab.lab.box.must([process.execPath, ELEMENTS, String(UPDATES)], { timeoutMs: 120_000 }),
      ) as { readonly netlinkMs: readonly number[]; readonly nftMs: readonly number[] };
      report({
        what: 'one element, until it is committed, against nft -f -',
        p50Ms: percentile(updates.netlinkMs, 0.5),
        p99Ms: percentile(updates.netlinkMs, 0.99),
        nftP50Ms: percentile(updates.nftMs, 0.5),
        nftP99Ms: percentile(updates.nftMs, 0.99),
        ratio: rounded(percentile(updates.netlinkMs, 0.5) / percentile(updates.nftMs, 0.5)),
        updates: UPDATES,
      });
      await held(lab, report);
    } finally {
      await lab.close();
    }
  },
};

/** Answers that wait for the enforcer, and those of a box without it: the kernel forwards them by itself. */
async function held(lab: NameLab, report: (line: Record<string, unknown>) => void): Promise<void> {
  const ask = (round: number): Promise<Tried> =>
    lab.attempt({ name: `n%d.${MANY}`, from: 6_000 + round * ANSWERS, count: ANSWERS, port: 0 });
  const [read, unread]: [Tried[], Tried[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    await lab.isInline();
    read.push(await ask(2 * round));
    await lab.enforcer.stop();
    unread.push(await ask(2 * round + 1));
    lab.enforcer = await lab.box.startEnforcer();
  }
  const of = (all: readonly Tried[], share: 'p50' | 'p99'): number =>
    median(all.map(({ answerUs }) => answerUs[share]));
  report({
    what: 'an answer at the device, names read against no enforcer',
    p50Us: of(read, 'p50'),
    p99Us: of(read, 'p99'),
    withoutP50Us: of(unread, 'p50'),
    withoutP99Us: of(unread, 'p99'),
    addedP50Us: rounded(of(read, 'p50') - of(unread, 'p50')),
    addedP99Us: rounded(of(read, 'p99') - of(unread, 'p99')),
    answers: ROUNDS * ANSWERS,
  });
}
