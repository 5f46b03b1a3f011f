/**
 * `make fuzz SECONDS_TO_RUN=600 FUZZ="policy netlink" SEED=1`: each target for that time, over its corpus (test/corpus/TARGET). One JSON line
 * a target. A crash is written to crash-TARGET here and ends with status 1: mend it, and put the file into the corpus. `PACKETS=…` is the other
 * one: bench/fuzz.ts, which feeds mutated captures to decoders, flows and detectors together.
 */
import { writeFileSync } from 'node:fs';
import { readCorpus } from './corpus.js';
import { fuzz } from './fuzz.js';
import { FUZZ_TARGETS } from './targets.js';

const [seconds = '60', seed = '1', ...names] = process.argv.slice(2);
const targets = FUZZ_TARGETS.filter(({ name }) => names.length === 0 || names.includes(name));
if (targets.length === 0)
  process.stderr.write(`no such target; there are: ${FUZZ_TARGETS.map(({ name }) => name).join(', ')}\n`);
if (targets.length === 0) process.exitCode = 2;
for (const target of targets) {
  const corpus = readCorpus(target);
  const untilMs = performance.now() + Number(seconds) * 1_000;
  const { crash, ...counts } = fuzz(target, {
    corpus,
    seed: Number(seed),
    cpuMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    goesOn: () => performance.now() < untilMs,
  });
  const result = {
    fuzz: target.name,
    seconds: Number(seconds),
    corpus: corpus.length,
    ...counts,
    crashed: crash !== null,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  if (crash === null) continue;
  process.exitCode = 1;
  writeFileSync(
    `crash-${target.name}`,
    target.isText ? crash.input : Buffer.from(crash.input).toString('hex'),
  );
  const stack = crash.error instanceof Error ? crash.error.stack : String(crash.error);
  process.stderr.write(`${target.name}: the input is in crash-${target.name}\n${stack ?? ''}\n`);
}
