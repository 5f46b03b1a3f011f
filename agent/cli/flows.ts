/**
 * `cordon flows`: live connections from the enforcer, which reads them from the kernel, and beside them the open findings from
 * the agent. Without the agent the connections are shown all the same: they are what somebody needs in an incident.
 */
import { MAX_FLOWS, type LiveFlow } from '../messages/enforcer-messages.js';
import { SEVERITIES, type Finding } from '../messages/vocabulary.js';
import type { CliContext } from './context.js';
import { formatBytes } from './byte-text.js';
import { EXIT_DONE, type ExitStatus } from './errors.js';
import type { RecordOptions } from './records.js';
import { serviceText } from './service-text.js';
import { withAgent, withEnforcer } from './sockets.js';
import { renderTable, type Column } from './table.js';

/** Open findings looked through; a box with more has other worries. */
const MAX_FINDINGS = 1_000;

interface Row extends LiveFlow {
  /** Open findings about the device and this peer, the worst first. */
  readonly findings: readonly Pick<Finding, 'key' | 'detector' | 'severity' | 'title'>[];
}

export async function showFlows(context: CliContext, options: RecordOptions): Promise<ExitStatus> {
  const { device } = options;
  const limit = Math.min(options.limit, MAX_FLOWS);
  const { rows: flows, total } = await withEnforcer(context, (enforcer) =>
    enforcer.request('flows', { limit, ...(device !== undefined && { device }) }),
  );
  const findings = await openFindings(context);
  const rows = flows.map((flow): Row => ({ ...flow, findings: about(flow, findings ?? []) }));
  if (options.json) {
    context.json({ rows, total, findingsKnown: findings !== null });
    return EXIT_DONE;
  }
  if (rows.length === 0) context.line('no live connections');
  else context.lines(renderTable(COLUMNS, rows, options.wide ? Infinity : context.columns));
  if (total > rows.length) context.line(`${rows.length} of ${total}; more with --limit`);
  if (findings === null) context.warn('the agent does not answer: findings are not shown');
  return EXIT_DONE;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'device', value: ({ device, deviceAddress }) => device ?? deviceAddress, shrinkTo: 10 },
  { title: 'dir', value: ({ direction }) => direction },
  { title: 'peer', value: ({ peer }) => peer, shrinkTo: 15 },
  { title: 'service', value: ({ protocol, port }) => serviceText(protocol, port), shrinkTo: 8 },
  { title: 'out', value: ({ bytesOut }) => (bytesOut === null ? '' : formatBytes(bytesOut)), align: 'right' },
  { title: 'in', value: ({ bytesIn }) => (bytesIn === null ? '' : formatBytes(bytesIn)), align: 'right' },
  { title: 'permitted by', value: ruleText, shrinkTo: 14 },
  {
    title: 'found',
    value: ({ findings }) => [...new Set(findings.map(({ detector }) => detector))].join(', '),
    shrinkTo: 8,
  },
  { title: 'why', value: ({ permittedBy }) => permittedBy.why ?? '', shrinkTo: 12, leaveOut: 2 },
];

/** Of the policy's path the device is in a column of its own: `allow[2]`, marked where it is essential. */
function ruleText({ device, permittedBy: { rule, essential }, containment }: Row): string {
  const short = device === null ? rule : rule.replace(`policy devices.${device}.`, '');
  const marks = [...(essential ? ['essential'] : []), ...(containment === null ? [] : [containment])];
  return marks.length === 0 ? short : `${short} (${marks.join(', ')})`;
}

function about(flow: LiveFlow, findings: readonly Finding[]): Row['findings'] {
  return findings
    .filter(({ device, peer }) => device === flow.device && (peer === null || peer === flow.peer))
    .map(({ key, detector, severity, title }) => ({ key, detector, severity, title }))
    .sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity));
}

/** Null when the agent does not answer. */
async function openFindings(context: CliContext): Promise<readonly Finding[] | null> {
  try {
    return await withAgent(
      context,
      async (agent) => (await agent.request('findings', { limit: MAX_FINDINGS, state: 'open' })).rows,
    );
  } catch {
    return null;
  }
}
