/**
 * Reads our tables back from the kernel: are they as they were written, and what have they counted. By netlink, not by
 * `nft`, which reads every element whatever it is asked (netlink/table-structure.ts says more).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { NetlinkError } from '../netlink/errors.js';
import { readNamedCounters } from '../netlink/named-counters.js';
import { readSetElements } from '../netlink/set-elements.js';
import { countSetElements, readTableStructure } from '../netlink/table-structure.js';
import type { RulesetShape, SetShape, TableShape } from '../ruleset/ruleset-shape.js';

export type ReadBack = { readonly ok: true } | { readonly ok: false; readonly difference: string };

/** A ruleset, or its shape. */
interface Structure {
  readonly tables: readonly (Omit<TableShape, 'sets'> & {
    readonly sets: readonly Pick<SetShape, 'name'>[];
  })[];
}

/** Whether every chain, rule count, hook policy and set of `ruleset` is in the kernel, and no chain more. */
export async function readBack(ruleset: Structure): Promise<ReadBack> {
  for (const table of ruleset.tables) {
    const name = `${table.family} ${table.name}`;
    const structure = await readTableStructure(table.family, table.name);
    if (structure === null) return { ok: false, difference: `table ${name} is gone` };
    const { chains, sets } = structure;
    for (const chain of table.chains) {
      const found = chains.get(chain.name);
      if (!found) return { ok: false, difference: `chain ${name} ${chain.name} is gone` };
      if (chain.hook !== undefined && !chain.hook.includes(`policy ${found.policy ?? 'accept'};`))
        return {
          ok: false,
          difference: `the policy of chain ${name} ${chain.name} is ${found.policy ?? 'accept'}`,
        };
      const count = found.rules;
      if (chain.contents !== 'runtime' && count !== chain.rules.length)
        return {
          ok: false,
          difference: `chain ${name} ${chain.name} has ${count} rules, not ${chain.rules.length}`,
        };
    }
    if (chains.size !== table.chains.length)
      return { ok: false, difference: `table ${name} has chains that are not ours` };
    for (const set of table.sets)
      if (!sets.has(set.name)) return { ok: false, difference: `set ${name} ${set.name} is gone` };
  }
  return { ok: true };
}

/** A dump that runs while the kernel resizes a hash set can miss elements: believed only when it says so this often. */
const COUNT_ATTEMPTS = 3;
const COUNT_PAUSE_MS = 50;

/** Whether every set that a policy fills has as many elements as it was given: what `nft flush set` would change. */
export async function countElements(ruleset: RulesetShape): Promise<ReadBack> {
  for (const table of ruleset.tables) {
    for (const set of table.sets) {
      if (set.contents !== 'policy') continue;
      let found = -1;
      for (let attempt = 0; attempt < COUNT_ATTEMPTS && found !== set.count; attempt += 1) {
        if (attempt > 0) await delay(COUNT_PAUSE_MS);
        found = await countSetElements(table.family, table.name, set.name);
      }
      if (found !== set.count)
        return {
          ok: false,
          difference: `set ${table.family} ${table.name} ${set.name} has ${found} elements, not ${set.count}`,
        };
    }
  }
  return { ok: true };
}

export interface Count {
  readonly packets: number;
  readonly bytes: number;
}

/** Named counters of both tables, summed by name. Empty when the tables are not there. */
export async function readCounters(): Promise<ReadonlyMap<string, Count>> {
  const counts = new Map<string, Count>();
  for (const counter of await readNamedCounters('cordon')) {
    const before = counts.get(counter.name) ?? { packets: 0, bytes: 0 };
    counts.set(counter.name, {
      packets: before.packets + counter.packets,
      bytes: before.bytes + counter.bytes,
    });
  }
  return counts;
}

/** The number in set `generation`, which every applied ruleset carries; null when it cannot be read. */
export async function readGeneration(): Promise<number | null> {
  const elements = await readSetElements('inet', 'cordon', 'generation').catch((error: unknown) => {
    if (error instanceof NetlinkError) return [];
    throw error;
  });
  const key = elements.length === 1 ? elements[0]?.key : undefined;
  return key === undefined || key.length !== 4 ? null : Buffer.from(key).readUInt32LE();
}
