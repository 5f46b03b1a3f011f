/**
 * A report's model from what was gathered: the inventory, the policy, what both processes say, the activity log. Pure: called by cli/report.ts, which asks the
 * box, and by tests. Nothing of a patient can come in: all of it is read by parsers that name what they may read, or written by a person into a closed list.
 */
import type { ActivityEntry } from '../activity/entry.js';
import { wellFormed } from '../activity/canonical-json.js';
import type { ChainReport } from '../activity/verify-chain.js';
import type { DeviceRecord } from '../inventory/device.js';
import type { EnforcerStatus, Finding } from '../messages/vocabulary.js';
import type { Policy } from '../policy/schema.js';
import { assess, rank, REMINDERS, type RiskInput } from '../risk/assess.js';
import { budgetOf } from '../risk/eol-budget.js';
import { guardText } from '../risk/guard-view.js';
import { statedInPolicy, statedOrSeen } from '../inventory/stated.js';
import { containmentLines } from './containment-part.js';
import type {
  ReportModel,
  ActivityPart,
  Conduit,
  ContactLine,
  Incident,
  InventoryLine,
} from './report-model.js';
import { segmentationOf, type RefusedConnection } from './segmentation-part.js';

/** On paper nobody reads further; what is left out is counted. */
const MAX_DEVICES = 2_000;
const MAX_CONDUITS = 4_000;
const MAX_ENTRIES = 1_000;
const MAX_INCIDENTS = 500;

export interface ReportInput {
  readonly site: string;
  readonly box: string | null;
  readonly version: string;
  readonly by: string;
  readonly source: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
  readonly notes: readonly string[];
  readonly devices: readonly DeviceRecord[];
  /** One for each device, in the same order. */
  readonly inputs: readonly RiskInput[];
  readonly policy: Policy | null;
  /** Null: no box was asked. */
  readonly enforcer: EnforcerStatus | null;
  readonly refusals: readonly RefusedConnection[];
  readonly findings: readonly Finding[];
  /** Ways of the allow-lists, of refusals, of a capture: map-conduits.ts. */
  readonly conduits: readonly Conduit[];
  readonly activity: { readonly entries: readonly ActivityEntry[]; readonly chain: ChainReport } | null;
}

export function buildReport(input: ReportInput): ReportModel {
  const { devices, inputs, policy, enforcer, nowMs } = input;
  const ranked = rank(inputs.map((one) => assess(one)));
  const incidents = incidentsOf(input);
  const lines = devices.map((device, index) => inventoryLine(device, inputs[index], policy));
  return sanitized({
    format: 'cordon-report-1',
    cover: {
      site: input.site,
      box: input.box,
      version: input.version,
      made: isoTime(nowMs),
      by: input.by,
      from: isoTime(input.fromMs),
      to: isoTime(input.toMs),
      source: input.source,
    },
    notes: input.notes,
    inventory: lines.slice(0, MAX_DEVICES),
    map: input.conduits.slice(0, MAX_CONDUITS),
    risk: ranked.slice(0, MAX_DEVICES).map(({ name, residual, inherent, factors }, index) => ({
      rank: index + 1,
      name,
      residual,
      inherent,
      factors,
    })),
    segmentation:
      policy === null
        ? null
        : segmentationOf(policy, enforcer, input.refusals, input.activity?.entries ?? [], nowMs),
    containment: policy === null ? [] : containmentLines(policy, enforcer?.containment ?? []),
    activity: activityPart(input),
    incidents: incidents.slice(0, MAX_INCIDENTS),
    endOfLife: budgetOf(
      inputs.map(({ subject, support, guard }) => ({ subject, support, guarded: guardText(guard) })),
      nowMs,
    ),
    contacts: inputs.map(({ subject }): ContactLine => ({
      name: subject.name,
      owner: subject.owner,
      security: subject.vendorSecurity,
      support: subject.vendorSupport,
    })),
    leftOut: {
      devices: Math.max(0, lines.length - MAX_DEVICES),
      conduits: Math.max(0, input.conduits.length - MAX_CONDUITS),
      activityEntries: Math.max(0, entriesOf(input).length - MAX_ENTRIES),
      incidents: Math.max(0, incidents.length - MAX_INCIDENTS),
    },
  });
}

