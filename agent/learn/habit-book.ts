/**
 * The fold: connections, their ends, looked-up names and changes of policy in, habits per device out. Fed by agent/learn-keeper.ts from the live
 * events and by replay/learn-capture.ts from a file, so that both propose alike. Pure and bounded: what is seen once makes room first, so that a
 * scan of 65,535 ports does not push out what the device does every day.
 */
import { habitKey, MAX_NAMES_PER_HABIT, type Habit, type LearntDevice } from './habit.js';

export const MAX_HABITS_PER_DEVICE = 1_000;
/** About 15 MiB. Past it the device with the most habits gives some up. */
export const MAX_HABITS = 50_000;
/** As many as a policy may name. */
export const MAX_LEARNT_DEVICES = 20_000;
const MAX_ADDRESSES_PER_DEVICE = 16;
const MAX_RESOLVERS_PER_DEVICE = 8;
/** Looked-up addresses remembered for each device; the one not looked up for longest makes room. */
const MAX_LOOKUPS_PER_DEVICE = 512;
/** Addresses whose device is known. */
const MAX_OWNERS = 50_000;
/** Share of the habits that goes at once when there is no room. */
const FORGET_SHARE = 0.05;
/** Past these, only when it was last seen says what to forget first. */
const ENOUGH_DAYS = 7;
const ENOUGH_TIMES = 3;
const DAY_MS = 86_400_000;

/** Who it is about, as far as an event tells. */
export interface WhoSeen {
  /** Name in the policy. */
  readonly device: string | null;
  readonly mac: string | null;
  readonly address: string | null;
}

export interface SeenConnection extends WhoSeen {
  readonly direction: 'out' | 'in';
  readonly peer: string;
  readonly protocol: number;
  readonly port: number | null;
  readonly count: number;
  readonly isMidstream: boolean;
  readonly isUnlisted: boolean;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface SeenEnd extends WhoSeen {
  readonly direction: 'out' | 'in';
  readonly peer: string;
  readonly protocol: number;
  readonly port: number | null;
  readonly ended: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly packetsIn: number;
  readonly lastMs: number;
}

export interface SeenLookup {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly resolver: string;
}

interface Device extends LearntDevice {
  readonly habits: Map<string, Habit>;
  readonly lookups: Map<string, string>;
}

export interface Changes {
  /** Devices of which something changed, and their habits that did. */
  readonly devices: readonly { readonly device: LearntDevice; readonly habits: readonly Habit[] }[];
  /** Keys of devices and habits that are no more. */
  readonly goneDevices: readonly string[];
  readonly goneHabits: readonly { readonly device: string; readonly habit: Habit }[];
}

export class HabitBook {
  readonly counters = { learnForgotten: 0, learnRefusedDevices: 0 };
  readonly #devices = new Map<string, Device>();
  readonly #owners = new Map<string, string>();
  #habits = 0;
  #changed = new Map<string, Set<string>>();
  #goneDevices = new Set<string>();
  #goneHabits: { device: string; habit: Habit }[] = [];

  /** Nothing is counted as a change. */
  restore(device: LearntDevice, habits: readonly Habit[]): void {
    if (this.#devices.size >= MAX_LEARNT_DEVICES) return;
    const kept = habits.slice(0, MAX_HABITS_PER_DEVICE);
    this.#devices.set(device.key, {
      ...device,
      addresses: [...device.addresses],
      resolvers: [...device.resolvers],
      habits: new Map(kept.map((one) => [habitKey(one), { ...one, names: [...one.names] }])),
      lookups: new Map(),
    });
    this.#habits += kept.length;
    for (const address of device.addresses) this.#owners.set(address, device.key);
  }

  /** Whose an address is; call it for all of a batch before the first connection of it is folded. */
  meet(who: WhoSeen, atMs: number): void {
    this.#deviceOf(who, atMs);
  }

