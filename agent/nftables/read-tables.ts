/**
 * Reads our tables back from the kernel: are they as they were written, and what have they counted. `nft -j -t` leaves
 * elements out, so the answer is small whatever the policy's size.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { readNamedCounters } from '../netlink/named-counters.js';
import { readSetElements } from '../netlink/set-elements.js';
import type { Ruleset } from '../ruleset/ruleset.js';
import { runNft } from './run-nft.js';

const listed = z.object({
  nftables: z.array(
    z.object({
      chain: z
        .object({
          family: z.string(),
          table: z.string(),
          name: z.string(),
          hook: z.string().optional(),
          policy: z.string().optional(),
        })
        .optional(),
      rule: z.object({ family: z.string(), table: z.string(), chain: z.string() }).optional(),
      set: z.object({ family: z.string(), table: z.string(), name: z.string() }).optional(),
      map: z.object({ family: z.string(), table: z.string(), name: z.string() }).optional(),
      element: z.unknown().optional(),
    }),
  ),
});
type Listed = z.infer<typeof listed>['nftables'];

export type ReadBack = { readonly ok: true } | { readonly ok: false; readonly difference: string };

/** Whether every chain, rule count, hook policy and set of `ruleset` is in the kernel, and no chain more. */
export async function readBack(ruleset: Ruleset): Promise<ReadBack> {
  for (const table of ruleset.tables) {
    const name = `${table.family} ${table.name}`;
    const objects = await list(['-j', '-t', 'list', 'table', table.family, table.name]);
    if (objects === null) return { ok: false, difference: `table ${name} is gone` };
    const chains = new Map(
      objects.flatMap((object) => (object.chain ? [[object.chain.name, object.chain] as const] : [])),
    );
    const rules = new Map<string, number>();
    for (const object of objects)
      if (object.rule) rules.set(object.rule.chain, (rules.get(object.rule.chain) ?? 0) + 1);
    const sets = new Set(
      objects.flatMap((object) => [object.set?.name, object.map?.name].filter((each) => each !== undefined)),
    );
    for (const chain of table.chains) {
      const found = chains.get(chain.name);
      if (!found) return { ok: false, difference: `chain ${name} ${chain.name} is gone` };
      if (chain.hook !== undefined && !chain.hook.includes(`policy ${found.policy ?? 'accept'};`))
        return {
          ok: false,
          difference: `the policy of chain ${name} ${chain.name} is ${found.policy ?? 'accept'}`,
        };
      const count = rules.get(chain.name) ?? 0;
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
export async function countElements(ruleset: Ruleset): Promise<ReadBack> {
  for (const table of ruleset.tables) {
    for (const set of table.sets) {
      if (set.contents !== 'policy') continue;
      let found = -1;
      for (let attempt = 0; attempt < COUNT_ATTEMPTS && found !== set.elements.length; attempt += 1) {
        if (attempt > 0) await delay(COUNT_PAUSE_MS);
        found = (await readSetElements(table.family, table.name, set.name)).length;
      }
      if (found !== set.elements.length)
        return {
          ok: false,
          difference: `set ${table.family} ${table.name} ${set.name} has ${found} elements, not ${set.elements.length}`,
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
  const result = await runNft(['-j', 'list', 'set', 'inet', 'cordon', 'generation'], null);
  if (!result.ok) return null;
  const match = /"elem":\s*\[\s*(\d+)\s*\]/.exec(result.output);
  return match?.[1] === undefined ? null : Number(match[1]);
}

async function list(options: readonly string[]): Promise<Listed | null> {
  const result = await runNft(options, null);
  if (!result.ok) return null;
  const parsed = listed.safeParse(JSON.parse(result.output));
  return parsed.success ? parsed.data.nftables : null;
}