export function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}

function inventoryLine(
  device: DeviceRecord,
  input: RiskInput | undefined,
  policy: Policy | null,
): InventoryLine {
  const { fields, operator } = device;
  const shown = [fields.kind, fields.make, fields.model, fields.serial, fields.os, fields.software].filter(
    (one) => one !== undefined,
  );
  const subject = input?.subject;
  return {
    name: subject?.name ?? device.policyName ?? fields.name?.value ?? device.id,
    isInPolicy: input?.guard != null,
    kind: fields.kind?.value ?? null,
    make: statedOrSeen(device, 'make', policy),
    model: statedOrSeen(device, 'model', policy),
    serial: statedOrSeen(device, 'serial', policy),
    os: fields.os?.value ?? null,
    software: subject?.software ?? fields.software?.value ?? null,
    addresses: device.addresses,
    macs: device.macs,
    owner: subject?.owner ?? null,
    location: operator.location?.value ?? statedInPolicy(device.policyName, policy)?.location ?? null,
    criticality: subject?.criticality.value ?? 'medium',
    holdsPhi: subject?.holdsPhi.value ?? 'unknown',
    services: device.services,
    speaks: device.speaks,
    conflicts: Object.entries(fields).flatMap(([field, { conflicts }]) =>
      conflicts.length === 0 ? [] : [`${field}: ${conflicts.join(', ')}`],
    ),
    leastSure: shown.length === 0 ? null : Math.min(...shown.map(({ confidence }) => confidence)),
    lastSeen: isoTime(device.lastMs),
  };
}

const GRAVEST_FIRST: readonly Finding['severity'][] = ['critical', 'high', 'medium', 'low', 'info'];

/** Reminders of dates are in the end-of-life plan, and among the exceptions. */
function incidentsOf({ findings, fromMs, toMs }: ReportInput): readonly Incident[] {
  return findings
    .filter(({ lastMs, firstMs, detector }) => lastMs >= fromMs && firstMs < toMs && !REMINDERS.has(detector))
    .sort(
      (a, b) =>
        GRAVEST_FIRST.indexOf(a.severity) - GRAVEST_FIRST.indexOf(b.severity) ||
        b.lastMs - a.lastMs ||
        (a.key < b.key ? -1 : 1),
    )
    .map((one) => ({
      first: isoTime(one.firstMs),
      last: isoTime(one.lastMs),
      severity: one.severity,
      state: one.state,
      device: one.device ?? one.deviceMac ?? 'unknown',
      title: one.title,
      detector: one.detector,
      count: one.count,
    }));
}

function entriesOf({ activity, fromMs, toMs }: ReportInput): readonly ActivityEntry[] {
  return (activity?.entries ?? []).filter(({ at }) => Date.parse(at) >= fromMs && Date.parse(at) < toMs);
}

function activityPart(input: ReportInput): ActivityPart | null {
  if (input.activity === null) return null;
  const { chain } = input.activity;
  const entries = entriesOf(input);
  return {
    entries: entries.slice(-MAX_ENTRIES),
    total: entries.length,
    isWhole: chain.problemsTotal === 0,
    problems: chain.problems
      .slice(0, 20)
      .map(({ segment, line, message }) => `${segment} line ${line}: ${message}`),
    heldAgainst: chain.anchored,
    headSeq: chain.last.seq,
    headHash: chain.last.hash,
  };
}

/** Names come from the wire: half a character has no canonical form, and control characters none on paper. */
function sanitized<T>(value: T): T {
  return JSON.parse(JSON.stringify(value), (_key, one: unknown) =>
    typeof one === 'string' ? wellFormed(one).replace(UNPRINTABLE, '\ufffd') : one,
  ) as T;
}

/** Controls, and what makes a text read as another one (Unicode TR 36, section 3). */
const UNPRINTABLE = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
