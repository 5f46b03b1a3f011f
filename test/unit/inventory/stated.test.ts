import t from 'tap';
import type { DeviceRecord } from '../../../agent/inventory/device.js';
import { statedInPolicy, statedOrSeen } from '../../../agent/inventory/stated.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';

const parsed = parsePolicy(`version: 1
site: { name: Ward }
devices:
  pump-1: { identity: { macs: ["02:00:00:00:00:01"] }, mode: observe, make: Example, location: Bed 12 }
`);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
const { policy } = parsed;

function device(source: string, policyName: string | null): Pick<DeviceRecord, 'policyName' | 'fields'> {
  const make = { value: 'Wire', source, confidence: 60, conflicts: [] };
  return { policyName, fields: { make } as unknown as DeviceRecord['fields'] };
}

t.equal(statedOrSeen(device('dhcp', 'pump-1'), 'make', policy), 'Example', 'a person wrote the policy');
t.equal(statedOrSeen(device('operator', 'pump-1'), 'make', policy), 'Wire', 'an entry of the inventory wins');
t.equal(statedOrSeen(device('dhcp', 'pump-1'), 'make', null), 'Wire', 'without a policy');
t.equal(statedOrSeen(device('dhcp', 'constructor'), 'make', policy), 'Wire', 'of no device of the policy');
t.equal(statedOrSeen(device('dhcp', null), 'model', policy), null, 'nobody knows');
t.equal(statedInPolicy('pump-1', policy)?.location, 'Bed 12');