  /** A connection that passed. Between two devices behind the box it is a habit of both. */
  connection(seen: SeenConnection): void {
    const other = this.#devices.get(this.#owners.get(seen.peer) ?? '');
    const device = this.#deviceOf(seen, seen.lastMs);
    // The one contacted learns of it from what the opener did, once: its own list may have passed what the opener's refused.
    if (other !== undefined && other !== device && seen.direction === 'in') return;
    if (device !== null) this.#count(device, seen);
    if (other === undefined || other === device || device === null) return;
    const opener = seen.address ?? device.addresses.at(-1);
    if (opener !== undefined)
      this.#count(other, { ...seen, direction: 'in', peer: opener, isUnlisted: false });
  }

  end(seen: SeenEnd): void {
    const device = this.#deviceOf(seen, seen.lastMs);
    if (device === null) return;
    this.#endOf(device, seen);
    const other = this.#devices.get(this.#owners.get(seen.peer) ?? '');
    const opener = seen.address ?? device.addresses.at(-1);
    if (other === undefined || other === device || seen.direction === 'in' || opener === undefined) return;
    const { bytesOut: bytesIn, bytesIn: bytesOut, packetsOut: packetsIn, packetsIn: packetsOut } = seen;
    this.#endOf(other, { ...seen, direction: 'in', peer: opener, bytesOut, bytesIn, packetsOut, packetsIn });
  }

  /** The device got these addresses as the answer to this name. */
  lookup(who: WhoSeen, { name, addresses, resolver }: SeenLookup, atMs: number): void {
    const device = this.#deviceOf(who, atMs);
    if (device === null) return;
    if (!device.resolvers.includes(resolver))
      device.resolvers = [...device.resolvers, resolver].slice(-MAX_RESOLVERS_PER_DEVICE);
    for (const address of addresses) {
      device.lookups.delete(address);
      device.lookups.set(address, name);
      if (device.lookups.size > MAX_LOOKUPS_PER_DEVICE) forgetFirst(device.lookups);
      // Opened at the same moment as it was answered: events of one flush come in no order.
      for (const one of device.habits.values())
        if (one.peer === address && one.direction === 'out' && one.names.length === 0 && one.lastMs >= atMs)
          this.#name(device, one, name);
    }
  }

