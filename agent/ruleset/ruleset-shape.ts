/**
 * A ruleset without its elements, but with their number: what is kept while it is in force, and compared with the kernel. A
 * hundred thousand elements as text are 40 MB; they are made anew from the policy when they are needed. Pure.
 */
import type { Ruleset, SetDefinition, Table } from './ruleset.js';

export type SetShape = Pick<SetDefinition, 'name' | 'contents'> & { readonly count: number };
export type TableShape = Pick<Table, 'family' | 'name' | 'chains'> & { readonly sets: readonly SetShape[] };

export interface RulesetShape {
  readonly tables: readonly TableShape[];
}

export function shapeOf({ tables }: Ruleset): RulesetShape {
  return {
    tables: tables.map(({ family, name, chains, sets }) => ({
      family,
      name,
      chains,
      sets: sets.map((set) => ({ name: set.name, contents: set.contents, count: set.elements.length })),
    })),
  };
}

/** `shape` after a part of its ruleset that looked like `before` came to look like `after`. */
export function withPartChanged(
  shape: RulesetShape,
  before: RulesetShape,
  after: RulesetShape,
): RulesetShape {
  const countIn = (part: RulesetShape, table: TableShape, set: SetShape): number =>
    part.tables.find(({ family }) => family === table.family)?.sets.find(({ name }) => name === set.name)
      ?.count ?? 0;
  return {
    tables: shape.tables.map((table) => ({
      ...table,
      sets: table.sets.map((set) => ({
        ...set,
        count: set.count + countIn(after, table, set) - countIn(before, table, set),
      })),
    })),
  };
}
