/**
 * What a policy permits by name, taken apart once per policy: for a device and a name that it looked up, which set
 * elements an address of it stands for. Pure. Called by name-book.ts.
 */
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import type { Family } from '../policy/address.js';
import { coversName, isWildcardName } from '../policy/host-name.js';
import { peerNames } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import { entryComment } from '../ruleset/allow-elements.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import { CONTACTED, OPENED } from '../ruleset/marks.js';

/** What one entry permits towards an address. */
export interface NamedService {
  /** As the policy has it, `*.` included. */
  readonly policyName: string;
  /** Index of the entry in the device's list. */
  readonly entry: number;
  readonly mark: number;
  readonly protocol: number;
  /** Null: both. */
  readonly family: Family | null;
  /** Null: all, or the protocol has none. */
  readonly ports: readonly number[] | null;
  readonly isEssential: boolean;
  readonly comment: string;
}

export interface NamedDevice {
  readonly name: string;
  readonly id: number;
  readonly services: readonly NamedService[];
  /** The services of a name that was looked up; empty where no entry covers it. */
  readonly servicesOf: (lookedUp: string) => readonly NamedService[];
  /** Whether an entry has this very name: such names are never displaced by others. */
  readonly isExact: (lookedUp: string) => boolean;
}

/** Devices that have names in their list, by number. */
export function namedDevices(policy: Policy, ids: DeviceIds): ReadonlyMap<number, NamedDevice> {
  const devices = new Map<number, NamedDevice>();
  for (const name of Object.keys(policy.devices)) {
    const id = ids.get(name);
    const services = id === undefined ? [] : servicesOf(policy, name, id);
    if (id === undefined || services.length === 0) continue;
    const exact = new Map<string, NamedService[]>();
    for (const service of services)
      exact.set(service.policyName, [...(exact.get(service.policyName) ?? []), service]);
    const wild = services.filter(({ policyName }) => isWildcardName(policyName));
    devices.set(id, {
      name,
      id,
      services,
      servicesOf: (lookedUp) => [
        ...(isWildcardName(lookedUp) ? [] : (exact.get(lookedUp) ?? [])),
        ...wild.filter(({ policyName }) => coversName(policyName, lookedUp)),
      ],
      isExact: (lookedUp) => exact.has(lookedUp),
    });
  }
  return devices;
}

function servicesOf(policy: Policy, device: string, id: number): readonly NamedService[] {
  return (policy.devices[device]?.allow ?? []).flatMap((entry, index) => {
    const { protocol, direction, essential } = entry;
    // check-policy.ts refuses these: the sets of names have no such keys. An entry that says so anyway permits nothing by name.
    if (protocol === 'any' || entry.sourcePorts || entry.icmpTypes) return [];
    return peerNames(policy, entry.peer).map((policyName) => ({
      policyName,
      entry: index,
      mark: id | (direction === 'out' ? OPENED : CONTACTED),
      protocol: PROTOCOL_NUMBERS[protocol],
      ports: portsOf(entry.ports),
      isEssential: essential,
      family: entry.family === undefined ? null : entry.family === 'ipv4' ? 4 : 6,
      comment: entryComment(device, index, entry),
    }));
  });
}

function portsOf(ranges: Policy['devices'][string]['allow'][number]['ports']): readonly number[] | null {
  if (!ranges || ranges.some(({ low, high }) => low === 1 && high === 65_535)) return null;
  return ranges.flatMap(({ low, high }) => Array.from({ length: high - low + 1 }, (_, index) => low + index));
}