  /** Another policy is in force: what the one before did not list is no longer of interest. */
  policyChanged(): void {
    for (const device of this.#devices.values())
      for (const [key, one] of device.habits) {
        if (one.unlisted === 0) continue;
        one.unlisted = 0;
        one.unlistedMs = 0;
        this.#note(device.key, key);
      }
  }

  /** The ones heard last first. */
  devices(): readonly LearntDevice[] {
    return [...this.#devices.values()]
      .map(plain)
      .sort((a, b) => b.lastMs - a.lastMs || (a.key < b.key ? -1 : 1));
  }

  /** By key, MAC or an address. */
  find(text: string): LearntDevice | null {
    const direct = this.#devices.get(text) ?? this.#devices.get(this.#owners.get(text) ?? '');
    if (direct !== undefined) return plain(direct);
    for (const device of this.#devices.values()) if (device.mac === text.toLowerCase()) return plain(device);
    return null;
  }

  /** The ones used last first. */
  habits(key: string): readonly Habit[] {
    return [...(this.#devices.get(key)?.habits.values() ?? [])].sort((a, b) => b.lastMs - a.lastMs);
  }

  get size(): number {
    return this.#habits;
  }

  takeChanges(): Changes {
    const changes: Changes = {
      devices: [...this.#changed].flatMap(([key, habits]) => {
        const device = this.#devices.get(key);
        if (device === undefined) return [];
        return {
          device: plain(device),
          habits: [...habits].flatMap((each) => device.habits.get(each) ?? []),
        };
      }),
      goneDevices: [...this.#goneDevices],
      goneHabits: this.#goneHabits,
    };
    this.#changed = new Map();
    this.#goneDevices = new Set();
    this.#goneHabits = [];
    return changes;
  }

  #count(device: Device, seen: SeenConnection): void {
    const one = this.#habitOf(device, seen, seen.firstMs);
    const isOtherDay = one.count > 0 && dayOf(seen.lastMs) > dayOf(one.lastMs);
    one.days = one.count === 0 ? 1 : one.days + (isOtherDay ? 1 : 0);
    one.count += seen.count;
    if (seen.isMidstream) one.midstream += seen.count;
    if (seen.isUnlisted) {
      one.unlisted += seen.count;
      one.unlistedMs = Math.max(one.unlistedMs, seen.lastMs);
    }
    one.firstMs = Math.min(one.firstMs, seen.firstMs);
    one.lastMs = Math.max(one.lastMs, seen.lastMs);
    const name = seen.direction === 'out' ? device.lookups.get(seen.peer) : undefined;
    if (name !== undefined) this.#name(device, one, name);
    this.#note(device.key, habitKey(one));
  }

  #endOf(device: Device, seen: SeenEnd): void {
    const known = device.habits.get(habitKey(seen));
    // The kernel tells of every end and thins out the logs of first packets: what only ended was opened, too.
    const one = known ?? this.#habitOf(device, seen, seen.lastMs);
    if (known === undefined) {
      one.count = seen.ended;
      one.days = 1;
    }
    one.ended += seen.ended;
    one.bytesOut += seen.bytesOut;
    one.bytesIn += seen.bytesIn;
    one.packetsOut += seen.packetsOut;
    one.packetsIn += seen.packetsIn;
    this.#note(device.key, habitKey(one));
  }

  #habitOf(
    device: Device,
    seen: Pick<Habit, 'direction' | 'peer' | 'protocol' | 'port'>,
    atMs: number,
  ): Habit {
    const key = habitKey(seen);
    const known = device.habits.get(key);
    if (known !== undefined) return known;
    if (device.habits.size >= MAX_HABITS_PER_DEVICE) this.#forget(device);
    if (this.#habits >= MAX_HABITS) this.#forgetSomewhere();
    const { direction, peer, protocol, port } = seen;
    const made: Habit = {
      ...{ direction, peer, protocol, port, firstMs: atMs, lastMs: atMs, count: 0, days: 0, midstream: 0 },
      ...{
        unlisted: 0,
        unlistedMs: 0,
        ended: 0,
        bytesOut: 0,
        bytesIn: 0,
        packetsOut: 0,
        packetsIn: 0,
        names: [],
      },
    };
    device.habits.set(key, made);
    this.#habits += 1;
    return made;
  }

  #name(device: Device, one: Habit, name: string): void {
    if (one.names.at(-1) === name) return;
    one.names = [...one.names.filter((each) => each !== name), name].slice(-MAX_NAMES_PER_HABIT);
    this.#note(device.key, habitKey(one));
  }

  #deviceOf(who: WhoSeen, atMs: number): Device | null {
    const isNobody = who.address !== null && UNSPECIFIED.has(who.address);
    const owner = who.address === null || isNobody ? undefined : this.#owners.get(who.address);
    const key = who.device ?? who.mac ?? owner ?? (isNobody ? null : who.address);
    if (key === null) return null;
    if (who.device !== null) this.#rename(who.mac, who.device);
    if (owner !== undefined && owner === who.address) this.#rename(owner, key);
    let device = this.#devices.get(key);
    if (device === undefined) {
      if (this.#devices.size >= MAX_LEARNT_DEVICES) {
        this.counters.learnRefusedDevices += 1;
        return null;
      }
      device = {
        ...{ key, mac: who.mac, addresses: [], resolvers: [], sinceMs: atMs, lastMs: atMs, forgotten: 0 },
        ...{ habits: new Map(), lookups: new Map() },
      };
      this.#devices.set(key, device);
    }
    device.mac = who.mac ?? device.mac;
    device.sinceMs = Math.min(device.sinceMs, atMs);
    device.lastMs = Math.max(device.lastMs, atMs);
    if (who.address !== null) this.#own(device, who.address);
    this.#note(key, null);
    return device;
  }

  #own(device: Device, address: string): void {
    if (UNSPECIFIED.has(address)) return;
    if (device.addresses.at(-1) === address && this.#owners.get(address) === device.key) return;
    device.addresses = [...device.addresses.filter((each) => each !== address), address].slice(
      -MAX_ADDRESSES_PER_DEVICE,
    );
    this.#owners.set(address, device.key);
    if (this.#owners.size > MAX_OWNERS) forgetFirst(this.#owners);
  }

  /** Known by its MAC or address until now; what was learnt of it stays its own. */
  #rename(before: string | null, after: string): void {
    const device = before === null || before === after ? undefined : this.#devices.get(before);
    if (device === undefined || before === null) return;
    this.#devices.delete(before);
    this.#changed.delete(before);
    this.#goneDevices.add(before);
    for (const address of device.addresses) this.#owners.set(address, after);
    const known = this.#devices.get(after);
    this.#goneDevices.delete(after);
    if (known === undefined) {
      device.key = after;
      this.#devices.set(after, device);
      this.#changed.set(after, new Set(device.habits.keys()));
      return;
    }
    known.sinceMs = Math.min(known.sinceMs, device.sinceMs);
    this.#habits -= device.habits.size;
    for (const one of device.habits.values()) {
      addTo(this.#habitOf(known, one, one.firstMs), one);
      this.#note(after, habitKey(one));
    }
  }

  #forgetSomewhere(): void {
    let most: Device | null = null;
    for (const device of this.#devices.values())
      if (most === null || device.habits.size > most.habits.size) most = device;
    if (most !== null) this.#forget(most);
  }

  /** Seen on few days goes before seen on many, seldom before often, and of these the one not seen for longest. */
  #forget(device: Device): void {
    const order = [...device.habits].sort(
      ([, a], [, b]) =>
        Math.min(a.days, ENOUGH_DAYS) - Math.min(b.days, ENOUGH_DAYS) ||
        Math.min(a.count, ENOUGH_TIMES) - Math.min(b.count, ENOUGH_TIMES) ||
        a.lastMs - b.lastMs,
    );
    for (const [key, one] of order.slice(0, Math.ceil(order.length * FORGET_SHARE))) {
      device.habits.delete(key);
      this.#changed.get(device.key)?.delete(key);
      this.#goneHabits.push({ device: device.key, habit: one });
      this.#habits -= 1;
      device.forgotten += 1;
      this.counters.learnForgotten += 1;
    }
  }

  #note(device: string, key: string | null): void {
    const habits = this.#changed.get(device) ?? new Set();
    if (key !== null) habits.add(key);
    this.#changed.set(device, habits);
  }
}

/** Two pasts of one habit. Days that both saw count twice: better once too often than a habit that looks new. */
function addTo(into: Habit, other: Habit): void {
  into.firstMs = Math.min(into.firstMs, other.firstMs);
  into.lastMs = Math.max(into.lastMs, other.lastMs);
  into.unlistedMs = Math.max(into.unlistedMs, other.unlistedMs);
  for (const field of SUMMED) into[field] += other[field];
  into.names = [...new Set([...other.names, ...into.names])].slice(-MAX_NAMES_PER_HABIT);
}

const SUMMED = [
  ...(['count', 'days', 'midstream', 'unlisted', 'ended'] as const),
  ...(['bytesOut', 'bytesIn', 'packetsOut', 'packetsIn'] as const),
] as const;

const UNSPECIFIED: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

function forgetFirst(map: Map<string, unknown>): void {
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}

function plain({ key, mac, addresses, resolvers, sinceMs, lastMs, forgotten }: Device): LearntDevice {
  return { key, mac, addresses, resolvers, sinceMs, lastMs, forgotten };
}

function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS);
}
