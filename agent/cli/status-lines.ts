/** The status of both processes as lines. Pure; called by status.ts. */
import type { AgentStatus } from '../messages/agent-messages.js';
import { scopeText } from '../containment/orders.js';
import type { ContainmentOrder, DesiredResult, EnforcerStatus } from '../messages/vocabulary.js';
import { formatDuration, formatRelative, formatTimeAndAge } from './durations.js';
import { formatBytes } from './byte-text.js';
import { escapeControls } from './escape.js';
import { exceptionText } from './exception-lines.js';
import { renderTable } from './table.js';
import { wrap } from './text-width.js';

export type Asked<Status> =
  | { readonly ok: true; readonly status: Status }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly socketPath: string };

const LABEL_WIDTH = 11;
const KERNEL_STANDS =
  'Rules that are loaded in the kernel go on deciding (sudo cordon doctor tells whether they are); nothing can be changed until it is back.';

export function statusLines(
  enforcer: Asked<EnforcerStatus>,
  agent: Asked<AgentStatus>,
  nowMs: number,
  columns: number,
): readonly string[] {
  const labelled = (label: string, text: string): readonly string[] => field(label, text, columns);
  return [
    ...(enforcer.ok
      ? enforcerLines(enforcer.status, nowMs, columns)
      : [...labelled('Enforcer', absent(enforcer)), ...labelled('', KERNEL_STANDS)]),
    '',
    ...(agent.ok
      ? agentLines(agent.status, nowMs, columns)
      : [
          ...labelled('Agent', absent(agent)),
          ...labelled(
            '',
            'Enforcement does not need it; devices, refusals and findings are not recorded meanwhile.',
          ),
        ]),
  ];
}

function enforcerLines(status: EnforcerStatus, nowMs: number, columns: number): readonly string[] {
  const { policy } = status;
  const labelled = (label: string, text: string): readonly string[] => field(label, text, columns);
  const refused = Object.entries(status.refused).filter(([, count]) => count.packets > 0);
  return [
    ...labelled('Enforcer', running(status, nowMs)),
    ...labelled('Mode', status.mode),
    ...(policy.appliedAtMs === null
      ? labelled('Policy', 'none was applied yet: cordon policy apply FILE')
      : [
          ...labelled(
            'Policy',
            `generation ${policy.generation}: ${counted(policy.devices, 'device')}, ${counted(policy.entries, 'entry', 'entries')}`,
          ),
          ...labelled('', `applied ${formatTimeAndAge(policy.appliedAtMs, nowMs)}`),
          ...labelled('', `sha256 ${policy.sha256.slice(0, 16)}…`),
        ]),
    ...(policy.pending === null
      ? []
      : labelled(
          'Unconfirmed',
          `goes back to the policy before it ${formatRelative(policy.pending.rollbackAtMs, nowMs)} unless: cordon policy confirm`,
        )),
    ...variablesText(status).flatMap((text, index) => labelled(index === 0 ? 'Variables' : '', text)),
    ...exceptionsText(status, nowMs).flatMap((text, index) =>
      labelled(index === 0 ? 'Exceptions' : '', text),
    ),
    ...(status.containment.length === 0
      ? labelled('Contained', 'nobody')
      : status.containment.flatMap((order, index) =>
          labelled(index === 0 ? 'Contained' : '', containmentText(order, nowMs)),
        )),
    ...status.desired.flatMap((result, index) => labelled(index === 0 ? 'Fleet' : '', desiredText(result))),
    ...panelLines(status.panel, labelled),
    ...labelled('Permitted', counted(status.permittedNew, 'new connection')),
    ...(status.wouldRefuse === 0
      ? []
      : labelled(
          'Shadow',
          `${counted(status.wouldRefuse, 'first packet')} that enforce would refuse: cordon learn shadow DEVICE`,
        )),
    ...labelled('Inspection', inspectionText(status.inspection)),
    ...(status.portsUnguarded === null
      ? []
      : labelled(
          'Ports',
          `UNGUARDED: ${status.portsUnguarded}; if somebody flushes the ruleset, everything passes until it is restored`,
        )),
    ...(status.announcementsUnheard === null
      ? []
      : labelled('LLDP, CDP', `not read: ${status.announcementsUnheard}`)),
    ...(refused.length === 0
      ? labelled('Refused', 'nothing since the tables were loaded')
      : refusedLines(refused, columns)),
    ...notKept(status.dropped, columns),
    ...(status.tablesRestored === 0
      ? []
      : labelled('Tables', `removed by someone else and restored ${counted(status.tablesRestored, 'time')}`)),
  ];
}

