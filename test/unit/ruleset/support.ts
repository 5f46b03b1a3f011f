import { boxConfig, type BoxConfig } from '../../../agent/policy/config.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import type { Policy } from '../../../agent/policy/schema.js';

export const bridge: BoxConfig = boxConfig.parse({
  box: 'box-1',
  mode: 'bridge',
  devicePorts: ['dev0'],
  networkPorts: ['net0'],
});
export const router: BoxConfig = boxConfig.parse({
  box: 'box-1',
  mode: 'router',
  devicePorts: ['dev0'],
  networkPorts: ['net0'],
});

export function policyOf(text: string): Policy {
  const parsed = parsePolicy(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.policy;
}

/** Networks, ranges, groups, device to device, both families, all three modes. */
export const WARD = `version: 1
site: { name: Ward 3, networks: [10.77.0.0/24, "fd77::/64"] }
unknownDevices: refuse
groups:
  servers:
    - { address: 10.77.0.1 }
    - { address: "fd77::1" }
    - { network: 10.9.0.0/16 }
devices:
  monitor-1:
    identity: { macs: ["02:00:00:00:00:0b"], addresses: [10.77.0.11, "fd77::11"] }
    mode: shadow
    allow:
      - { direction: in, peer: { device: pump-1 }, protocol: tcp, ports: [6000], why: "alarms of the pump" }
  pump-1:
    identity: { macs: ["02:00:00:00:00:0a"], addresses: [10.77.0.10, "fd77::10"] }
    mode: enforce
    allow:
      - { direction: out, peer: { group: servers }, protocol: tcp, ports: [104, "11112-11113"], essential: true, why: "DICOM" }
      - { direction: out, peer: { network: 10.9.8.0/24 }, protocol: tcp, ports: ["100-2000"], why: "overlaps the group" }
      - { direction: out, peer: { device: monitor-1 }, protocol: tcp, ports: [6000], why: "alarms" }
      - { direction: in, peer: { network: "fd77::/64" }, protocol: icmpv6, why: "ping" }
  scale-1:
    identity: { macs: ["02:00:00:00:00:0c"] }
    mode: observe
`;
