/**
 * One device of the inventory as the book keeps it, and as it is told. Used by evidence-book.ts and by whatever shows devices. Pure.
 */
import { bestOf, keyOf, type Best, type Candidate } from './evidence.js';
import { DEVICE_FIELDS, type DeviceField, type Observation } from './observation.js';
import { OPERATOR_FIELDS, type OperatorEntry, type OperatorField } from './operator-fields.js';

const MANY_VALUED: ReadonlySet<DeviceField> = new Set(['role', 'service', 'speaks', 'reaches']);

export interface DeviceRecord {
  readonly id: string;
  readonly macs: readonly string[];
  readonly addresses: readonly string[];
  readonly isRandomizedMac: boolean;
  readonly firstMs: number;
  readonly lastMs: number;
  /** The best value of each field that something is known of. */
  readonly fields: Readonly<Partial<Record<DeviceField, Best>>>;
  readonly roles: readonly string[];
  /** What it answers on, such as `tcp/104`. */
  readonly services: readonly string[];
  /** Protocols that it was seen to speak. */
  readonly speaks: readonly string[];
  /** `internet` where it talks to addresses outside, `from internet` where it answers them. */
  readonly reaches: readonly string[];
  /** Its name in the policy, where it has one. */
  readonly policyName: string | null;
  readonly operator: Readonly<Partial<Record<OperatorField, OperatorEntry>>>;
}

/** What the book holds of a device; its lists are bounded there. */
export interface Device {
  /** Its first MAC; its address as long as no MAC is known. */
  id: string;
  readonly macs: string[];
  readonly addresses: Map<string, number>;
  readonly evidence: Map<DeviceField, Candidate[]>;
  readonly operator: Map<OperatorField, OperatorEntry>;
  policyName: string | null;
  /** Client id or host name of DHCP: the same under a new made-up MAC means the same device. */
  identity: string | null;
  firstMs: number;
  lastMs: number;
}

export function describe(device: Device): DeviceRecord {
  const fields: Partial<Record<DeviceField, Best>> = {};
  for (const field of DEVICE_FIELDS) {
    if (isManyValued(field)) continue;
    const entered = entryOf(device, field);
    const best = bestOf(device.evidence.get(field) ?? [], entered);
    if (best !== null) fields[field] = best;
  }
  return {
    id: device.id,
    macs: [...device.macs],
    addresses: [...device.addresses.keys()],
    isRandomizedMac: isRandomizedDevice(device),
    firstMs: device.firstMs,
    lastMs: device.lastMs,
    fields,
    roles: valuesOf(device, 'role'),
    services: valuesOf(device, 'service'),
    speaks: valuesOf(device, 'speaks'),
    reaches: valuesOf(device, 'reaches'),
    policyName: device.policyName,
    operator: Object.fromEntries(device.operator),
  };
}

/** Its values do not contradict each other: a machine has several. */
export function isManyValued(field: DeviceField): boolean {
  return MANY_VALUED.has(field);
}

function valuesOf(device: Device, field: DeviceField): readonly string[] {
  return [...new Set((device.evidence.get(field) ?? []).map(({ value }) => value))].sort();
}

function entryOf(device: Device, field: DeviceField): string | null {
  const name = OPERATOR_FIELDS.find((one) => one === field);
  return name === undefined ? null : (device.operator.get(name)?.value ?? null);
}

/** The least certain, and of those the one seen longest ago. */
export function indexOfWeakest(candidates: readonly Candidate[]): number {
  let weakest = 0;
  candidates.forEach((one, index) => {
    const worst = candidates[weakest];
    if (worst === undefined) return;
    const isWeaker =
      one.confidence < worst.confidence || (one.confidence === worst.confidence && one.lastMs < worst.lastMs);
    if (isWeaker) weakest = index;
  });
  return weakest;
}

export function identityOf(observations: readonly Observation[]): string | null {
  for (const source of ['dhcp4.client-id', 'dhcp6.client-id', 'dhcp4.host-name'] as const) {
    const found = observations.find((one) => one.source === source);
    if (found !== undefined) return `${source} ${keyOf(found.value)}`;
  }
  return null;
}

/** Neither a name nor an address that somebody has registered. */
export function isMadeUp(device: Device): boolean {
  return device.macs.length === 0 || isRandomizedDevice(device);
}

export function isRandomizedDevice(device: Device): boolean {
  const [mac] = device.macs;
  return mac !== undefined && isRandomized(mac);
}

/** The universal/local bit of the first octet (IEEE 802 section 8.4). */
export function isRandomized(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 2) !== 0;
}
