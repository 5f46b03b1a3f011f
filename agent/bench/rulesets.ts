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
  const lines = ['version: 1', 'site: { name: bench }', 'devices:'];
  for (let index = 1; index < devices; index += 1) {
    const [high, low] = [index >> 8, index & 255];
    lines.push(
      `  d${index}:`,
      `    identity: { macs: ["02:00:00:00:${hex(high)}:${hex(low)}"], addresses: [10.99.${high}.${low}] }`,
      '    mode: enforce',
      '    allow:',
    );
    for (let entry = 0; entry < ENTRIES_PER_DEVICE; entry += 1)
      lines.push(
        `      - { direction: out, peer: { address: 10.98.${high}.${low} }, protocol: tcp, ports: [${1000 + entry}], why: x }`,
      );
  }
  lines.push(
    '  pump-1:',
    `    identity: { macs: ["${pumpMac}"], addresses: [${pumpAddress}] }`,
    '    mode: enforce',
    '    allow:',
  );
  for (const [protocol, port] of [
    ['tcp', 5201],
    ['udp', 5201],
    ['tcp', 8080],
  ] as const)
    lines.push(
      `      - { direction: out, peer: { address: ${peer} }, protocol: ${protocol}, ports: [${port}], why: x }`,
    );
  const parsed = parsePolicy(`${lines.join('\n')}\n`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems[0]));
  return parsed.policy;
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

/** The same policy as a file for the command. */
export function policyText(devices: number, pumpMac: string, pumpAddress: string, peer: string): string {
  const { devices: parsed, site } = benchPolicy(devices, pumpMac, pumpAddress, peer);
  const plain = Object.fromEntries(
    Object.entries(parsed).map(([name, device]) => [
      name,
      {
        identity: {
          macs: device.identity.macs,
          addresses: device.identity.addresses.map(({ text }) => text),
        },
        mode: device.mode,
        allow: device.allow.map((entry) => ({
          direction: entry.direction,
          protocol: entry.protocol,
          why: entry.why,
          peer:
            typeof entry.peer === 'object' && 'address' in entry.peer
              ? { address: entry.peer.address.text }
              : 'any',
          ports: entry.ports?.map(({ low }) => low),
        })),
      },
    ]),
  );
  return JSON.stringify({ version: 1, site: { name: site.name }, devices: plain });
}

/** In the box of the lab, as one transaction. */
export async function loadRuleset(lab: NetworkLab, text: string): Promise<void> {
  await lab.box.must(['nft', '-f', '-'], { input: text, timeoutMs: 120_000 });
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
