/**
 * A ruleset as the text that `nft -f` loads, in one transaction. Pure.
 */
import type { Chain, Element, Rule, Ruleset, SetDefinition, Table } from './ruleset.js';

export interface RenderOptions {
  /**
   * refill: keep the tables and what lives in their runtime sets (containment with its remaining time), replace rules
   * and policy elements. replace: begin anew, as at boot or when the format changed; `runtime` then says what to put back.
   * check: as replace, but no chain is attached to a hook. Only for `nft -c`: the kernel attaches even then, lets go again, and drops
   * whatever waits in a queue when it lets go of any hook (nf_queue_nf_hook_drop).
   */
  readonly how: 'refill' | 'replace' | 'check';
  /** For replace: elements of runtime sets, by `family/set`. */
  readonly runtime?: ReadonlyMap<string, readonly Element[]>;
}

export function renderRuleset(ruleset: Ruleset, options: RenderOptions = { how: 'replace' }): string {
  const lines: string[] = [];
  for (const family of ['inet', 'bridge'] as const) {
    const table = ruleset.tables.find((each) => each.family === family);
    if (!table) lines.push(`table ${family} cordon { }`, `delete table ${family} cordon`, '');
    else if (options.how !== 'refill')
      lines.push(
        `table ${family} cordon { }`,
        `delete table ${family} cordon`,
        ...renderTable(
          table,
          options.runtime ?? new Map<string, readonly Element[]>(),
          options.how === 'check',
        ),
      );
    else lines.push(...renderRefill(table));
  }
  return `${lines.join('\n')}\n`;
}

function renderRefill(table: Table): readonly string[] {
  const filled = table.sets.filter((set) => set.contents === 'policy');
  return [
    ...wrap(table, [
      ...table.sets.flatMap((set) => renderSet(set, [])),
      ...table.counters.map((name) => `\tcounter ${name} { }`),
    ]),
    `flush table ${table.family} ${table.name}`,
    ...filled.map((set) => `flush ${set.kind} ${table.family} ${table.name} ${set.name}`),
    ...renderTable(table, new Map<string, readonly Element[]>()),
  ];
}

function renderTable(
  table: Table,
  runtime: ReadonlyMap<string, readonly Element[]>,
  isDetached = false,
): readonly string[] {
  return [
    ...wrap(table, [
      ...table.counters.map((name) => `\tcounter ${name} { }`),
      ...table.sets.flatMap((set) => [
        '',
        ...renderSet(
          set,
          set.contents === 'policy' ? set.elements : (runtime.get(`${table.family}/${set.name}`) ?? []),
        ),
      ]),
      ...table.chains.flatMap((chain) => ['', ...renderChain(chain, isDetached)]),
    ]),
    '',
  ];
}

function wrap(table: Table, body: readonly string[]): readonly string[] {
  return [`table ${table.family} ${table.name} {`, ...body, '}'];
}

function renderSet(set: SetDefinition, elements: readonly Element[]): readonly string[] {
  const lines = [`\t${set.kind} ${set.name} {`];
  if (set.comment !== undefined) lines.push(`\t\tcomment "${set.comment}"`);
  lines.push(`\t\t${set.type}`);
  if (set.size !== undefined) lines.push(`\t\tsize ${set.size}`);
  if (set.flags.length > 0) lines.push(`\t\tflags ${set.flags.join(',')}`);
  if (set.timeoutSeconds !== undefined) lines.push(`\t\ttimeout ${set.timeoutSeconds}s`);
  if (set.counter === true) lines.push('\t\tcounter');
  if (elements.length > 0)
    lines.push(
      `\t\telements = {`,
      elements.map((element) => `\t\t\t${renderElement(element)}`).join(',\n'),
      '\t\t}',
    );
  lines.push('\t}');
  return lines;
}

/** `key [timeout …] [comment "…"] [: value]`: nft wants the comment before the data of a map. */
export function renderElement(element: Element): string {
  const comment = element.comment === undefined ? '' : ` comment "${element.comment}"`;
  const timeout = element.timeoutSeconds === undefined ? '' : ` timeout ${element.timeoutSeconds}s`;
  return `${element.key}${timeout}${comment}${element.value === undefined ? '' : ` : ${element.value}`}`;
}

function renderChain(chain: Chain, isDetached: boolean): readonly string[] {
  return [
    `\tchain ${chain.name} {`,
    ...(chain.comment === undefined ? [] : [`\t\tcomment "${chain.comment}"`]),
    ...(chain.hook === undefined || isDetached ? [] : [`\t\t${chain.hook}`]),
    ...chain.rules.map(renderRule),
    '\t}',
  ];
}

function renderRule(rule: Rule): string {
  return `\t\t${rule.text}${rule.comment === undefined ? '' : ` comment "${rule.comment}"`}`;
}
