/** Devices that another policy treats otherwise: observed, shadowed, enforced, new or left out. Pure; told by policy-keeper.ts, device by device. */
import type { Policy } from '../policy/schema.js';

/** Each is an entry of the activity log and an event; the rest are counted in the last one. */
const MAX_TOLD = 200;

export interface ModeChange {
  readonly device: string | null;
  readonly detail: string;
}

export function modeChanges(before: Policy, after: Policy): readonly ModeChange[] {
  const names = [...new Set([...Object.keys(before.devices), ...Object.keys(after.devices)])].sort();
  const changes = names.flatMap((device): ModeChange[] => {
    const [old, now] = [
      before.devices[device]?.mode ?? 'not in the policy',
      after.devices[device]?.mode ?? 'not in the policy',
    ];
    return old === now ? [] : [{ device, detail: `${old} -> ${now}` }];
  });
  if (changes.length <= MAX_TOLD) return changes;
  const rest = changes.length - MAX_TOLD + 1;
  return [...changes.slice(0, MAX_TOLD - 1), { device: null, detail: `and ${rest} more devices` }];
}
