/**
 * A policy as it is kept while it is in force, and as it goes between threads: allow entries as pairs of numbers, equal parts as one object.
 * A hundred thousand entries are 25 MB as plain objects and under 3 MB here. Pure; used by the enforcer.
 */
import { entriesInForce, isEnded } from './exceptions.js';
import type { AllowEntry, Peer, Policy, PolicyDevice } from './schema.js';

type Rest = Omit<AllowEntry, 'peer'>;
type Own = Pick<PolicyDevice, 'identity' | 'serial'>;
type Shared = Omit<PolicyDevice, keyof Own | 'allow'>;

export interface PackedPolicy {
  /** Without devices. */
  readonly policy: Policy;
  readonly names: readonly string[];
  /** What devices have in common with others, each once, and which of them each device has. */
  readonly shared: readonly Shared[];
  readonly sharedOf: Uint32Array;
  /** What no two devices have in common. */
  readonly own: readonly Own[];
  readonly peers: readonly Peer[];
  /** Entries without their peers. */
  readonly rests: readonly Rest[];
  /** Of each entry its rest and its peer, device after device. */
  readonly entries: Uint32Array;
  /** Where in `entries` each device begins, and the end. */
  readonly starts: Uint32Array;
}

export function packPolicy(policy: Policy): PackedPolicy {
  const share = createSharer();
  const peers = new Table<Peer>(share);
  const rests = new Table<Rest>(share);
  const shared = new Table<Shared>(share);
  const all = Object.entries(policy.devices);
  const entries = new Uint32Array(2 * all.reduce((sum, [, device]) => sum + device.allow.length, 0));
  const starts = new Uint32Array(all.length + 1);
  const sharedOf = new Uint32Array(all.length);
  const own: Own[] = [];
  let at = 0;
  for (const [index, [, { identity, serial, allow, ...common }]] of all.entries()) {
    sharedOf[index] = shared.indexOf(common);
    own.push(share(serial === undefined ? { identity } : { identity, serial }));
    for (const { peer, ...rest } of allow) {
      entries[at++] = rests.indexOf(rest);
      entries[at++] = peers.indexOf(peer);
    }
    starts[index + 1] = at;
  }
  return {
    policy: { ...share({ ...policy, groups: {}, devices: {} }), groups: share(policy.groups) },
    names: all.map(([name]) => name),
    shared: shared.values,
    sharedOf,
    own,
    peers: peers.values,
    rests: rests.values,
    entries,
    starts,
  };
}

/**
 * The policy again. A list is made when it is looked at, and not kept. Records have no prototype, as parse-policy.ts promises.
 * `endedByMs`: without the exceptions that ended by then.
 */
export function unpackPolicy(packed: PackedPolicy, endedByMs: number): Policy {
  const devices = Object.create(null) as Record<string, PolicyDevice>;
  for (const [index, name] of packed.names.entries())
    devices[name] = new PackedDevice(packed, index, endedByMs).view;
  const groups = Object.assign(Object.create(null) as Policy['groups'], packed.policy.groups);
  return { ...packed.policy, groups, devices };
}

/**
 * `allow` is its own property, so that a copy of a device has a list, and the getter is the same function for all: V8 gives objects with getters
 * of their own half a kilobyte each.
 */
class PackedDevice {
  static readonly #ALLOW: PropertyDescriptor & ThisType<PackedDevice> = {
    enumerable: true,
    get() {
      const name = this.#packed.names[this.#index] ?? '';
      return entriesInForce(name, listOf(this.#packed, this.#index), this.#endedByMs);
    },
  };
  readonly #packed: PackedPolicy;
  readonly #index: number;
  readonly #endedByMs: number;

  constructor(packed: PackedPolicy, index: number, endedByMs: number) {
    this.#packed = packed;
    this.#index = index;
    this.#endedByMs = endedByMs;
    Object.assign(this, packed.shared[packed.sharedOf[index] ?? 0], packed.own[index]);
    Object.defineProperty(this, 'allow', PackedDevice.#ALLOW);
  }

  get view(): PolicyDevice {
    return this as unknown as PolicyDevice;
  }
}

function listOf({ peers, rests, entries, starts }: PackedPolicy, index: number): AllowEntry[] {
  const list: AllowEntry[] = [];
  for (let at = starts[index] ?? 0; at < (starts[index + 1] ?? 0); at += 2) {
    const rest = rests[entries[at] ?? 0];
    const peer = peers[entries[at + 1] ?? 0];
    // Not spread: of what came from another thread V8 copies it eight times slower.
    if (rest !== undefined && peer !== undefined) list.push(Object.assign({}, rest, { peer }));
  }
  return list;
}

/** How many entries of all devices count, without making any of their lists. */
export function countInForce({ rests, entries }: PackedPolicy, endedByMs: number): number {
  let count = 0;
  for (let at = 0; at < entries.length; at += 2) {
    const rest = rests[entries[at] ?? 0];
    if (rest !== undefined && !isEnded(rest, endedByMs)) count++;
  }
  return count;
}

class Table<T> {
  readonly values: T[] = [];
  readonly #indices = new Map<T, number>();
  readonly #share: (value: T) => T;

  constructor(share: <V>(value: V) => V) {
    this.#share = share;
  }

  indexOf(value: T): number {
    const shared = this.#share(value);
    let index = this.#indices.get(shared);
    if (index === undefined) {
      index = this.values.push(shared) - 1;
      this.#indices.set(shared, index);
    }
    return index;
  }
}

/** Equal values become the same one. All of a policy is JSON, so that equal text is equal value. */
function createSharer(): <T>(value: T) => T {
  const known = new Map<string, unknown>();
  const share = (value: unknown): unknown => {
    if (typeof value === 'string') return shared(`"${value}`, value);
    if (typeof value !== 'object' || value === null) return value;
    const copy = Array.isArray(value)
      ? value.map(share)
      : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, share(part)]));
    return shared(JSON.stringify(copy), copy);
  };
  const shared = (key: string, value: unknown): unknown => {
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, value);
    return value;
  };
  return share as <T>(value: T) => T;
}
