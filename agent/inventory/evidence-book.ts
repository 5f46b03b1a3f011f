/**
 * Every device that was seen, and for each of its fields what was said, by which source, when and how often. A device is its MAC; without one (behind
 * a router) its address. Bounded in every direction, and what does not fit is counted. What operators enter is kept apart from the wire and never
 * evicted. Pure: the caller gives the time.
 */
import { bestOf, keyOf, type Best, type Candidate } from './evidence.js';
import { CONFIDENCE, type DeviceField, type Observation } from './observation.js';
import type { Sighting } from './read-packet.js';
import { isSiteAddress } from './site-address.js';

export interface BookLimits {
  readonly maxDevices: number;
  /** As many again, at most, may have a locally administered MAC (IEEE 802 section 8.4) or none: those can be made up without end. */
  readonly maxMadeUpDevices: number;
  readonly maxAddressesPerDevice: number;
  readonly maxCandidatesPerField: number;
}

export const DEFAULT_LIMITS: BookLimits = {
  maxDevices: 8_192,
  maxMadeUpDevices: 1_024,
  maxAddressesPerDevice: 16,
  maxCandidatesPerField: 8,
};

export interface BookCounters {
  /** Devices forgotten for others, and the part of them with made-up MACs or none. */
  evictedDevices: number;
  evictedMadeUpDevices: number;
  /** Not taken in, because operators have entered something for every device there is room for. */
  refusedDevices: number;
  evictedCandidates: number;
  evictedAddresses: number;
  /** One device found under a second MAC or address. */
  mergedDevices: number;
  /** Sightings of hosts that are not on the site. */
  remoteSightings: number;
  /** An address that its owner claims, used by another MAC. */
  addressConflicts: number;
}

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
}

interface Device {
  /** Its first MAC; its address as long as no MAC is known. */
  id: string;
  readonly macs: string[];
  readonly addresses: Map<string, number>;
  readonly evidence: Map<DeviceField, Candidate[]>;
  readonly operator: Map<DeviceField, string>;
  /** Client id or host name of DHCP: the same under a new made-up MAC means the same device. */
  identity: string | null;
  firstMs: number;
  lastMs: number;
}

/** MACs remembered of one device that makes them up. */
const MAX_MACS_PER_DEVICE = 8;
/** A device with the same identity that was heard this recently is another device, not the same one under a new MAC. */
const MERGE_QUIET_MS = 60_000;

export class EvidenceBook {
  readonly counters: BookCounters = {
    evictedDevices: 0,
    evictedMadeUpDevices: 0,
    refusedDevices: 0,
    evictedCandidates: 0,
    evictedAddresses: 0,
    mergedDevices: 0,
    remoteSightings: 0,
    addressConflicts: 0,
  };
  readonly #limits: BookLimits;
  readonly #devices = new Map<string, Device>();
  /** Each in the order of the last sighting: the first one is evicted first. */
  readonly #lasting = new Set<Device>();
  readonly #madeUp = new Set<Device>();
  readonly #byMac = new Map<string, Device>();
  readonly #byAddress = new Map<string, { device: Device; isClaimed: boolean }>();
  readonly #byIdentity = new Map<string, Device>();

  constructor(limits: BookLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#devices.size;
  }

