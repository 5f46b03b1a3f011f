/**
 * A policy as it is kept while it is in force, and as it goes between threads: allow entries as pairs of numbers, equal parts of devices
 * as one object, what is a device's own as text. 10,000 devices of ten entries are 45 MB as plain objects and 3 MB here. Pure; used by the enforcer.
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
  /** What no two devices have in common, as JSON in UTF-8, one after the other; where each begins, and the end. */
  readonly own: Uint8Array;
  readonly ownStarts: Uint32Array;
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
  const own: Uint8Array[] = [];
  const encoder = new TextEncoder();
  let at = 0;
  for (const [index, [, { identity, serial, allow, ...common }]] of all.entries()) {
    sharedOf[index] = shared.indexOf(common);
    own.push(encoder.encode(JSON.stringify({ identity, serial } satisfies Own)));
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
    ...joined(own),
    peers: peers.values,
    rests: rests.values,
    entries,
    starts,
  };
}

function joined(parts: readonly Uint8Array[]): Pick<PackedPolicy, 'own' | 'ownStarts'> {
  const ownStarts = new Uint32Array(parts.length + 1);
  for (const [index, { length }] of parts.entries()) ownStarts[index + 1] = (ownStarts[index] ?? 0) + length;
  const own = new Uint8Array(ownStarts[parts.length] ?? 0);
  for (const [index, part] of parts.entries()) own.set(part, ownStarts[index]);
  return { own, ownStarts };
}

/**
 * The policy again. A device is made when it is looked at, its own part and its list when those are, and nothing of it is kept. Records
 * have no prototype, as parse-policy.ts promises. `endedByMs`: without the exceptions that ended by then.
 */
export function unpackPolicy(packed: PackedPolicy, endedByMs: number): Policy {
  const { policy, names } = packed;
  const indices = new Map(names.map((name, index) => [name, index]));
  const at = (key: string | symbol): number => (typeof key === 'string' ? (indices.get(key) ?? -1) : -1);
  const devices = new Proxy(Object.create(null) as Record<string, PolicyDevice>, {
    get: (_, key) => {
      const index = at(key);
      return index < 0 ? undefined : deviceAt(packed, index, endedByMs);
    },
    has: (_, key) => at(key) >= 0,
    ownKeys: () => [...names],
    // Who asks for the value gets it from `get`: keys alone are asked for far more often.
    getOwnPropertyDescriptor: (_, key) =>
      at(key) < 0 ? undefined : { value: undefined, enumerable: true, configurable: true, writable: true },
    set: () => false,
    deleteProperty: () => false,
    defineProperty: () => false,
  });
  const groups = Object.assign(Object.create(null) as Policy['groups'], policy.groups);
  return { ...policy, groups, devices };
}

function deviceAt(packed: PackedPolicy, index: number, endedByMs: number): PolicyDevice {
  const shared = packed.shared[packed.sharedOf[index] ?? 0];
  if (shared === undefined) throw new RangeError(`packed policy: no device ${index}`);
  return {
    ...shared,
    get identity() {
      return ownOf(packed, index).identity;
    },
    get serial() {
      return ownOf(packed, index).serial;
    },
    get allow() {
      return [...entriesInForce(packed.names[index] ?? '', listOf(packed, index), endedByMs)];
    },
  };
}

const DECODER = new TextDecoder();

function ownOf({ own, ownStarts }: PackedPolicy, index: number): Own {
  const text = DECODER.decode(own.subarray(ownStarts[index], ownStarts[index + 1]));
  return JSON.parse(text) as Own;
}

function listOf({ peers, rests, entries, starts }: PackedPolicy, index: number): AllowEntry[] {
  const list: AllowEntry[] = [];
  for (let at = starts[index] ?? 0; at < (starts[index + 1] ?? 0); at += 2) {
    const rest = rests[entries[at] ?? 0];
    const peer = peers[entries[at + 1] ?? 0];
    if (rest !== undefined && peer !== undefined) list.push({ ...rest, peer });
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
