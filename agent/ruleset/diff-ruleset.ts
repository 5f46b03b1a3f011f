/**
 * The difference of two rulesets as nft text that changes elements only: what a change of one device costs at ten
 * thousand. Pure; called by the enforcer. Anything else than elements differs: null, and the tables are refilled.
 */
import { renderElement } from './render-ruleset.js';
import type { Element, Ruleset, SetDefinition, Table } from './ruleset.js';

/** Beyond this a refill is as quick, and simpler to reason about. */
const MAX_CHANGED_ELEMENTS = 5_000;

export interface ElementChange {
  readonly added: number;
  readonly removed: number;
  /** One transaction for `nft -f`; empty when nothing differs. */
  readonly text: string;
}

export function diffRulesets(before: Ruleset, after: Ruleset): ElementChange | null {
  if (before.format !== after.format || before.mode !== after.mode) return null;
  if (
    JSON.stringify(before.tables.map(withoutElements)) !== JSON.stringify(after.tables.map(withoutElements))
  )
    return null;
  const deletions: string[] = [];
  const additions: string[] = [];
  let added = 0;
  let removed = 0;
  for (const [index, table] of after.tables.entries()) {
    const old = before.tables[index];
    for (const [position, set] of table.sets.entries()) {
      const oldSet = old?.sets[position];
      if (!oldSet || set.contents !== 'policy') continue;
      const { gone, come } = diffElements(oldSet, set);
      removed += gone.length;
      added += come.length;
      if (added + removed > MAX_CHANGED_ELEMENTS) return null;
      if (gone.length > 0)
        deletions.push(
          `delete element ${table.family} cordon ${set.name} { ${gone.map((element) => withData(set, element)).join(', ')} }`,
        );
      if (come.length > 0)
        additions.push(
          `add element ${table.family} cordon ${set.name} { ${come.map(renderElement).join(', ')} }`,
        );
    }
  }
  return { added, removed, text: [...deletions, ...additions].map((line) => `${line}\n`).join('') };
}

function withoutElements(table: Table): unknown {
  return { ...table, sets: table.sets.map((set) => ({ ...set, elements: [] })) };
}

function diffElements(before: SetDefinition, after: SetDefinition): { gone: Element[]; come: Element[] } {
  const old = new Map(before.elements.map((element) => [element.key, element]));
  const come: Element[] = [];
  const gone: Element[] = [];
  for (const element of after.elements) {
    const known = old.get(element.key);
    old.delete(element.key);
    if (known && known.value === element.value && known.comment === element.comment) continue;
    if (known) gone.push(known);
    come.push(element);
  }
  return { gone: [...gone, ...old.values()], come };
}

/** nft matches a map element to delete by key and data. */
function withData(set: SetDefinition, element: Element): string {
  return set.kind === 'map' && element.value !== undefined
    ? `${element.key} : ${element.value}`
    : element.key;
}
