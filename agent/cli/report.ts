/**
 * `cordon report`: gathers what the box, its records and its policy say, or what a capture shows, and writes one document. The content is made by report/ (pure);
 * this file asks, hashes and writes.
 */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { ActivityEntry } from '../activity/entry.js';
import { canonicalJson } from '../activity/canonical-json.js';
import { isSiteAddress } from '../inventory/site-address.js';
import type { AgentClient } from './sockets.js';
import { buildReport, type ReportInput } from '../report/build-report.js';
import { mergeConduits, observedConduits, policyConduits, refusedConduits } from '../report/map-conduits.js';
import { ObservedFlows } from '../report/observed-flows.js';
import { renderHtml } from '../report/render-html.js';
import { renderMarkdown } from '../report/render-markdown.js';
import type { Conduit } from '../report/report-model.js';
import { writeDocument } from '../report/write-document.js';
import { sha256 } from '../store/activity-segments.js';
import { readActivity } from './activity-files.js';
import { gather, namedByMac, type AssessmentOptions, type Gathered, type World } from './assessments.js';
import type { CliContext } from './context.js';
import { readConfigFile } from './documents.js';
import { CliError, EXIT_DONE, usageError, type ExitStatus } from './errors.js';
import type { Period } from './period.js';
import { serviceText } from './service-text.js';
import { withAgent, withEnforcer } from './sockets.js';
import { readVersion } from './version.js';
import { whoAsks } from './who.js';

export const REPORT_FORMATS = ['html', 'pdf', 'md', 'json'] as const;

export interface ReportOptions extends AssessmentOptions {
  readonly format: (typeof REPORT_FORMATS)[number];
  /** Default: the last 30 days, or all of a capture. */
  readonly period?: Period;
  readonly out?: string;
  readonly by?: string;
}

const MAX_ROWS = 10_000;
const DEFAULT_PERIOD_MS = 30 * 86_400_000;

export async function writeReport(context: CliContext, options: ReportOptions): Promise<ExitStatus> {
  const flows = new ObservedFlows();
  const seen = { fromMs: Infinity, toMs: -Infinity };
  const gathered = await gather(context, options, (view, timeMs) => {
    flows.observe(view);
    seen.fromMs = Math.min(seen.fromMs, timeMs);
    seen.toMs = Math.max(seen.toMs, timeMs);
  });
  const isSeen = seen.fromMs <= seen.toMs;
  const period = options.period ?? (isSeen ? seen : lastDays(context.nowMs()));
  const common = {
    version: await readVersion(),
    by: whoAsks(context, options.by),
    ...period,
    nowMs: gathered.nowMs,
    devices: gathered.world.devices,
    inputs: gathered.inputs,
    policy: gathered.world.policy,
  };
  const input: ReportInput =
    options.capture === undefined
      ? { ...common, ...(await fromBox(context, gathered, period)) }
      : { ...common, ...fromCapture(options.capture, gathered, flows) };
  const model = buildReport(input);
  const hash = sha256(canonicalJson(model));
  const text =
    options.format === 'json'
      ? `${JSON.stringify({ sha256: hash, report: model }, null, 1)}\n`
      : await render(options.format, writeDocument(model, hash));
  put(context, options, text, hash);
  return EXIT_DONE;
}

function lastDays(nowMs: number): Period {
  return { fromMs: nowMs - DEFAULT_PERIOD_MS, toMs: nowMs };
}

async function render(
  format: 'html' | 'pdf' | 'md',
  document: ReturnType<typeof writeDocument>,
): Promise<string | Buffer> {
  switch (format) {
    case 'html':
      return renderHtml(document);
    case 'md':
      return renderMarkdown(document);
    case 'pdf':
      return await (await import('./report-pdf.js')).renderPdf(document);
  }
}

