/**
 * Small integers ("slots") for keys of three numbers, so that a detector keeps its state in typed arrays. Bounded: when it is
 * full the clock algorithm (Corbató 1968) evicts a key that was not used since the hand last passed. Pure.
 *
 * Memory: 29 bytes a slot, reserved at the start. Allocates nothing after it was made.
 */

export class SlotTable {
  readonly capacity: number;
  size = 0;
  /** Keys that had to make room. */
  evicted = 0;
  /** The last `intern` made its slot: what the arrays hold there is of another key, or nothing. */
  isNew = false;
  readonly #keyA: Int32Array;
  readonly #keyB: Int32Array;
  readonly #keyC: Int32Array;
  readonly #used: Uint8Array;
  readonly #serial: Int32Array;
  /** Open addressing, linear probing, twice the capacity: slot + 1, or 0 for free. */
  readonly #index: Int32Array;
  readonly #mask: number;
  #hand = 0;

  /** `capacity` is a power of two. */
  constructor(capacity: number) {
    if (capacity < 2 || (capacity & (capacity - 1)) !== 0)
      throw new RangeError(`slot table: ${capacity} is not a power of two`);
    this.capacity = capacity;
    this.#keyA = new Int32Array(capacity);
    this.#keyB = new Int32Array(capacity);
    this.#keyC = new Int32Array(capacity);
    this.#used = new Uint8Array(capacity);
    this.#serial = new Int32Array(capacity);
    this.#index = new Int32Array(capacity * 2);
    this.#mask = capacity * 2 - 1;
  }

  /** The slot of a key, or -1. Does not count as use. */
  find(a: number, b: number, c: number): number {
    let at = hash3(a, b, c) & this.#mask;
    for (;;) {
      const slot = (this.#index[at] ?? 0) - 1;
      if (slot < 0) return -1;
      if (this.#keyA[slot] === a && this.#keyB[slot] === b && this.#keyC[slot] === c) return slot;
      at = (at + 1) & this.#mask;
    }
  }

  /** The slot of a key, made if it is new (`isNew`). Keys are int32. */
  intern(a: number, b: number, c: number): number {
    const known = this.find(a, b, c);
    this.isNew = known < 0;
    if (known >= 0) {
      this.#used[known] = 1;
      return known;
    }
    const slot = this.size < this.capacity ? this.size++ : this.#evict();
    this.#keyA[slot] = a;
    this.#keyB[slot] = b;
    this.#keyC[slot] = c;
    this.#used[slot] = 1;
    this.#serial[slot] = ((this.#serial[slot] ?? 0) + 1) & 0x3fffffff;
    let at = hash3(a, b, c) & this.#mask;
    while ((this.#index[at] ?? 0) !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = slot + 1;
    return slot;
  }

  /** Changes when a slot is used for another key. */
  serial(slot: number): number {
    return this.#serial[slot] ?? 0;
  }

  keyA(slot: number): number {
    return this.#keyA[slot] ?? 0;
  }

  keyB(slot: number): number {
    return this.#keyB[slot] ?? 0;
  }

  keyC(slot: number): number {
    return this.#keyC[slot] ?? 0;
  }

  #evict(): number {
    for (;;) {
      const slot = this.#hand;
      this.#hand = (this.#hand + 1) & (this.capacity - 1);
      if (this.#used[slot] === 1) {
        this.#used[slot] = 0;
        continue;
      }
      this.#unlink(slot);
      this.evicted++;
      return slot;
    }
  }

  /** Deletion by shifting back (Knuth, TAOCP 6.4 algorithm R): no tombstones, so probes stay short for ever. */
  #unlink(slot: number): void {
    const index = this.#index;
    let hole = this.#home(slot);
    while (index[hole] !== slot + 1) hole = (hole + 1) & this.#mask;
    for (let at = (hole + 1) & this.#mask; (index[at] ?? 0) !== 0; at = (at + 1) & this.#mask) {
      const other = (index[at] ?? 0) - 1;
      const home = this.#home(other);
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      index[hole] = other + 1;
      hole = at;
    }
    index[hole] = 0;
  }

  #home(slot: number): number {
    return hash3(this.#keyA[slot] ?? 0, this.#keyB[slot] ?? 0, this.#keyC[slot] ?? 0) & this.#mask;
  }
}

/** FNV-1a (Fowler, Noll, Vo) of 32 bits over bytes `from` to `to`, as an int32. */
export function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}

/** Mixes three int32 into one. */
export function hash3(a: number, b: number, c: number): number {
  let hash = Math.imul(a, 0x85ebca6b);
  hash = Math.imul((hash ^ (hash >>> 15)) + b, 0xc2b2ae35);
  hash = Math.imul((hash ^ (hash >>> 13)) + c, 0x2c1b3c6d);
  return hash ^ (hash >>> 16);
}
