/**
 * Which addresses the names that devices looked up have, and until when: by device, because an answer permits something to
 * the device that got it, and to no other. Names that no entry covers are kept too, fewer of them: an entry that comes
 * later finds them, and addresses that names share are told. Pure; times are of a clock that only goes forward. Called by
 * enforcer/name-keeper.ts, which brings the kernel to what stands here.
 */
import type { Address } from '../policy/address.js';
import {
  NAME_GRACE_SECONDS,
  NAME_TTL_MAX_SECONDS,
  NAME_TTL_MIN_SECONDS,
  NAME_UNCONFIRMED_SECONDS,
  NAME_USED_SECONDS,
} from '../policy/default-policy.js';
import type { Policy } from '../policy/schema.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import { namedDevices, type NamedDevice, type NamedService } from './named-services.js';

/** Of one name for one device; the one that was confirmed longest ago makes room. */
const MAX_ADDRESSES_PER_NAME = 32;
/** Of one device; what no entry covers makes room first, then what only a wildcard covers. */
export const MAX_NAMES_PER_DEVICE = 256;
/** Of all devices together. */
const MAX_NAMES = 60_000;
/** Set elements: of one device, and of all (the sets hold a little more, see ruleset/name-chains.ts). */
const MAX_ELEMENTS_PER_DEVICE = 4_096;
const MAX_ELEMENTS = 120_000;

/** The device's own answer, the agent's look-up, or what was on disk at the start. */
export type AddressSource = 'answer' | 'look-up' | 'disk';

export interface HeldAddress {
  readonly address: Address;
  /** When an answer last gave it. */
  confirmedMs: number;
  expiresMs: number;
  source: AddressSource;
}

export interface HeldName {
  readonly deviceId: number;
  readonly name: string;
  services: readonly NamedService[];
  readonly addresses: Map<string, HeldAddress>;
  /** Set elements that it may take. */
  elements: number;
  lastMs: number;
}

/** Made room for another, or stands for nothing any more. */
export interface DroppedAddress {
  readonly deviceId: number;
  readonly address: Address;
  readonly services: readonly NamedService[];
}

export class NameBook {
  #devices: ReadonlyMap<number, NamedDevice> = new Map();
  readonly #byDevice = new Map<number, Map<string, HeldName>>();
  #names = 0;
  #elements = 0;
  #dropped: DroppedAddress[] = [];
  /** Addresses and names that found no room. */
  full = 0;

  get hasNames(): boolean {
    return this.#devices.size > 0;
  }

  get elements(): number {
    return this.#elements;
  }

  /** Devices that have names in their list. */
  get devices(): ReadonlyMap<number, NamedDevice> {
    return this.#devices;
  }

  /** What no device of the policy looked up is forgotten; what no entry covers any more stands for nothing. */
  usePolicy(policy: Policy, ids: DeviceIds): void {
    this.#devices = namedDevices(policy, ids);
    const known = new Set(Object.keys(policy.devices).map((name) => ids.get(name)));
    for (const [id, names] of this.#byDevice) {
      if (!known.has(id)) {
        for (const held of names.values()) this.#remove(held);
        continue;
      }
      for (const held of names.values()) {
        held.services = this.#devices.get(id)?.servicesOf(held.name) ?? [];
        this.#recount(held);
      }
    }
  }

