/** `cordon eol`: what has to be replaced in which year, what nobody knows the end of, and who has no contact at the vendor. `cordon data import`. */
import { budgetOf, type Budget, type BudgetLine } from '../risk/eol-budget.js';
import { guardText } from '../risk/guard-view.js';
import { gather, readKevFile, readSupportFile, type AssessmentOptions } from './assessments.js';
import type { CliContext } from './context.js';
import { EXIT_DONE, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { withAgent } from './sockets.js';
import { renderTable } from './table.js';
import { whoAsks } from './who.js';

export interface EolOptions extends AssessmentOptions {
  readonly wide?: true;
  readonly year?: number;
}

export async function showBudget(context: CliContext, options: EolOptions): Promise<ExitStatus> {
  const { inputs, nowMs } = await gather(context, options);
  const whole = budgetOf(
    inputs.map(({ subject, support, guard }) => ({ subject, support, guarded: guardText(guard) })),
    nowMs,
  );
  const budget: Budget =
    options.year === undefined
      ? whole
      : { ...whole, years: whole.years.filter(({ year }) => year === options.year) };
  if (options.json) context.json(budget);
  else context.lines(budgetLines(budget, options.wide ? Infinity : context.columns));
  return EXIT_DONE;
}

function budgetLines({ years, unknown, withoutVendorContact }: Budget, columns: number): readonly string[] {
  const lines = years.flatMap(({ year, lines: rows, cost, withoutCost }) => [
    `${year}: ${rows.length} device${rows.length === 1 ? '' : 's'}, cost ${cost}${withoutCost > 0 ? ` and ${withoutCost} without a figure` : ''}`,
    ...renderTable<BudgetLine>(
      [
        { title: 'device', value: ({ name }) => name, shrinkTo: 12 },
        { title: 'runs', value: ({ product }) => product ?? '', shrinkTo: 12 },
        { title: 'support ends', value: endText },
        { title: 'replace by', value: ({ replaceBy }) => replaceBy ?? '' },
        { title: 'cost', value: (line) => (line.cost === null ? '' : String(line.cost)), align: 'right' },
        { title: 'meanwhile', value: ({ compensating }) => compensating ?? 'nothing', shrinkTo: 12 },
        { title: 'owner', value: ({ owner }) => owner ?? '', leaveOut: 1 },
        { title: 'source', value: ({ source }) => source, leaveOut: 2 },
      ],
      rows,
      columns,
    ),
    '',
  ]);
  return [
    ...(years.length === 0 ? ['no device has a known end of support', ''] : lines),
    `${unknown.length} without a known end of support${listed(unknown.map(({ name, why }) => `${name} (${why})`))}`,
    `${withoutVendorContact.length} without a contact at the vendor${listed(withoutVendorContact.map(({ name, missing }) => `${name} (${missing})`))}`,
  ];
}

function endText({ ends, daysLeft }: BudgetLine): string {
  return daysLeft < 0 ? `${ends} (over)` : `${ends} (${daysLeft} d)`;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, 20).map((name) => escapeControls(name));
  return `: ${shown.join(', ')}${names.length > shown.length ? ', …' : ''}`;
}

export async function importData(
  context: CliContext,
  kind: 'kev' | 'eol',
  file: string,
  options: { readonly json?: true; readonly by?: string; readonly product?: string },
): Promise<ExitStatus> {
  const read =
    kind === 'kev' ? await readKevFile(file) : await readSupportFile(file, options.product ?? null);
  await withAgent(context, async (agent) => {
    const body = kind === 'kev' ? read : await mergedTable(agent, file, options.product ?? null);
    return agent.request('reference.put', {
      kind,
      by: whoAsks(context, options.by),
      body: JSON.stringify(body),
    });
  });
  if (options.json) context.json({ kind, entries: read.length });
  else
    context.line(
      `${read.length} ${kind === 'kev' ? 'products with exploited vulnerabilities' : 'dates'} taken in.`,
    );
  return EXIT_DONE;
}

/** What was taken in before stays, but for the products that this file speaks of: endoflife.date has a file for each. */
async function mergedTable(
  agent: Parameters<Parameters<typeof withAgent>[1]>[0],
  file: string,
  product: string | null,
) {
  const { document } = await agent.request('reference.get', { kind: 'eol' });
  const { readSupportTable } = await import('../risk/reference-data.js');
  const before = document === null ? null : readSupportTable(document.body, null);
  const added = await readSupportFile(file, product);
  const known = new Set(added.map((one) => one.product));
  const kept = before?.ok ? before.value.filter((one) => !known.has(one.product)) : [];
  return [...added, ...kept];
}
