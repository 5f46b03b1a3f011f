/** What a change of policy costs: compiled and loaded whole, and one device of it, against `nft -f` of one rule per entry. */
import { createNetworkLab, HOSPITAL, PUMP } from '../lab/network-lab.js';
import { compileRuleset } from '../ruleset/compile-ruleset.js';
import { diffRulesets } from '../ruleset/diff-ruleset.js';
import { renderRuleset } from '../ruleset/render-ruleset.js';
import { median, rounded, timed, type Bench } from './bench.js';
import { BENCH_CONFIG, benchPolicy, loadRuleset, naiveRuleset, NO_TABLES, SIZES } from './rulesets.js';

const ROUNDS = 3;

export const apply: Bench = {
  name: 'apply',
  what: 'a policy compiled and loaded, and one device of it, against one rule per entry',
  limitMinutes: 5,
  async run({ report }) {
    const lab = await createNetworkLab('bridge');
    try {
      for (const devices of SIZES) {
        const policy = benchPolicy(devices, lab.pumpMac, PUMP.bridge[0], HOSPITAL[0]);
        const changed = benchPolicy(devices, lab.pumpMac, '10.77.0.99', HOSPITAL[0]);
        const compileMs = await timed(() =>
          Promise.resolve(renderRuleset(compileRuleset({ policy, config: BENCH_CONFIG }))),
        );
        const before = compileRuleset({ policy, config: BENCH_CONFIG });
        const change = diffRulesets(before, compileRuleset({ policy: changed, config: BENCH_CONFIG }));
        const wholeMs: number[] = [];
        const naiveMs: number[] = [];
        const oneDeviceMs: number[] = [];
        for (let round = 0; round < ROUNDS; round += 1) {
          await loadRuleset(lab, NO_TABLES);
          naiveMs.push(await timed(() => loadRuleset(lab, naiveRuleset(policy))));
          await loadRuleset(lab, NO_TABLES);
          wholeMs.push(await timed(() => loadRuleset(lab, renderRuleset(before))));
          oneDeviceMs.push(await timed(() => loadRuleset(lab, change?.text ?? '')));
        }
        report({
          devices,
          compileMs: rounded(compileMs),
          wholeMs: median(wholeMs),
          oneDeviceMs: median(oneDeviceMs),
          naiveMs: median(naiveMs),
          ratioWholeToNaive: rounded(median(wholeMs) / median(naiveMs)),
          ratioOneDeviceToNaive: rounded(median(oneDeviceMs) / median(naiveMs)),
        });
      }
    } finally {
      await lab.close();
    }
  },
};
