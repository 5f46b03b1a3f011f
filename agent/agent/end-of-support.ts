/**
 * The reminder that support ends: a finding for each device a year, half a year, three months and one month before, and when it is over. Asked once a
 * day by main.ts, and after a start. Nothing is told twice: what was told is in the store's findings.
 */
import { END_OF_SUPPORT } from '../risk/assess.js';
import type { DeviceRecord } from '../inventory/device.js';
import type { Finding } from '../messages/vocabulary.js';
import { readSupportTable } from '../risk/reference-data.js';
import { subjectOf } from '../risk/subject.js';
import { daysUntil, supportOf } from '../risk/support-state.js';
import { OWN_SUPPORT_TABLE, type SupportEntry } from '../risk/support-table.js';

/** Nearest first: days left at most, and how grave it is. */
const STEPS = [
  { days: -1, severity: 'medium' },
  { days: 30, severity: 'medium' },
  { days: 90, severity: 'medium' },
  { days: 180, severity: 'low' },
  { days: 365, severity: 'info' },
] as const satisfies readonly { readonly days: number; readonly severity: Finding['severity'] }[];

/** `brought`: the document of `cordon data import eol`, or null. */
export function supportTable(brought: string | null): readonly SupportEntry[] {
  const read = brought === null ? null : readSupportTable(brought, null);
  return [...(read?.ok ? read.value : []), ...OWN_SUPPORT_TABLE];
}

/** What is new to tell. `known`: the finding of this key that was told last, if any. */
export function endOfSupportFindings(
  devices: readonly DeviceRecord[],
  table: readonly SupportEntry[],
  known: (key: string) => Finding | null,
  nowMs: number,
): Finding[] {
  return devices.flatMap((device): Finding[] => {
    // A phone that makes up its MAC is nobody's to replace.
    if (device.isRandomizedMac && device.policyName === null && Object.keys(device.operator).length === 0)
      return [];
    const key = `${END_OF_SUPPORT}:${device.id}`;
    const before = known(key);
    const subject = subjectOf(device, null);
    const support = supportOf(subject.os ?? subject.software, subject.endOfSupport, table, nowMs);
    const daysLeft = support.ends === null ? Infinity : daysUntil(support.ends, nowMs);
    const step = STEPS.find(({ days }) => daysLeft <= days);
    if (step === undefined || support.ends === null)
      return before?.state === 'open' ? [{ ...before, state: 'closed' as const, lastMs: nowMs }] : [];
    const isTold =
      before?.state === 'open' &&
      before.evidence['step'] === step.days &&
      before.evidence['support ends'] === support.ends;
    if (isTold) return [];
    const product = support.product ?? 'its software';
    const when = daysLeft < 0 ? `ended on ${support.ends}` : `ends on ${support.ends}, in ${daysLeft} days`;
    return [
      {
        key,
        detector: END_OF_SUPPORT,
        device: device.policyName,
        deviceMac: device.macs[0] ?? null,
        peer: null,
        severity: step.severity,
        state: 'open' as const,
        title: `support of ${product} on ${subject.name} ${when}`.slice(0, 500),
        evidence: {
          'support ends': support.ends,
          runs: product,
          'date from': support.source,
          step: step.days,
          'replace by': subject.replaceBy ?? 'nobody has said',
          'vendor contact': subject.vendorSupport ?? 'none',
        },
        remedy: 'replace or update it, or enter another date: cordon device set DEVICE endOfSupport=…',
        firstMs: before?.firstMs ?? nowMs,
        lastMs: nowMs,
        count: (before?.count ?? 0) + 1,
      },
    ];
  });
}
