/**
 * Addresses as small integers ("tickets"), so that detectors compare and hash one number. Filled once per first packet;
 * never makes a string there. Pure.
 *
 * Memory: 32 bytes an address, 2 MiB at the default capacity, all of it reserved at the start.
 * When it is full the clock algorithm evicts an address that was not seen since the hand last passed. A ticket is never
 * given to a second address until its slot was reused 16,383 times, so a detector that keeps a ticket longer than the
 * table keeps the address reads "not kept any more", not somebody else's name.
 */
import { formatAddress } from '../packet/format.js';

export const DEFAULT_ADDRESS_CAPACITY = 65_536;
/** Slots take 16 bits of a ticket, generations 14: tickets stay below 2^30 and so small integers in V8. */
const MAX_ADDRESS_CAPACITY = 65_536;
const SLOT_BITS = 16;
const MAX_GENERATION = (1 << 14) - 1;
/** No address. */
export const NO_ADDRESS = 0;

export interface AddressTable {
  /** The ticket of an address, made if new. Words are uint32 in network order, IPv4 in the first, zeros after. */
  intern(family: number, w0: number, w1: number, w2: number, w3: number): number;
  /** As `intern` of an address whose ticket is known: it counts as seen. False: it is not kept any more. */
  see(ticket: number): boolean;
  /** Canonical text, or null when the address is not kept any more. Cold path. */
  text(ticket: number): string | null;
  /** One host: not multicast, limited broadcast or unspecified (RFC 1112, RFC 919, RFC 4291 sections 2.5.2 and 2.7), and still kept. */
  isHost(ticket: number): boolean;
  /** A number that is equal for addresses of one /24 or one /64; 0 for what is not kept. */
  networkOf(ticket: number): number;
  family(ticket: number): number;
  /** Word 0..3 of an address; 0 for what is not kept. */
  word(ticket: number, index: number): number;
  readonly size: number;
  readonly capacity: number;
  /** Addresses that had to make room. */
  readonly evicted: number;
}

/** `capacity` is a power of two, at most 65,536. */
export function createAddressTable(capacity: number = DEFAULT_ADDRESS_CAPACITY): AddressTable {
  if (capacity < 2 || capacity > MAX_ADDRESS_CAPACITY || (capacity & (capacity - 1)) !== 0)
    throw new RangeError(
      `address table: ${capacity} is not a power of two between 2 and ${MAX_ADDRESS_CAPACITY}`,
    );
  return new Table(capacity);
}

