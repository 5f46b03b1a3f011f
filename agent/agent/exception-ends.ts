/**
 * The reminder that an exception ends: a finding for each entry with an end, a month, a week and a day before, and when it is over,
 * until somebody changes the policy. Asked by main.ts once an hour and when the enforcer tells of other exceptions. Nothing is told
 * twice: what was told is in the store's findings.
 */
import type { EnforcerStatus, Finding, PolicyException } from '../messages/vocabulary.js';
import { EXCEPTION_ENDS } from '../risk/assess.js';

const DAY_MS = 86_400_000;

/** Nearest first: days left at most, and how grave it is. */
const STEPS = [
  { days: 1, severity: 'medium' },
  { days: 7, severity: 'low' },
  { days: 30, severity: 'info' },
] as const satisfies readonly { readonly days: number; readonly severity: Finding['severity'] }[];

/** Where nothing else changes: the steps are days. */
const INTERVAL_MS = 3_600_000;

export interface ExceptionReminderOptions {
  readonly nowMs: () => number;
  readonly openFindings: () => readonly Finding[];
  readonly take: (items: Finding[]) => void;
  /** The store could not be read: tried again with the next status. */
  readonly onError: (error: unknown) => void;
}

/** To be called with each status: looks when something of it is new, and once an hour. */
export function createExceptionReminder({
  nowMs,
  openFindings,
  take,
  onError,
}: ExceptionReminderOptions): (exceptions: EnforcerStatus['exceptions']) => void {
  let told = '';
  let toldMs = 0;
  return (exceptions) => {
    const body = JSON.stringify(exceptions.rows);
    if (body === told && Math.abs(nowMs() - toldMs) < INTERVAL_MS) return;
    try {
      const items = exceptionFindings(exceptions, openFindings(), nowMs());
      if (items.length > 0) take(items);
      told = body;
      toldMs = nowMs();
    } catch (error) {
      onError(error);
    }
  };
}

type Told = Pick<Finding, 'severity' | 'title' | 'remedy'> & { readonly step: string };

/** `open`: findings of this detector that were told and not closed. What is new to tell. */
export function exceptionFindings(
  { rows }: EnforcerStatus['exceptions'],
  open: readonly Finding[],
  nowMs: number,
): Finding[] {
  const before = new Map(open.map((finding) => [finding.key, finding]));
  const told = rows.flatMap((row): Finding[] => {
    const now = toldOf(row, nowMs);
    if (now === null) return [];
    const key = `${EXCEPTION_ENDS}:${row.path}`.slice(0, 200);
    const known = before.get(key);
    before.delete(key);
    const { step, ...text } = now;
    if (known?.evidence['step'] === step && known.evidence['entry'] === row.text) return [];
    return [
      {
        key,
        detector: EXCEPTION_ENDS,
        device: row.devicesTotal === 1 ? (row.devices[0] ?? null) : null,
        deviceMac: null,
        peer: null,
        state: 'open' as const,
        ...text,
        title: text.title.slice(0, 500),
        evidence: {
          entry: row.text,
          until: row.until,
          devices: [...row.devices],
          'devices in all': row.devicesTotal,
          essential: row.essential,
          step,
        },
        firstMs: known?.firstMs ?? nowMs,
        lastMs: nowMs,
        count: (known?.count ?? 0) + 1,
      },
    ];
  });
  const gone = [...before.values()].map((finding) => ({
    ...finding,
    state: 'closed' as const,
    lastMs: nowMs,
  }));
  return [...told, ...gone];
}

function toldOf(row: PolicyException, nowMs: number): Told | null {
  const { path, state, until, endsMs } = row;
  const what = `the exception ${path}${row.devicesTotal > 1 ? ` (${row.devicesTotal} devices)` : ''}`;
  switch (state) {
    case 'ended':
      return {
        step: 'ended',
        severity: 'medium',
        title: `${what} has ended (until ${until}) and permits nothing any more`,
        remedy:
          'remove the entry from the policy, or give it another date if it is needed: cordon policy apply',
      };
    case 'overdue':
      return {
        step: 'overdue',
        severity: 'high',
        title: `${what} is over since ${until} and goes on, because it is essential`,
        remedy:
          'decide whether it is needed: remove the entry from the policy, or its date: cordon policy apply',
      };
    case 'running':
    case 'due': {
      const daysLeft = Math.max(0, Math.ceil((endsMs - nowMs) / DAY_MS));
      const step = STEPS.find(({ days }) => daysLeft <= days);
      if (step === undefined) return null;
      const when = daysLeft === 0 ? 'now' : daysLeft === 1 ? 'within a day' : `in ${daysLeft} days`;
      return {
        step: `${step.days} days before`,
        severity: step.severity,
        title: row.essential
          ? `${what} is to end ${when} (until ${until}); it is essential, so a person has to end it`
          : `${what} ends ${when} (until ${until}), with its live connections`,
        remedy:
          'if it is needed for longer give it another date in the policy, else nothing: cordon policy apply',
      };
    }
  }
}