const SHOWN_VARIABLES = 8;

/** Those of the configuration count from an apply on, never by themselves. */
function variablesText({ variables: { changed, problem }, policy }: EnforcerStatus): readonly string[] {
  const applied = `generation ${policy.generation} keeps what it was applied with`;
  if (problem !== null) return [`THE CONFIGURATION DOES NOT READ: ${problem}; ${applied}`];
  if (changed.length === 0) return [];
  return [
    `${variableNames(changed)} ${changed.length === 1 ? 'has' : 'have'} changed in the configuration; ${applied}`,
    `see what it would change: ${SHOW_VARIABLES_CHANGE}`,
    `take it over: ${TAKE_VARIABLES_OVER}`,
  ];
}

export const SHOW_VARIABLES_CHANGE = 'cordon policy show | cordon policy diff -';
export const TAKE_VARIABLES_OVER = 'cordon policy show | cordon policy apply -';

export function variableNames(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_VARIABLES).map((name) => `$${name}`);
  return `${shown.join(', ')}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ''}`;
}

const SHOWN_EXCEPTIONS = 5;

/** What ends next, by its end; what has ended is counted. */
function exceptionsText({ exceptions: { rows } }: EnforcerStatus, nowMs: number): readonly string[] {
  const counting = rows.filter(({ state }) => state !== 'ended');
  const shown = counting.slice(0, SHOWN_EXCEPTIONS);
  const [more, ended] = [counting.length - shown.length, rows.length - counting.length];
  return [
    ...shown.map((row) => `${row.path} ${exceptionText(row, nowMs)}`),
    ...(more === 0 ? [] : [`and ${more} more, later: cordon status --json`]),
    ...(ended === 0
      ? []
      : [
          `${ended} ${ended === 1 ? 'has' : 'have'} ended: remove them from the policy, or give another date`,
        ]),
  ];
}

function desiredText({ kid, ver, state, detail }: DesiredResult): string {
  const which = `${ver === null ? 'a document' : `document ${ver}`}${kid === null ? '' : ` of key ${kid}`}`;
  return `${which} ${state === 'applied' ? 'is applied' : state.toUpperCase()}: ${detail}`;
}

function panelLines(
  { button, light }: EnforcerStatus['panel'],
  labelled: (label: string, text: string) => readonly string[],
): readonly string[] {
  return [
    ...(button === null
      ? []
      : labelled('Button', button.problem === null ? 'is read' : `DOES NOT WORK: ${button.problem}`)),
    ...(light === null
      ? []
      : labelled(
          'Light',
          light.problem === null ? `shows ${light.shows}` : `DOES NOT WORK: ${light.problem}`,
        )),
  ];
}

function inspectionText(inspection: EnforcerStatus['inspection']): string {
  const { wanted, active, how, why, held, refused, unseen } = inspection;
  const counts = `${counted(held, 'first packet')} held, ${refused} refused, ${unseen} passed unseen`;
  if (active === 'inline')
    return `inline (${how === 'compat' ? 'xt NFQUEUE through nft_compat' : 'nft_queue'}): ${counts}`;
  if (wanted === 'tap') return 'tap, as configured: detectors see a copy of first packets';
  return `TAP, NOT INLINE: ${why ?? 'not known why'}; detectors see a copy and can refuse nothing; ${counts}`;
}

function refusedLines(
  refused: readonly (readonly [string, { packets: number; bytes: number }])[],
  columns: number,
): readonly string[] {
  const table = renderTable<(typeof refused)[number]>(
    [
      { title: 'reason', value: ([reason]) => reason },
      { title: 'packets', value: ([, count]) => String(count.packets), align: 'right' },
      { title: 'bytes', value: ([, count]) => String(count.bytes), align: 'right' },
    ],
    refused,
    columns - LABEL_WIDTH - 2,
  );
  return table.map((line, index) => `${(index === 0 ? 'Refused' : '').padEnd(LABEL_WIDTH)}  ${line}`);
}