class Table implements AddressTable {
  readonly capacity: number;
  size = 0;
  evicted = 0;
  readonly #words: Uint32Array;
  readonly #hashes: Int32Array;
  readonly #families: Uint8Array;
  readonly #generations: Uint16Array;
  readonly #seen: Uint8Array;
  /** Open addressing, linear probing, twice the capacity: slot + 1, or 0 for free. */
  readonly #index: Int32Array;
  readonly #mask: number;
  #hand = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#words = new Uint32Array(capacity * 4);
    this.#hashes = new Int32Array(capacity);
    this.#families = new Uint8Array(capacity);
    this.#generations = new Uint16Array(capacity);
    this.#seen = new Uint8Array(capacity);
    this.#index = new Int32Array(capacity * 2);
    this.#mask = capacity * 2 - 1;
  }

  intern(family: number, w0: number, w1: number, w2: number, w3: number): number {
    const hash = hashWords(family, w0, w1, w2, w3);
    let at = hash & this.#mask;
    for (;;) {
      const entry = this.#index[at] ?? 0;
      if (entry === 0) break;
      const slot = entry - 1;
      if (this.#hashes[slot] === hash && this.#is(slot, family, w0, w1, w2, w3)) {
        this.#seen[slot] = 1;
        return this.#ticket(slot);
      }
      at = (at + 1) & this.#mask;
    }
    const slot = this.size < this.capacity ? this.size++ : this.#evict();
    const base = slot * 4;
    this.#words[base] = w0;
    this.#words[base + 1] = w1;
    this.#words[base + 2] = w2;
    this.#words[base + 3] = w3;
    this.#families[slot] = family;
    this.#hashes[slot] = hash;
    this.#seen[slot] = 1;
    const generation = this.#generations[slot] ?? 0;
    this.#generations[slot] = generation === MAX_GENERATION ? 1 : generation + 1;
    // Eviction may have moved entries: probe again.
    at = hash & this.#mask;
    while ((this.#index[at] ?? 0) !== 0) at = (at + 1) & this.#mask;
    this.#index[at] = slot + 1;
    return this.#ticket(slot);
  }

  see(ticket: number): boolean {
    const slot = this.#slot(ticket);
    if (slot < 0) return false;
    this.#seen[slot] = 1;
    return true;
  }

  text(ticket: number): string | null {
    const slot = this.#slot(ticket);
    if (slot < 0) return null;
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = this.#words.subarray(slot * 4, slot * 4 + 4);
    return formatAddress(this.#families[slot] ?? 0, w0, w1, w2, w3);
  }

  isHost(ticket: number): boolean {
    const slot = this.#slot(ticket);
    if (slot < 0) return false;
    const base = slot * 4;
    const w0 = this.#words[base] ?? 0;
    if (this.#families[slot] === 4) return w0 !== 0 && w0 >>> 28 !== 14 && w0 !== 0xffffffff;
    if (w0 >>> 24 === 0xff) return false;
    return (
      w0 !== 0 || this.#words[base + 1] !== 0 || this.#words[base + 2] !== 0 || this.#words[base + 3] !== 0
    );
  }

  networkOf(ticket: number): number {
    const slot = this.#slot(ticket);
    if (slot < 0) return 0;
    const w0 = this.#words[slot * 4] ?? 0;
    if (this.#families[slot] === 4) return w0 >>> 8;
    return hashWords(6, w0, this.#words[slot * 4 + 1] ?? 0, 0, 0);
  }

  family(ticket: number): number {
    const slot = this.#slot(ticket);
    return slot < 0 ? 0 : (this.#families[slot] ?? 0);
  }

  word(ticket: number, index: number): number {
    const slot = this.#slot(ticket);
    return slot < 0 ? 0 : (this.#words[slot * 4 + index] ?? 0);
  }

  #ticket(slot: number): number {
    return ((this.#generations[slot] ?? 0) << SLOT_BITS) | slot;
  }

  #slot(ticket: number): number {
    const slot = ticket & ((1 << SLOT_BITS) - 1);
    return ticket !== NO_ADDRESS && slot < this.size && this.#ticket(slot) === ticket ? slot : -1;
  }

  #is(slot: number, family: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const base = slot * 4;
    return (
      this.#families[slot] === family &&
      this.#words[base] === w0 &&
      this.#words[base + 1] === w1 &&
      this.#words[base + 2] === w2 &&
      this.#words[base + 3] === w3
    );
  }

  #evict(): number {
    for (;;) {
      const slot = this.#hand;
      this.#hand = (this.#hand + 1) % this.capacity;
      if (this.#seen[slot] === 1) {
        this.#seen[slot] = 0;
        continue;
      }
      this.#unlink(slot);
      this.evicted++;
      return slot;
    }
  }

  /** Deletion by shifting back (Knuth, TAOCP 6.4 algorithm R): no tombstones, so probes stay short for ever. */
  #unlink(slot: number): void {
    let hole = (this.#hashes[slot] ?? 0) & this.#mask;
    while (this.#index[hole] !== slot + 1) hole = (hole + 1) & this.#mask;
    let at = hole;
    for (;;) {
      at = (at + 1) & this.#mask;
      const entry = this.#index[at] ?? 0;
      if (entry === 0) break;
      const home = (this.#hashes[entry - 1] ?? 0) & this.#mask;
      if (((at - home) & this.#mask) >= ((at - hole) & this.#mask)) {
        this.#index[hole] = entry;
        hole = at;
      }
    }
    this.#index[hole] = 0;
  }
}

/** Mixes as murmur3's finaliser does. Not keyed: a crowded bucket costs time within the table's bound, never memory. */
function hashWords(family: number, w0: number, w1: number, w2: number, w3: number): number {
  let hash = Math.imul(w0 ^ family, 0x85ebca6b);
  hash = Math.imul((hash ^ (hash >>> 15)) + w1, 0xc2b2ae35);
  hash = Math.imul((hash ^ (hash >>> 13)) + w2, 0x85ebca6b);
  hash = Math.imul((hash ^ (hash >>> 16)) + w3, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}
