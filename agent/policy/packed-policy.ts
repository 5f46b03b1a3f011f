/**
 * A policy as it is kept while it is in force, and as it goes between threads: allow entries as pairs of numbers, equal parts
 * as one object. A hundred thousand entries are 25 MB as plain objects and under 3 MB here. Pure; used by the enforcer.
 */
import { entriesInForce, isEnded } from './exceptions.js';
import type { AllowEntry, Peer, Policy, PolicyDevice } from './schema.js';

type Rest = Omit<AllowEntry, 'peer'>;

export interface PackedPolicy {
  /** Every device with an empty list. */
  readonly policy: Policy;
  readonly peers: readonly Peer[];
  /** Entries without their peers. */
  readonly rests: readonly Rest[];
  /** Of each entry its rest and its peer, device after device in the order of `policy.devices`. */
  readonly entries: Uint32Array;
  /** Where in `entries` each device begins, and the end. */
  readonly starts: Uint32Array;
}

export function packPolicy(policy: Policy): PackedPolicy {
  const share = createSharer();
  const peers = new Table<Peer>(share);
  const rests = new Table<Rest>(share);
  const all = Object.entries(policy.devices);
  const entries = new Uint32Array(2 * all.reduce((sum, [, device]) => sum + device.allow.length, 0));
  const starts = new Uint32Array(all.length + 1);
  const devices: Record<string, PolicyDevice> = {};
  let at = 0;
  for (const [index, [name, device]] of all.entries()) {
    devices[name] = share({ ...device, allow: [] });
    for (const { peer, ...rest } of device.allow) {
      entries[at++] = rests.indexOf(rest);
      entries[at++] = peers.indexOf(peer);
    }
    starts[index + 1] = at;
  }
  const kept = { ...share({ ...policy, groups: {}, devices: {} }), groups: share(policy.groups), devices };
  return { policy: kept, peers: peers.values, rests: rests.values, entries, starts };
}

/**
 * The policy again. A list is made when it is looked at, and not kept. Records have no prototype, as parse-policy.ts promises
 * and as a message between threads forgets. `endedByMs`: without the exceptions that ended by then.
 */
export function unpackPolicy(
  { policy, peers, rests, entries, starts }: PackedPolicy,
  endedByMs: number,
): Policy {
  const listOf = (index: number): AllowEntry[] => {
    const list: AllowEntry[] = [];
    for (let at = starts[index] ?? 0; at < (starts[index + 1] ?? 0); at += 2) {
      const rest = rests[entries[at] ?? 0];
      const peer = peers[entries[at + 1] ?? 0];
      if (rest !== undefined && peer !== undefined) list.push({ ...rest, peer });
    }
    return list;
  };
  const devices = Object.create(null) as Record<string, PolicyDevice>;
  for (const [index, [name, device]] of Object.entries(policy.devices).entries())
    devices[name] = Object.defineProperty({ ...device }, 'allow', {
      enumerable: true,
      get: () => entriesInForce(name, listOf(index), endedByMs),
    });
  const groups = Object.assign(Object.create(null) as Policy['groups'], policy.groups);
  return { ...policy, groups, devices };
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
