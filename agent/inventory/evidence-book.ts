/**
 * Every device that was seen, and for each of its fields what was said, by which source, when and how often. A device is its MAC; without one (behind
 * a router) its address. Bounded in every direction, and what does not fit is counted. What operators enter is kept apart from the wire and never
 * evicted. Pure: the caller gives the time.
 */
import {
  describe,
  identityOf,
  indexOfWeakest,
  isMadeUp,
  isManyValued,
  isRandomized,
  isRandomizedDevice,
  type Device,
  type DeviceRecord,
} from './device.js';
import { keyOf, type Candidate } from './evidence.js';
import { CONFIDENCE, type DeviceField, type Observation } from './observation.js';
import type { OperatorEntry, OperatorField } from './operator-fields.js';
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

export interface BookChanges {
  readonly news: readonly Device[];
  readonly heard: readonly Device[];
  readonly gone: readonly string[];
}

/** Services and protocols of one device: more than the values of a name. */
const MANY_VALUED_FACTOR = 4;
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
  /** Since takeChanges(): something new is known, it was only heard again, or its id is no longer one. */
  readonly #news = new Set<Device>();
  readonly #heard = new Set<Device>();
  readonly #gone = new Set<string>();

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
    this.#heard.add(device);
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
  setOperatorEntry(id: string, field: OperatorField, entry: OperatorEntry | null): boolean {
    const device = this.#devices.get(id);
    if (device === undefined) return false;
    if (entry === null) device.operator.delete(field);
    else device.operator.set(field, entry);
    this.#news.add(device);
    return true;
  }

  /** Its name in the policy. */
  setPolicyName(id: string, name: string | null): void {
    const device = this.#devices.get(id);
    if (device === undefined || device.policyName === name) return;
    device.policyName = name;
    this.#news.add(device);
  }

  /** A device that a person knows of, seen or not. Returns its id; null where there is no room. */
  declare(mac: string, nowMs: number): string | null {
    return (this.#byMac.get(mac) ?? this.#create(mac, [mac], nowMs))?.id ?? null;
  }

  /** What is to be written down since the last call: all of a device with news, the time alone of the others. */
  takeChanges(): BookChanges {
    const known = (device: Device): boolean => this.#devices.get(device.id) === device;
    const news = [...this.#news].filter(known);
    const heard = [...this.#heard].filter((device) => known(device) && !this.#news.has(device));
    const gone = [...this.#gone].filter((id) => !this.#devices.has(id));
    this.#news.clear();
    this.#heard.clear();
    this.#gone.clear();
    return { news, heard, gone };
  }

  /** A device as it was written down. Not taken where there is no room. */
  restore(saved: Device): void {
    if (this.#devices.has(saved.id)) return;
    if (this.#create(saved.id, saved.macs, saved.firstMs, saved) === null) return;
    for (const address of saved.addresses.keys())
      if (!this.#byAddress.has(address)) this.#byAddress.set(address, { device: saved, isClaimed: false });
    if (saved.identity !== null && isRandomizedDevice(saved)) this.#byIdentity.set(saved.identity, saved);
    this.#news.delete(saved);
  }

  /** By id, MAC or address. */
  find(key: string): DeviceRecord | null {
    const device = this.#devices.get(key) ?? this.#byMac.get(key) ?? this.#byAddress.get(key)?.device;
    return device === undefined ? null : describe(device);
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
    this.#gone.add(device.id);
    this.#news.add(device);
    device.id = mac;
    device.macs.push(mac);
    this.#devices.set(mac, device);
    this.#byMac.set(mac, device);
    this.#queue(device);
    this.counters.mergedDevices += 1;
    return device;
  }

  /** Null where there is no room. */
  #create(id: string, macs: string[], nowMs: number, saved: Device | null = null): Device | null {
    // A device that makes up MACs is still known by its first one, though it has had too many since.
    const known = this.#devices.get(id);
    if (known !== undefined) return known;
    const device: Device = saved ?? newDevice(id, macs, nowMs);
    const hasRoom = isMadeUp(device)
      ? this.#makeRoom(this.#madeUp, this.#limits.maxMadeUpDevices)
      : this.#makeRoom(this.#lasting, this.#limits.maxDevices);
    if (!hasRoom) return null;
    this.#devices.set(id, device);
    this.#news.add(device);
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
    this.#gone.add(device.id);
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
    if (!device.addresses.delete(address)) this.#news.add(device);
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
    const index = candidates.findIndex(
      (one) => one.source === source && (one.value === value || keyOf(one.value) === keyOf(value)),
    );
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
    this.#news.add(device);
    if (candidates.length > this.#maxCandidates(field)) {
      candidates.splice(indexOfWeakest(candidates), 1);
      this.counters.evictedCandidates += 1;
    }
  }

  #maxCandidates(field: DeviceField): number {
    const { maxCandidatesPerField } = this.#limits;
    return isManyValued(field) ? maxCandidatesPerField * MANY_VALUED_FACTOR : maxCandidatesPerField;
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
    this.#news.add(into);
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

function newDevice(id: string, macs: string[], nowMs: number): Device {
  return {
    id,
    macs,
    addresses: new Map(),
    evidence: new Map(),
    operator: new Map(),
    policyName: null,
    identity: null,
    firstMs: nowMs,
    lastMs: nowMs,
  };
}
