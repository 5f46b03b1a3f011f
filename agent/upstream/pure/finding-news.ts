/** Whether a finding that came again is worth an event upstream. Pure. */
import type { Finding } from '../../messages/vocabulary.js';
import type { FindingActivity } from './ocsf.js';

/** A finding whose count only grows is told again no more often than this … */
export const UPDATE_INTERVAL_MS = 60_000;
/** … and as it grows older ever more seldom, down to once a day: each time it waits as long as it had been open. */
export const LONGEST_UPDATE_INTERVAL_MS = 86_400_000;

/** `before` is what is stored, null for none; `reportedMs` when it last went upstream. */
export function findingNews(
  before: { readonly finding: Finding; readonly reportedMs: number | null } | null,
  item: Finding,
  nowMs: number,
): FindingActivity | null {
  if (before === null || (before.finding.state === 'closed' && item.state === 'open'))
    return item.state === 'open' ? 'create' : 'close';
  if (item.state === 'closed') return before.finding.state === 'closed' ? null : 'close';
  if (before.finding.severity !== item.severity) return 'update';
  // Told again after a restart of the enforcer, unchanged.
  if (before.finding.count === item.count && before.finding.lastMs === item.lastMs) return null;
  if (before.reportedMs === null) return 'update';
  const ageMs = before.reportedMs - item.firstMs;
  const waitMs = Math.min(LONGEST_UPDATE_INTERVAL_MS, Math.max(UPDATE_INTERVAL_MS, ageMs));
  return nowMs - before.reportedMs >= waitMs ? 'update' : null;
}