  /** An answer gave `name` these addresses, which were found fit. Gives back what stands for something; null: nothing does. */
  learn(
    deviceId: number,
    name: string,
    addresses: readonly Address[],
    ttlSeconds: number,
    source: AddressSource,
    nowMs: number,
  ): HeldName | null {
    const held = this.#hold(deviceId, name, nowMs);
    if (held === null) return null;
    held.lastMs = nowMs;
    const lifeMs =
      1000 *
      (Math.min(NAME_TTL_MAX_SECONDS, Math.max(NAME_TTL_MIN_SECONDS, ttlSeconds)) + NAME_GRACE_SECONDS);
    for (const address of addresses) {
      const known = held.addresses.get(address.text);
      if (known === undefined && !this.#makeRoom(held)) continue;
      // Put at the end again: they stand in the order in which they were confirmed.
      held.addresses.delete(address.text);
      held.addresses.set(address.text, {
        address,
        confirmedMs: nowMs,
        expiresMs: Math.max(known?.expiresMs ?? 0, nowMs + lifeMs),
        source,
      });
    }
    this.#recount(held);
    return held.services.length === 0 ? null : held;
  }

  /** As it was kept on disk. */
  restore(deviceId: number, name: string, address: HeldAddress, nowMs: number): void {
    const held = this.#hold(deviceId, name, nowMs);
    if (held === null || held.services.length === 0 || !this.#makeRoom(held)) return;
    held.addresses.set(address.address.text, { ...address });
    this.#recount(held);
  }

  /** The device used an address: it stays, unless no answer has given it for too long. */
  touch(deviceId: number, address: string, nowMs: number): readonly HeldName[] {
    const touched: HeldName[] = [];
    for (const held of this.#byDevice.get(deviceId)?.values() ?? []) {
      const known = held.addresses.get(address);
      if (!known || held.services.length === 0) continue;
      const until = Math.min(nowMs + NAME_USED_SECONDS * 1000, unconfirmedAfter(known));
      if (until <= known.expiresMs) continue;
      known.expiresMs = until;
      touched.push(held);
    }
    return touched;
  }

  /** What has left the book since the last call, and may still be in the kernel. */
  takeDropped(): readonly DroppedAddress[] {
    const dropped = this.#dropped;
    this.#dropped = [];
    return dropped;
  }

  /** The names that a device has an address by. */
  *holding(deviceId: number, address: string): Generator<HeldName> {
    for (const held of this.#byDevice.get(deviceId)?.values() ?? [])
      if (held.addresses.has(address)) yield held;
  }

  *all(): Generator<HeldName> {
    for (const names of this.#byDevice.values()) yield* names.values();
  }

  /** Whether anything is kept for a device: asked for every connection that ends. */
  has(deviceId: number): boolean {
    return this.#byDevice.has(deviceId);
  }

  /** Addresses that a name of the policy, `*.` included, has for a device now. */
  addressesOf(deviceId: number, policyName: string): readonly Address[] {
    const found: Address[] = [];
    for (const held of this.#byDevice.get(deviceId)?.values() ?? [])
      if (held.services.some((service) => service.policyName === policyName))
        for (const { address } of held.addresses.values()) found.push(address);
    return found;
  }

  /** Forgets what has run out, and what no answer has confirmed for too long. */
  expire(nowMs: number): void {
    for (const held of this.all()) {
      for (const [text, known] of held.addresses)
        if (known.expiresMs <= nowMs || unconfirmedAfter(known) <= nowMs) this.#drop(held, text);
      if (held.addresses.size === 0) this.#remove(held);
      else this.#recount(held);
    }
  }

  #hold(deviceId: number, name: string, nowMs: number): HeldName | null {
    const names = this.#byDevice.get(deviceId) ?? new Map<string, HeldName>();
    const known = names.get(name);
    if (known) return known;
    const device = this.#devices.get(deviceId);
    const services = device?.servicesOf(name) ?? [];
    const isExact = device?.isExact(name) ?? false;
    if (names.size >= MAX_NAMES_PER_DEVICE || this.#names >= MAX_NAMES) {
      const victim = this.#leastWanted(names, services.length > 0);
      if (victim === null || (this.#names >= MAX_NAMES && !isExact)) {
        this.full += 1;
        return null;
      }
      this.#remove(victim);
    }
    const held = { deviceId, name, services, addresses: new Map(), elements: 0, lastMs: nowMs };
    names.set(name, held);
    this.#byDevice.set(deviceId, names);
    this.#names += 1;
    return held;
  }

  /** The oldest that no entry covers; for one that an entry covers, else the oldest under a wildcard. Never an exact one. */
  #leastWanted(names: ReadonlyMap<string, HeldName>, isCovered: boolean): HeldName | null {
    let victim: HeldName | null = null;
    const rank = (held: HeldName): number =>
      held.services.length === 0 ? 0 : this.#devices.get(held.deviceId)?.isExact(held.name) === true ? 2 : 1;
    for (const held of names.values()) {
      const own = rank(held);
      if (own === 2 || (own === 1 && !isCovered)) continue;
      if (victim === null || own < rank(victim) || (own === rank(victim) && held.lastMs < victim.lastMs))
        victim = held;
    }
    return victim;
  }

  #makeRoom(held: HeldName): boolean {
    if (held.addresses.size >= MAX_ADDRESSES_PER_NAME) {
      const [oldest] = held.addresses.keys();
      if (oldest !== undefined) this.#drop(held, oldest);
      this.#recount(held);
    }
    const more = elementsEach(held);
    let ofDevice = 0;
    for (const each of this.#byDevice.get(held.deviceId)?.values() ?? []) ofDevice += each.elements;
    if (ofDevice + more <= MAX_ELEMENTS_PER_DEVICE && this.#elements + more <= MAX_ELEMENTS) {
      this.#elements += more;
      held.elements += more;
      return true;
    }
    this.full += 1;
    return false;
  }

  #recount(held: HeldName): void {
    const elements = held.addresses.size * elementsEach(held);
    this.#elements += elements - held.elements;
    held.elements = elements;
  }

  #drop(held: HeldName, text: string): void {
    const known = held.addresses.get(text);
    held.addresses.delete(text);
    const { deviceId, services } = held;
    if (known && services.length > 0) this.#dropped.push({ deviceId, address: known.address, services });
  }

  #remove(held: HeldName): void {
    for (const text of [...held.addresses.keys()]) this.#drop(held, text);
    this.#elements -= held.elements;
    held.elements = 0;
    const names = this.#byDevice.get(held.deviceId);
    if (names?.delete(held.name) === true) this.#names -= 1;
    if (names?.size === 0) this.#byDevice.delete(held.deviceId);
  }
}

function unconfirmedAfter({ confirmedMs }: HeldAddress): number {
  return confirmedMs + NAME_UNCONFIRMED_SECONDS * 1000;
}

function elementsEach({ services }: HeldName): number {
  return services.reduce(
    (sum, { ports, isEssential }) => sum + (ports?.length ?? 1) * (isEssential ? 2 : 1),
    0,
  );
}
