/** The largest published MUD file, read, imported and compiled; in this process. Skipped with a line where the shared data is absent. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importMud } from '../mud/import-mud.js';
import { parseMud } from '../mud/parse-mud.js';
import { parsePolicy } from '../policy/parse-policy.js';
import { compileRuleset } from '../ruleset/compile-ruleset.js';
import { renderRuleset } from '../ruleset/render-ruleset.js';
import { percentile, rounded, type Bench } from './bench.js';
import { BENCH_CONFIG } from './rulesets.js';

const ROUNDS = 30;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIRECTORY = join(process.env['CORDON_DATA'] ?? join(ROOT, '../shared/data'), 'mud');
const SITE = 'version: 1\nsite: { name: x, resolvers: [10.0.0.53] }\n';

export const mud: Bench = {
  name: 'mud',
  what: 'the largest published MUD file, imported and compiled',
  limitMinutes: 2,
  run({ report }) {
    const largest = largestFile();
    const site = parsePolicy(SITE);
    if (largest === null || !site.ok) {
      report({ skipped: 'the published MUD files are not here (CORDON_DATA)' });
      return Promise.resolve();
    }
    const took = { importMs: [] as number[], compileMs: [] as number[] };
    let [aces, entries] = [0, 0];
    for (let round = 0; round < ROUNDS; round += 1) {
      const began = performance.now();
      const parsed = parseMud(largest.text);
      if (!parsed.ok) throw new Error(`${largest.name} does not read`);
      const imported = importMud(parsed.file, { classes: new Map(), policy: site.policy });
      const read = performance.now();
      const policy = parsePolicy(
        JSON.stringify({
          version: 1,
          site: { name: 'x', resolvers: ['10.0.0.53'] },
          groups: Object.fromEntries(imported.groups),
          devices: {
            thing: { identity: { macs: ['02:00:00:00:00:0a'] }, mode: 'enforce', allow: imported.entries },
          },
        }),
      );
      if (!policy.ok) throw new Error(`${largest.name} is imported, and not taken`);
      renderRuleset(compileRuleset({ policy: policy.policy, config: BENCH_CONFIG }));
      took.importMs.push(read - began);
      took.compileMs.push(performance.now() - read);
      [aces, entries] = [imported.fates.filter(({ ace }) => !ace.isDefault).length, imported.entries.length];
    }
    report({
      file: largest.name,
      bytes: largest.text.length,
      aces,
      entries,
      // The first is what a command pays, which runs once.
      importFirstMs: rounded(took.importMs[0] ?? Number.NaN),
      importP50Ms: percentile(took.importMs, 0.5),
      compileFirstMs: rounded(took.compileMs[0] ?? Number.NaN),
      compileP50Ms: percentile(took.compileMs, 0.5),
      rounds: ROUNDS,
    });
    return Promise.resolve();
  },
};

function largestFile(): { readonly name: string; readonly text: string } | null {
  if (!existsSync(DIRECTORY)) return null;
  const files = readdirSync(DIRECTORY, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, text: readFileSync(join(DIRECTORY, name), 'utf8') }));
  return files.sort((a, b) => b.text.length - a.text.length)[0] ?? null;
}