function agentLines(status: AgentStatus, nowMs: number, columns: number): readonly string[] {
  const labelled = (label: string, text: string): readonly string[] => field(label, text, columns);
  const { broker, spool, store } = status;
  return [
    ...labelled('Agent', running(status, nowMs)),
    ...labelled('Enforcer', status.enforcerConnected ? 'connected' : 'not connected: no evidence arrives'),
    ...labelled('Broker', brokerText(broker)),
    ...labelled(
      'Spool',
      `${spool.waiting} of at most ${counted(spool.limit, 'event')} waiting, ${spool.dropped} dropped`,
    ),
    ...labelled(
      'Store',
      `${counted(store.devices, 'device')}, ${counted(store.refusals, 'refusal')}, ${counted(store.findings, 'finding')}, ${formatBytes(store.sizeBytes)} in ${store.path}`,
    ),
    ...labelled('Activity', activityText(status.activity, nowMs)),
    ...notKept(status.dropped, columns),
  ];
}

function activityText({ seq, lastMs, sizeBytes, keepDays }: AgentStatus['activity'], nowMs: number): string {
  if (seq === 0) return 'nothing is written down: the disk refuses the activity log';
  return `${counted(seq, 'entry', 'entries')}, the last ${formatRelative(lastMs, nowMs)}, ${formatBytes(sizeBytes)}, kept ${keepDays} days`;
}

function brokerText(broker: AgentStatus['broker']): string {
  if (!broker.configured) return 'none configured: events stay on the box';
  const state = broker.connected ? 'connected' : 'not connected: events wait on disk';
  const error = broker.lastError === null || broker.connected ? '' : ` (${broker.lastError})`;
  return `${broker.url ?? ''} ${state}${error}`;
}

function containmentText(order: ContainmentOrder, nowMs: number): string {
  const effect = order.level === 'cut' ? `cut, ${cutText(order)}` : 'contained, essential entries only';
  const until = order.untilMs === null ? 'until released' : `until ${formatTimeAndAge(order.untilMs, nowMs)}`;
  return `${scopeText(order.scope)}: ${effect}, since ${formatTimeAndAge(order.sinceMs, nowMs)}, ${until}, by ${order.by} (${order.source}, order ${order.id}): ${order.reason}`;
}

function cutText({ sparesLifeSustaining }: ContainmentOrder): string {
  return sparesLifeSustaining
    ? 'nothing passes; life-sustaining devices keep what is essential'
    : 'nothing passes';
}

function running(
  status: {
    readonly pid: number;
    readonly version: string;
    readonly startedAtMs: number;
    readonly rssBytes: number;
  },
  nowMs: number,
): string {
  const up = formatDuration((nowMs - status.startedAtMs) / 1000);
  return `running for ${up}, pid ${status.pid}, version ${status.version}, ${formatBytes(status.rssBytes)}`;
}

function absent(asked: {
  readonly code: string;
  readonly message: string;
  readonly socketPath: string;
}): string {
  return asked.code === 'no-server'
    ? `NOT RUNNING: nobody answers at ${asked.socketPath}`
    : `NO ANSWER: ${asked.message}`;
}

function notKept(dropped: Readonly<Record<string, number>>, columns: number): readonly string[] {
  const counters = Object.entries(dropped).filter(([, count]) => count > 0);
  const text = counters.map(([name, count]) => `${name} ${count}`).join(', ');
  return field('Not kept', counters.length === 0 ? 'nothing was dropped' : text, columns);
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A label and a text under each other, as every line of a status. */
export function field(label: string, text: string, columns: number): readonly string[] {
  const indent = ' '.repeat(LABEL_WIDTH + 2);
  return wrap(escapeControls(text), columns, indent).map((line, index) =>
    index === 0 ? label.padEnd(LABEL_WIDTH) + line.slice(LABEL_WIDTH) : line,
  );
}
