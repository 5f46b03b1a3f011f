/**
 * What happened, as entries of the activity log: changes that the enforcer tells, entries of people in the inventory. Pure; used by the agent. Nothing of a
 * patient can be in them: they are made of names in the policy, entries of the closed list, and what a person wrote as a reason.
 */
import type { OperatorEntry, OperatorField } from '../inventory/operator-fields.js';
import type { StateChange } from '../messages/vocabulary.js';
import type { NewActivity } from './entry.js';

export function activityOfChange(change: StateChange): NewActivity {
  const generation = change.generation === null ? '' : `generation ${change.generation}: `;
  return {
    atMs: change.atMs,
    who: change.by,
    what: change.kind,
    object: change.device ?? '',
    detail: `${generation}${change.detail}`,
  };
}

type Entries = Readonly<Partial<Record<OperatorField, OperatorEntry>>>;

/** `owner: "" -> "Biomed"`, for what is not as it was; null where nothing is. */
export function activityOfEntries(
  who: string,
  device: string,
  before: Entries,
  after: Entries,
  nowMs: number,
): NewActivity | null {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort() as OperatorField[];
  const changes = fields.flatMap((field) => {
    const [old, now] = [before[field]?.value ?? '', after[field]?.value ?? ''];
    return old === now ? [] : [`${field}: ${JSON.stringify(old)} -> ${JSON.stringify(now)}`];
  });
  if (changes.length === 0) return null;
  return { atMs: nowMs, who, what: 'inventory-entered', object: device, detail: changes.join('; ') };
}

/** Kinds that a fault of the machine can repeat without end; what people do is never left out. */
const MACHINE_MADE: ReadonlySet<string> = new Set<StateChange['kind']>([
  'tables-restored',
  'inspection-changed',
  'evidence-dropped',
  'connections-full',
]);
/** Of one such kind in an hour; the next one after that says how many were left out. */
export const MAX_MACHINE_MADE_PER_HOUR = 24;
const HOUR_MS = 3_600_000;

/** Keeps a fault that repeats itself from filling the log and pushing older entries out of it. */
export class MachineMadeLimit {
  leftOut = 0;
  readonly #kinds = new Map<string, { sinceMs: number; count: number; leftOut: number }>();

  /** Null: left out, and counted. */
  pass(item: NewActivity, nowMs: number): NewActivity | null {
    if (!MACHINE_MADE.has(item.what)) return item;
    const before = this.#kinds.get(item.what);
    if (before !== undefined && nowMs - before.sinceMs < HOUR_MS && nowMs >= before.sinceMs) {
      before.count += 1;
      if (before.count <= MAX_MACHINE_MADE_PER_HOUR) return item;
      before.leftOut += 1;
      this.leftOut += 1;
      return null;
    }
    this.#kinds.set(item.what, { sinceMs: nowMs, count: 1, leftOut: 0 });
    const untold = before?.leftOut ?? 0;
    return untold === 0
      ? item
      : { ...item, detail: `${item.detail} (${untold} more of these were left out before)` };
  }
}
