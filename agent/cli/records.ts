/** `cordon refusals` and `findings`: asks the agent for rows of its store and prints them. */
import type { CliContext } from './context.js';
import { EXIT_DONE, type ExitStatus } from './errors.js';
import { findingLines, refusalColumns } from './record-tables.js';
import { withAgent } from './sockets.js';
import { renderTable } from './table.js';

export interface RecordOptions {
  readonly json?: true;
  readonly wide?: true;
  readonly limit: number;
  readonly device?: string;
  readonly state?: 'open' | 'closed';
}

export async function showRefusals(context: CliContext, options: RecordOptions): Promise<ExitStatus> {
  const { limit, device } = options;
  const answer = await withAgent(context, (agent) =>
    agent.request('refusals', { limit, ...(device !== undefined && { device }) }),
  );
  return print(context, options, answer, 'nothing was refused', () =>
    renderTable(refusalColumns(context.nowMs()), answer.rows, tableWidth(context, options)),
  );
}

export async function showFindings(context: CliContext, options: RecordOptions): Promise<ExitStatus> {
  const { limit, device, state } = options;
  const answer = await withAgent(context, (agent) =>
    agent.request('findings', {
      limit,
      ...(device !== undefined && { device }),
      ...(state !== undefined && { state }),
    }),
  );
  return print(context, options, answer, 'no findings', () =>
    findingLines(answer.rows, context.nowMs(), options.wide ? Infinity : context.columns),
  );
}

function print(
  context: CliContext,
  options: RecordOptions,
  answer: { readonly rows: readonly unknown[]; readonly total: number },
  nothing: string,
  render: () => readonly string[],
): ExitStatus {
  if (options.json) {
    context.json(answer);
    return EXIT_DONE;
  }
  if (answer.rows.length === 0) context.line(nothing);
  else context.lines(render());
  if (answer.total > answer.rows.length)
    context.line(`${answer.rows.length} of ${answer.total}; more with --limit`);
  return EXIT_DONE;
}

function tableWidth(context: CliContext, options: RecordOptions): number {
  return options.wide ? Infinity : context.columns;
}
