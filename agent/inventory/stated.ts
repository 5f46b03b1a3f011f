/** What people say a device is: in the inventory, else in the policy, else what the wire says. Used by the list of devices and the report. Pure. */
import { ownValue } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { DeviceRecord } from './device.js';

type Stated = 'make' | 'model' | 'serial';

/** Null where nobody says anything, and nothing was seen. */
export function statedOrSeen(
  { policyName, fields }: Pick<DeviceRecord, 'policyName' | 'fields'>,
  field: Stated,
  policy: Policy | null,
): string | null {
  const seen = fields[field];
  if (seen?.source === 'operator') return seen.value;
  return statedInPolicy(policyName, policy)?.[field] ?? seen?.value ?? null;
}

export function statedInPolicy(
  policyName: string | null,
  policy: Policy | null,
): Policy['devices'][string] | undefined {
  return policyName === null || policy === null ? undefined : ownValue(policy.devices, policyName);
}