function put(
  context: CliContext,
  { out, format }: ReportOptions,
  content: string | Buffer,
  hash: string,
): void {
  if (out === undefined && typeof content === 'string') {
    context.write(content);
    return;
  }
  if (out === undefined) {
    if (context.isStdoutTerminal) throw usageError('a PDF is nothing for a terminal: add --out report.pdf');
    process.stdout.write(content);
    return;
  }
  try {
    // Who reads it decides the mode: inventory and addresses are not for everybody on the machine.
    writeFileSync(out, content, { mode: 0o640 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('cannot-write', `cannot write ${out}: ${why}`, { cause });
  }
  context.line(`${out}: ${format}, sha256 ${hash}`);
}

type FromElsewhere = Pick<
  ReportInput,
  'site' | 'box' | 'source' | 'notes' | 'enforcer' | 'refusals' | 'findings' | 'conduits' | 'activity'
>;

async function fromBox(
  context: CliContext,
  { world, notes, nowMs }: Gathered,
  { fromMs, toMs }: Period,
): Promise<FromElsewhere> {
  const said = await withAgent(context, async (agent) => ({
    findings: await allFindings(agent),
    refusals: (await agent.request('refusals', { limit: MAX_ROWS })).rows.filter(
      ({ firstMs, lastMs }) => lastMs >= fromMs && firstMs < toMs,
    ),
  }));
  const enforcer = await withEnforcer(context, (client) => client.request('status', {})).catch(() => null);
  const config = await readConfigFile(context.paths.configFile).catch(() => null);
  const more = [...notes];
  const activity = await readLog(context, more);
  const { policy } = world;
  const refused = refusedConduits(said.refusals, serviceText);
  return {
    site: policy?.site.name ?? 'unnamed site',
    box: config?.box ?? null,
    source: `the running box, as of ${new Date(nowMs).toISOString().slice(0, 16)}Z`,
    notes: more,
    enforcer,
    refusals: said.refusals,
    findings: said.findings,
    conduits: mergeConduits([...(policy === null ? [] : policyConduits(policy)), ...refused]),
    activity,
  };
}

async function allFindings(agent: AgentClient) {
  const open = await agent.request('findings', { limit: MAX_ROWS, state: 'open' });
  const closed = await agent.request('findings', { limit: MAX_ROWS, state: 'closed' });
  return [...open.rows, ...closed.rows];
}

async function readLog(context: CliContext, notes: string[]): Promise<FromElsewhere['activity']> {
  const entries: ActivityEntry[] = [];
  try {
    const { report } = await readActivity(context, null, [], (entry) => {
      entries.push(entry);
    });
    return { entries, chain: report };
  } catch (error) {
    notes.push(`the activity log was not read: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function fromCapture(capture: string, { world, notes }: Gathered, flows: ObservedFlows): FromElsewhere {
  const { policy } = world;
  const more = [
    ...notes,
    'made from a capture: nothing was enforced, and who is behind which port of a box is not known',
    ...(policy === null ? ['without a policy, conduits are what was seen, and nobody judges them'] : []),
    ...(flows.leftOut > 0 ? [`${flows.leftOut} packets belong to flows that were left out`] : []),
  ];
  return {
    site: policy?.site.name ?? basename(capture),
    box: null,
    source: `the capture ${basename(capture)}`,
    notes: more,
    enforcer: null,
    refusals: [],
    findings: [],
    conduits: mergeConduits(conduitsOf(world, flows)),
    activity: null,
  };
}

/** With a policy: of its devices. Without: of whatever has an address that a site may have. */
function conduitsOf({ devices, policy }: World, flows: ObservedFlows): readonly Conduit[] {
  const names = new Map<string, string>();
  for (const device of devices) {
    const name = device.policyName ?? namedByMac(device, policy) ?? device.fields.name?.value ?? null;
    for (const address of device.addresses) if (isSiteAddress(address)) names.set(address, name ?? address);
  }
  return observedConduits(flows.list(), policy, (address) => names.get(address) ?? null, serviceText);
}