  /** `fields`: observations and what the fingerprint rules made of hints. `port`: the box's port, where known. Returns the device's id, or null. */
  observe(
    sighting: Sighting,
    fields: readonly Observation[],
    nowMs: number,
    port: string | null = null,
  ): string | null {
    const device = this.#deviceOf(sighting, nowMs);
    if (device === null) return null;
    device.lastMs = Math.max(device.lastMs, nowMs);
    this.#queue(device);
    if (sighting.address !== null) this.#addAddress(device, sighting.address, sighting.isClaimed, nowMs);
    for (const observation of fields) this.#addEvidence(device, observation, nowMs);
    if (port !== null)
      this.#addEvidence(
        device,
        { field: 'port', value: port, source: 'box.port', confidence: CONFIDENCE.own },
        nowMs,
      );
    const survivor = this.#mergeByIdentity(device, sighting.observations, nowMs);
    return survivor.id;
  }

  /** Kept apart from the wire; null takes it back. False where the device is not known. */
  setOperatorEntry(id: string, field: DeviceField, value: string | null): boolean {
    const device = this.#devices.get(id);
    if (device === undefined) return false;
    if (value === null) device.operator.delete(field);
    else device.operator.set(field, value);
    return true;
  }

  /** Every candidate of a field, for a page that shows why. */
  candidates(id: string, field: DeviceField): readonly Candidate[] {
    return this.#devices.get(id)?.evidence.get(field) ?? [];
  }

  devices(): readonly DeviceRecord[] {
    return [...this.#devices.values()].map((device) => describe(device));
  }

  #deviceOf(sighting: Sighting, nowMs: number): Device | null {
    const { mac, address } = sighting;
    if (mac !== null) {
      const known = this.#byMac.get(mac);
      if (known !== undefined) return known;
      const byAddress = address === null ? undefined : this.#byAddress.get(address)?.device;
      if (byAddress?.macs.length === 0) return this.#adopt(byAddress, mac);
      return this.#create(mac, [mac], nowMs);
    }
    if (address === null) return null;
    const known = this.#byAddress.get(address)?.device;
    if (known !== undefined) return known;
    if (isSiteAddress(address)) return this.#create(address, [], nowMs);
    this.counters.remoteSightings += 1;
    return null;
  }

  /** An address that was heard through a router before, and now from its owner. Null where there is no room. */
  #adopt(device: Device, mac: string): Device | null {
    if (!isRandomized(mac) && !this.#makeRoom(this.#lasting, this.#limits.maxDevices)) return null;
    this.#devices.delete(device.id);
    device.id = mac;
    device.macs.push(mac);
    this.#devices.set(mac, device);
    this.#byMac.set(mac, device);
    this.#queue(device);
    this.counters.mergedDevices += 1;
    return device;
  }

  /** Null where there is no room. */
  #create(id: string, macs: string[], nowMs: number): Device | null {
    // A device that makes up MACs is still known by its first one, though it has had too many since.
    const known = this.#devices.get(id);
    if (known !== undefined) return known;
    const device: Device = {
      id,
      macs,
      addresses: new Map(),
      evidence: new Map(),
      operator: new Map(),
      identity: null,
      firstMs: nowMs,
      lastMs: nowMs,
    };
    const hasRoom = isMadeUp(device)
      ? this.#makeRoom(this.#madeUp, this.#limits.maxMadeUpDevices)
      : this.#makeRoom(this.#lasting, this.#limits.maxDevices);
    if (!hasRoom) return null;
    this.#devices.set(id, device);
    this.#queue(device);
    for (const mac of macs) this.#byMac.set(mac, device);
    return device;
  }

  /** Behind the others of its kind, which may have changed: a device heard through a router is met on its own link later. */
  #queue(device: Device): void {
    this.#lasting.delete(device);
    this.#madeUp.delete(device);
    (isMadeUp(device) ? this.#madeUp : this.#lasting).add(device);
  }

  /** Forgets the one heard longest ago, among those that no operator has entered anything for. */
  #makeRoom(queue: ReadonlySet<Device>, limit: number): boolean {
    if (queue.size < limit) return true;
    for (const device of queue) {
      if (device.operator.size > 0) continue;
      this.#forget(device);
      this.counters.evictedDevices += 1;
      if (isMadeUp(device)) this.counters.evictedMadeUpDevices += 1;
      return true;
    }
    this.counters.refusedDevices += 1;
    return false;
  }

  #forget(device: Device): void {
    this.#devices.delete(device.id);
    this.#lasting.delete(device);
    this.#madeUp.delete(device);
    for (const mac of device.macs) this.#byMac.delete(mac);
    for (const address of device.addresses.keys())
      if (this.#byAddress.get(address)?.device === device) this.#byAddress.delete(address);
    if (device.identity !== null && this.#byIdentity.get(device.identity) === device)
      this.#byIdentity.delete(device.identity);
  }

  #addAddress(device: Device, address: string, isClaimed: boolean, nowMs: number): void {
    const owner = this.#byAddress.get(address);
    if (owner !== undefined && owner.device !== device) {
      // Using an address is less than claiming it: a forwarding host uses everybody's.
      if (owner.isClaimed && !isClaimed) {
        this.counters.addressConflicts += 1;
        return;
      }
      owner.device.addresses.delete(address);
      if (owner.device.addresses.size === 0 && owner.device.macs.length === 0)
        this.#absorb(device, owner.device);
    }
    device.addresses.delete(address);
    device.addresses.set(address, nowMs);
    this.#byAddress.set(address, { device, isClaimed: isClaimed || owner?.isClaimed === true });
    if (device.addresses.size <= this.#limits.maxAddressesPerDevice) return;
    const [oldest] = device.addresses.keys();
    if (oldest === undefined) return;
    device.addresses.delete(oldest);
    this.#byAddress.delete(oldest);
    this.counters.evictedAddresses += 1;
  }

  #addEvidence(device: Device, observation: Observation, nowMs: number): void {
    const { field, value, source, confidence } = observation;
    if (field === 'hint' || field === 'address' || field === 'mac') return;
    const candidates = device.evidence.get(field) ?? [];
    device.evidence.set(field, candidates);
    const key = keyOf(value);
    const index = candidates.findIndex((one) => one.source === source && keyOf(one.value) === key);
    const known = candidates[index];
    if (known !== undefined) {
      candidates[index] = {
        ...known,
        confidence: Math.max(known.confidence, confidence),
        firstMs: Math.min(known.firstMs, nowMs),
        lastMs: Math.max(known.lastMs, nowMs),
        count: known.count + 1,
      };
      return;
    }
    candidates.push({ value, source, confidence, firstMs: nowMs, lastMs: nowMs, count: 1 });
    if (candidates.length > this.#limits.maxCandidatesPerField) {
      candidates.splice(indexOfWeakest(candidates), 1);
      this.counters.evictedCandidates += 1;
    }
  }

  /**
   * A device that changes its made-up MAC keeps its DHCP client id or host name. Merged only where both MACs are locally administered and the
   * old one has been quiet: two devices of one name stay two.
   */
  #mergeByIdentity(device: Device, observations: readonly Observation[], nowMs: number): Device {
    const identity = identityOf(observations);
    if (identity === null || !isRandomizedDevice(device)) return device;
    const known = this.#byIdentity.get(identity);
    if (known === undefined || known === device || !this.#devices.has(known.id)) {
      device.identity = identity;
      this.#byIdentity.set(identity, device);
      return device;
    }
    if (nowMs - known.lastMs < MERGE_QUIET_MS) return device;
    const addresses = [...device.addresses.keys()];
    this.#absorb(known, device);
    for (const address of addresses) this.#addAddress(known, address, true, nowMs);
    known.lastMs = nowMs;
    return known;
  }

  #absorb(into: Device, from: Device): void {
    this.#forget(from);
    this.counters.mergedDevices += 1;
    for (const mac of from.macs) {
      into.macs.push(mac);
      this.#byMac.set(mac, into);
    }
    while (into.macs.length > MAX_MACS_PER_DEVICE) this.#byMac.delete(into.macs.shift() ?? '');
    into.firstMs = Math.min(into.firstMs, from.firstMs);
    for (const [field, candidates] of from.evidence)
      for (const one of candidates) this.#addEvidence(into, { ...one, field }, one.lastMs);
    for (const [field, value] of from.operator)
      if (!into.operator.has(field)) into.operator.set(field, value);
  }
}

