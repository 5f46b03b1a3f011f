/** Policies of a given size, as our ruleset and as one a person would write by hand: one nft rule per entry. */
import type { BoxConfig } from '../policy/config.js';
import { boxConfig } from '../policy/config.js';
import { parsePolicy } from '../policy/parse-policy.js';
import type { Policy } from '../policy/schema.js';
import type { NetworkLab } from '../lab/network-lab.js';

/** Devices in a policy; each has ten entries. */
export const SIZES = [10, 1_000, 10_000] as const;
const ENTRIES_PER_DEVICE = 10;
/** Removes every table that a bench may have left. */
export const NO_TABLES = [
  ['inet', 'cordon'],
  ['bridge', 'cordon'],
  ['inet', 'naive'],
]
  .map(([family, table]) => `table ${family} ${table} { }\ndelete table ${family} ${table}\n`)
  .join('');
export const BENCH_CONFIG: BoxConfig = boxConfig.parse({
  box: 'bench',
  devicePorts: ['dev0'],
  networkPorts: ['net0'],
});

/** The real pump comes last, so that a linear ruleset shows its length. */
export function benchPolicy(devices: number, pumpMac: string, pumpAddress: string, peer: string): Policy {
  const parsed = parsePolicy(policyText(devices, pumpMac, pumpAddress, peer));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems[0]));
  return parsed.policy;
}

/** The same policy as a file for the command: JSON, which is YAML too. */
export function policyText(devices: number, pumpMac: string, pumpAddress: string, peer: string): string {
  const all: Record<string, unknown> = {};
  for (let index = 1; index < devices; index += 1) {
    const [high, low] = [index >> 8, index & 255];
    all[`d${index}`] = {
      identity: { macs: [`02:00:00:00:${hex(high)}:${hex(low)}`], addresses: [`10.99.${high}.${low}`] },
      mode: 'enforce',
      allow: Array.from({ length: ENTRIES_PER_DEVICE }, (_, entry) =>
        permitted(`10.98.${high}.${low}`, 'tcp', 1000 + entry),
      ),
    };
  }
  all['pump-1'] = {
    identity: { macs: [pumpMac], addresses: [pumpAddress] },
    mode: 'enforce',
    allow: [permitted(peer, 'tcp', 5201), permitted(peer, 'udp', 5201), permitted(peer, 'tcp', 8080)],
  };
  return JSON.stringify({ version: 1, site: { name: 'bench' }, devices: all });
}

function permitted(address: string, protocol: 'tcp' | 'udp', port: number): object {
  return { direction: 'out', peer: { address }, protocol, ports: [port], why: 'x' };
}

/** Stateful, default-deny, one rule per entry: the usual hand-written ruleset. */
export function naiveRuleset(policy: Policy): string {
  const rules = Object.values(policy.devices).flatMap((device) =>
    device.allow.flatMap((entry) => {
      const [source] = device.identity.addresses;
      if (!source || typeof entry.peer !== 'object' || !('address' in entry.peer)) return [];
      return [
        `    ip saddr ${source.text} ip daddr ${entry.peer.address.text} ${entry.protocol} dport ${entry.ports?.[0]?.low ?? 0} accept`,
      ];
    }),
  );
  return `table inet naive {\n  chain forward {\n    type filter hook forward priority filter; policy drop;\n    ct state established,related accept\n${rules.join('\n')}\n  }\n}\n`;
}

/** Tracks connections and accepts everything: what any stateful firewall costs before its first decision. */
export const TRACKING_ONLY =
  'table inet naive {\n  chain forward {\n    type filter hook forward priority filter; policy accept;\n    ct state established accept\n  }\n}\n';

/** In the box of the lab, as one transaction. */
export async function loadRuleset(lab: NetworkLab, text: string): Promise<void> {
  await lab.box.must(['nft', '-f', '-'], { input: text, timeoutMs: 120_000 });
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
