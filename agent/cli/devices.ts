/** `cordon devices`, `device show` and `device set`: what the agent's inventory knows, with its reasons, and what people enter. */
import type { InventoryDetail, InventoryRow } from '../messages/agent-messages.js';
import { statedInPolicy, statedOrSeen } from '../inventory/stated.js';
import type { Policy } from '../policy/schema.js';
import type { CliContext } from './context.js';
import { deviceLines } from './device-lines.js';
import { formatRelative } from './durations.js';
import { CliError, EXIT_DONE, usageError, type ExitStatus } from './errors.js';
import { escapeControls } from './escape.js';
import { withAgent, withEnforcer, type AgentClient } from './sockets.js';
import { renderTable, type Column } from './table.js';
import { whoAsks } from './who.js';

/** Devices in one answer: a few megabytes at most. */
const PAGE = 500;

export interface ListOptions {
  readonly json?: true;
  readonly wide?: true;
  readonly limit: number;
}

export async function listDevices(context: CliContext, options: ListOptions): Promise<ExitStatus> {
  const { rows, total } = await withAgent(context, (agent) => readInventory(agent, options.limit));
  if (options.json) {
    context.json({ rows, total });
    return EXIT_DONE;
  }
  if (rows.length === 0) context.line('no device was seen yet');
  else {
    const policy = rows.some(({ policyName }) => policyName !== null) ? await policyIfThere(context) : null;
    const table = columns(context.nowMs(), policy);
    context.lines(renderTable(table, rows, options.wide ? Infinity : context.columns));
  }
  if (total > rows.length) context.line(`${rows.length} of ${total}; more with --limit`);
  return EXIT_DONE;
}

/** What it says of make, model and place; the list is worth having without the enforcer, too. */
async function policyIfThere(context: CliContext): Promise<Policy | null> {
  const { runningPolicy } = await import('./policy-online.js');
  return await withEnforcer(context, (enforcer) => runningPolicy(context, enforcer)).catch(() => null);
}

export async function readInventory(
  agent: AgentClient,
  limit: number,
): Promise<{ readonly rows: readonly InventoryRow[]; readonly total: number }> {
  const rows: InventoryRow[] = [];
  for (;;) {
    const page = await agent.request('inventory', {
      limit: Math.min(PAGE, limit - rows.length),
      offset: rows.length,
    });
    rows.push(...page.rows);
    if (page.rows.length === 0 || rows.length >= limit || rows.length >= page.total)
      return { rows, total: page.total };
  }
}

export async function showDevice(
  context: CliContext,
  device: string,
  options: { readonly json?: true },
): Promise<ExitStatus> {
  const detail: InventoryDetail = await withAgent(context, (agent) =>
    agent.request('inventory.show', { device }),
  );
  if (options.json) context.json(detail);
  else context.lines(deviceLines(detail, context.nowMs(), context.columns));
  return EXIT_DONE;
}

export async function setEntries(
  context: CliContext,
  device: string,
  words: readonly string[],
  options: { readonly json?: true; readonly by?: string },
): Promise<ExitStatus> {
  const entries = Object.fromEntries(words.map(readWord));
  const answer = await withAgent(context, (agent) =>
    agent.request('inventory.enter', {
      by: whoAsks(context, options.by),
      devices: [{ device, entries }],
    }),
  );
  if (answer.problems.length > 0)
    throw new CliError('bad-entry', `nothing of ${device} was changed`, {
      problems: answer.problems.map(({ message }) => ({ path: device, message })),
    });
  if (options.json) context.json(answer);
  else context.line(`${escapeControls(device)}: ${Object.keys(entries).join(', ')} entered.`);
  return EXIT_DONE;
}

function readWord(word: string): readonly [string, string] {
  const at = word.indexOf('=');
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  throw usageError(`write field=value, as in owner="Biomedical engineering"; "${word}" has no =`);
}

/** The policy's name first: it is what every other command takes. */
export function nameOfDevice({
  policyName,
  fields,
  id,
}: Pick<InventoryRow, 'policyName' | 'fields' | 'id'>): string {
  return policyName ?? fields.name?.value ?? id;
}

function columns(nowMs: number, policy: Policy | null): readonly Column<InventoryRow>[] {
  const sure =
    (field: 'kind' | 'make' | 'model' | 'os') =>
    ({ fields }: InventoryRow): string => {
      const best = fields[field];
      if (best === undefined) return '';
      return `${best.value} ${best.confidence}%${best.conflicts.length > 0 ? ' ?' : ''}`;
    };
  const said =
    (field: 'make' | 'model') =>
    (row: InventoryRow): string => {
      const best = statedOrSeen(row, field, policy);
      return best === null || best === row.fields[field]?.value ? sure(field)(row) : best;
    };
  return [
    { title: 'device', value: nameOfDevice, shrinkTo: 12 },
    { title: 'address', value: ({ addresses }) => latest(addresses), shrinkTo: 12 },
    { title: 'kind', value: sure('kind'), shrinkTo: 10 },
    { title: 'make', value: said('make'), shrinkTo: 10 },
    { title: 'model', value: said('model'), shrinkTo: 10, leaveOut: 1 },
    { title: 'os', value: sure('os'), shrinkTo: 10 },
    { title: 'seen', value: ({ lastMs }) => formatRelative(lastMs, nowMs), shrinkTo: 7 },
    { title: 'mac', value: ({ macs }) => macs.at(-1) ?? '', leaveOut: 2 },
    { title: 'port', value: ({ fields }) => fields.port?.value ?? '', leaveOut: 3 },
    { title: 'owner', value: ({ operator }) => operator.owner?.value ?? '', leaveOut: 4 },
    {
      title: 'location',
      value: ({ operator, policyName }) =>
        operator.location?.value ?? statedInPolicy(policyName, policy)?.location ?? '',
      leaveOut: 5,
    },
  ];
}

function latest(addresses: readonly string[]): string {
  return addresses.findLast((one) => !one.startsWith('fe80:')) ?? addresses.at(-1) ?? '';
}
