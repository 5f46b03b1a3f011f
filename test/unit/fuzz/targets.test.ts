import t from 'tap';
import { readCorpus } from '../../../agent/fuzz/corpus.js';
import { fuzz } from '../../../agent/fuzz/fuzz.js';
import { FUZZ_TARGETS } from '../../../agent/fuzz/targets.js';

/** Inputs for each target, of which text is the slower; a few seconds altogether. `make fuzz` is for longer. */
const RUNS = { bytes: 10_000, text: 400 };

for (const target of FUZZ_TARGETS)
  t.test(`${target.name}: nothing throws, reads outside or hangs, whatever comes`, (t) => {
    const corpus = readCorpus(target);
    const runs = corpus.length + (target.isText ? RUNS.text : RUNS.bytes);
    const result = fuzz(target, { corpus, seed: 1, cpuMs: () => 0, goesOn: (before) => before < runs });
    t.equal(result.crash, null);
    t.equal(result.runs, runs);
    t.ok(result.ground > 1, `${result.ground} different outcomes`);
    t.end();
  });

t.test('a target that throws is told, with the input', (t) => {
  const run = (input: Uint8Array): string => {
    if (input.length !== 3) throw new RangeError('not three');
    return 'three';
  };
  const { crash } = fuzz(
    { name: 'three', isText: false, run },
    { corpus: [Uint8Array.of(1, 2, 3)], seed: 1, cpuMs: () => 0, goesOn: () => true },
  );
  t.match(crash?.error, { message: 'not three' });
  t.not(crash?.input.length, 3);
  t.end();
});