function describe(device: Device): DeviceRecord {
  const fields: Partial<Record<DeviceField, Best>> = {};
  const known = new Set<DeviceField>([...device.operator.keys(), ...device.evidence.keys()]);
  for (const field of known) {
    const best = bestOf(device.evidence.get(field) ?? [], device.operator.get(field) ?? null);
    // Roles do not contradict each other: a machine has several.
    if (best !== null && field !== 'role') fields[field] = best;
  }
  return {
    id: device.id,
    macs: [...device.macs],
    addresses: [...device.addresses.keys()],
    isRandomizedMac: isRandomizedDevice(device),
    firstMs: device.firstMs,
    lastMs: device.lastMs,
    fields,
    roles: [...new Set((device.evidence.get('role') ?? []).map(({ value }) => value))].sort(),
  };
}

/** The least certain, and of those the one seen longest ago. */
function indexOfWeakest(candidates: readonly Candidate[]): number {
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

function identityOf(observations: readonly Observation[]): string | null {
  for (const source of ['dhcp4.client-id', 'dhcp6.client-id', 'dhcp4.host-name'] as const) {
    const found = observations.find((one) => one.source === source);
    if (found !== undefined) return `${source} ${keyOf(found.value)}`;
  }
  return null;
}

/** Neither a name nor an address that somebody has registered. */
function isMadeUp(device: Device): boolean {
  return device.macs.length === 0 || isRandomizedDevice(device);
}

function isRandomizedDevice(device: Device): boolean {
  const [mac] = device.macs;
  return mac !== undefined && isRandomized(mac);
}

/** The universal/local bit of the first octet (IEEE 802 section 8.4). */
export function isRandomized(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 2) !== 0;
}
