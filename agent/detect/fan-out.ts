/**
 * Counts distinct members of a group within a sliding window: distinct ports of one host, distinct hosts of one service.
 * Exact, in bounded memory: one list of all members, oldest sighting first, so that expiry and making room are the same
 * step. Used by every detector that counts who meets whom; allocates nothing after it was made. Pure.
 *
 * Memory: about 33 bytes a member and 68 a group, reserved at the start (the pages are touched as they are used).
 */
import { hash3 } from './slot-table.js';

export interface FanOutLimits {
  /** Members remembered over all groups; a power of two. When full, the member seen longest ago makes room and is counted. */
  readonly members: number;
  /** Members remembered of one group, so that one flood does not push everybody else out. */
  readonly membersPerGroup: number;
}

const NIL = -1;

export class FanOut {
  /** Members that had to make room before their window ended. */
  evicted = 0;
  /** Sightings of new members of a group that was at its limit: its distinct count is then "at least". */
  beyondLimit = 0;
  members = 0;
  groups = 0;

  readonly #windowMs: number;
  readonly #limits: FanOutLimits;
  readonly #mask: number;
  #newestMs = -Infinity;

  // Members: a list by last sighting, and an index by (group, member).
  readonly #memberGroup: Int32Array;
  readonly #memberValue: Int32Array;
  readonly #memberSeenMs: Float64Array;
  /** 1: known, but not one of the distinct ones. */
  readonly #isDiscounted: Uint8Array;
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  readonly #memberIndex: Int32Array;
  #oldest = NIL;
  #newest = NIL;
  #freeMember = NIL;
  #usedMembers = 0;

  // Groups: three key numbers, and what is known of them.
  readonly #keyA: Int32Array;
  readonly #keyB: Int32Array;
  readonly #keyC: Int32Array;
  readonly #groupIndex: Int32Array;
  /** Its members, and those of them that count. */
  readonly #size: Int32Array;
  readonly #distinct: Int32Array;
  readonly #peak: Int32Array;
  readonly #events: Float64Array;
  readonly #firstMs: Float64Array;
  readonly #serial: Int32Array;
  readonly #finding: Int32Array;
  #freeGroup = NIL;
  #usedGroups = 0;
  #nextSerial = 1;

  constructor(windowMs: number, limits: FanOutLimits) {
    const size = limits.members;
    if (size < 2 || (size & (size - 1)) !== 0)
      throw new RangeError(`fan-out: ${size} members is not a power of two`);
    this.#windowMs = windowMs;
    this.#limits = limits;
    this.#mask = size * 2 - 1;
    this.#memberGroup = new Int32Array(size);
    this.#memberValue = new Int32Array(size);
    this.#memberSeenMs = new Float64Array(size);
    this.#isDiscounted = new Uint8Array(size);
    this.#older = new Int32Array(size);
    this.#newer = new Int32Array(size);
    this.#memberIndex = new Int32Array(size * 2);
    this.#keyA = new Int32Array(size);
    this.#keyB = new Int32Array(size);
    this.#keyC = new Int32Array(size);
    this.#groupIndex = new Int32Array(size * 2);
    this.#size = new Int32Array(size);
    this.#distinct = new Int32Array(size);
    this.#peak = new Int32Array(size);
    this.#events = new Float64Array(size);
    this.#firstMs = new Float64Array(size);
    this.#serial = new Int32Array(size);
    this.#finding = new Int32Array(size);
  }

  /** Counts one sighting; returns the group's slot, valid until the next call that adds or expires. Keys and member are int32. */
  add(a: number, b: number, c: number, member: number, nowMs: number): number {
    this.expire(nowMs);
    let group = this.#findGroup(a, b, c);
    if (group === NIL) {
      // A group has at least one member, so room for a member is room for a group.
      if (this.members === this.#limits.members) this.#evictOldest();
      group = this.#addGroup(a, b, c);
    }
    this.#events[group] = (this.#events[group] ?? 0) + 1;
    const known = this.#findMember(group, member);
    if (known !== NIL) {
      this.#unlink(known);
      this.#append(known);
    } else if ((this.#size[group] ?? 0) >= this.#limits.membersPerGroup) {
      this.beyondLimit++;
    } else {
      this.#addMember(group, member);
    }
    return group;
  }

  /** The slot of a group that has members, or -1. Counts nothing. */
  find(a: number, b: number, c: number): number {
    return this.#findGroup(a, b, c);
  }

  /** True if the member was seen in the group within the window. */
  has(a: number, b: number, c: number, member: number): boolean {
    const group = this.#findGroup(a, b, c);
    return group !== NIL && this.#findMember(group, member) !== NIL;
  }

  /**
   * It turned out that this member is none of those to be counted: it stays in the group, uncounted, until it leaves the window. False: it was
   * not counted.
   */
  discount(a: number, b: number, c: number, member: number): boolean {
    const group = this.#findGroup(a, b, c);
    const slot = group === NIL ? NIL : this.#findMember(group, member);
    if (slot === NIL || this.#isDiscounted[slot] === 1) return false;
    this.#isDiscounted[slot] = 1;
    this.#distinct[group] = (this.#distinct[group] ?? 0) - 1;
    return true;
  }

  /** Drops what left the window. A clock that was set back by more than a window makes everything forgotten: nothing else is sure. */
  expire(nowMs: number): void {
    if (nowMs < this.#newestMs - this.#windowMs) {
      while (this.#oldest !== NIL) this.#remove(this.#oldest);
      this.#newestMs = nowMs;
    }
    if (nowMs > this.#newestMs) this.#newestMs = nowMs;
    const limit = this.#newestMs - this.#windowMs;
    while (this.#oldest !== NIL && (this.#memberSeenMs[this.#oldest] ?? 0) < limit)
      this.#remove(this.#oldest);
  }

  distinct(group: number): number {
    return this.#distinct[group] ?? 0;
  }

  /** The most distinct members that were within one window. */
  peak(group: number): number {
    return this.#peak[group] ?? 0;
  }

  events(group: number): number {
    return this.#events[group] ?? 0;
  }

  firstMs(group: number): number {
    return this.#firstMs[group] ?? 0;
  }

  /** Changes when a slot is used for another group, so that whoever remembers a slot knows whether it is still the same. */
  serial(group: number): number {
    return this.#serial[group] ?? 0;
  }

  /** The id of the open finding about this group; 0 is none. */
  finding(group: number): number {
    return this.#finding[group] ?? 0;
  }

  setFinding(group: number, id: number): void {
    this.#finding[group] = id;
  }

  isAtLimit(group: number): boolean {
    return (this.#size[group] ?? 0) >= this.#limits.membersPerGroup;
  }

  /** The first members of a group in the window that count, in order of their last sighting. Walks the whole list: cold path. */
  examples(group: number, limit: number): number[] {
    const found: number[] = [];
    for (let at = this.#oldest; at !== NIL && found.length < limit; at = this.#newer[at] ?? NIL)
      if (this.#memberGroup[at] === group && this.#isDiscounted[at] === 0)
        found.push(this.#memberValue[at] ?? 0);
    return found;
  }

  #findGroup(a: number, b: number, c: number): number {
    let at = hash3(a, b, c) & this.#mask;
    for (;;) {
      const slot = (this.#groupIndex[at] ?? 0) - 1;
      if (slot === NIL) return NIL;
      if (this.#keyA[slot] === a && this.#keyB[slot] === b && this.#keyC[slot] === c) return slot;
      at = (at + 1) & this.#mask;
    }
  }

  #addGroup(a: number, b: number, c: number): number {
    let slot = this.#freeGroup;
    if (slot === NIL) slot = this.#usedGroups++;
    else this.#freeGroup = this.#keyA[slot] ?? NIL;
    this.#keyA[slot] = a;
    this.#keyB[slot] = b;
    this.#keyC[slot] = c;
    this.#size[slot] = 0;
    this.#distinct[slot] = 0;
    this.#peak[slot] = 0;
    this.#events[slot] = 0;
    this.#firstMs[slot] = this.#newestMs;
    this.#finding[slot] = 0;
    this.#serial[slot] = this.#nextSerial;
    this.#nextSerial = (this.#nextSerial + 1) | 0 || 1;
    let at = hash3(a, b, c) & this.#mask;
    while ((this.#groupIndex[at] ?? 0) !== 0) at = (at + 1) & this.#mask;
    this.#groupIndex[at] = slot + 1;
    this.groups++;
    return slot;
  }

  #findMember(group: number, member: number): number {
    let at = hash3(group, member, 0) & this.#mask;
    for (;;) {
      const slot = (this.#memberIndex[at] ?? 0) - 1;
      if (slot === NIL) return NIL;
      if (this.#memberGroup[slot] === group && this.#memberValue[slot] === member) return slot;
      at = (at + 1) & this.#mask;
    }
  }

  #addMember(group: number, member: number): void {
    // Counted first, so that the group survives the loss of its own oldest member.
    this.#size[group] = (this.#size[group] ?? 0) + 1;
    this.#distinct[group] = (this.#distinct[group] ?? 0) + 1;
    if (this.members === this.#limits.members) this.#evictOldest();
    let slot = this.#freeMember;
    if (slot === NIL) slot = this.#usedMembers++;
    else this.#freeMember = this.#newer[slot] ?? NIL;
    this.#memberGroup[slot] = group;
    this.#memberValue[slot] = member;
    this.#isDiscounted[slot] = 0;
    let at = hash3(group, member, 0) & this.#mask;
    while ((this.#memberIndex[at] ?? 0) !== 0) at = (at + 1) & this.#mask;
    this.#memberIndex[at] = slot + 1;
    this.#append(slot);
    this.members++;
    if (this.distinct(group) > this.peak(group)) this.#peak[group] = this.distinct(group);
  }

  #evictOldest(): void {
    this.evicted++;
    this.#remove(this.#oldest);
  }

  #remove(slot: number): void {
    const group = this.#memberGroup[slot] ?? 0;
    this.#unlink(slot);
    this.#shiftOutMember(slot);
    this.#newer[slot] = this.#freeMember;
    this.#freeMember = slot;
    this.members--;
    const left = (this.#size[group] ?? 0) - 1;
    this.#size[group] = left;
    if (this.#isDiscounted[slot] === 0) this.#distinct[group] = (this.#distinct[group] ?? 0) - 1;
    if (left > 0) return;
    this.#shiftOutGroup(group);
    this.#serial[group] = 0;
    this.#keyA[group] = this.#freeGroup;
    this.#freeGroup = group;
    this.groups--;
  }

  #append(slot: number): void {
    this.#memberSeenMs[slot] = this.#newestMs;
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NIL;
    if (this.#newest === NIL) this.#oldest = slot;
    else this.#newer[this.#newest] = slot;
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const older = this.#older[slot] ?? NIL;
    const newer = this.#newer[slot] ?? NIL;
    if (older === NIL) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NIL) this.#newest = older;
    else this.#older[newer] = older;
  }

  /** Deletion by shifting back (Knuth, TAOCP 6.4 algorithm R): no tombstones, so probes stay short for ever. */
  #shiftOutMember(slot: number): void {
    const index = this.#memberIndex;
    let hole = hash3(this.#memberGroup[slot] ?? 0, this.#memberValue[slot] ?? 0, 0) & this.#mask;
    while (index[hole] !== slot + 1) hole = (hole + 1) & this.#mask;
    for (let at = (hole + 1) & this.#mask; (index[at] ?? 0) !== 0; at = (at + 1) & this.#mask) {
      const other = (index[at] ?? 0) - 1;
      const home = hash3(this.#memberGroup[other] ?? 0, this.#memberValue[other] ?? 0, 0) & this.#mask;
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      index[hole] = other + 1;
      hole = at;
    }
    index[hole] = 0;
  }

  #shiftOutGroup(slot: number): void {
    const index = this.#groupIndex;
    let hole = hash3(this.#keyA[slot] ?? 0, this.#keyB[slot] ?? 0, this.#keyC[slot] ?? 0) & this.#mask;
    while (index[hole] !== slot + 1) hole = (hole + 1) & this.#mask;
    for (let at = (hole + 1) & this.#mask; (index[at] ?? 0) !== 0; at = (at + 1) & this.#mask) {
      const other = (index[at] ?? 0) - 1;
      const home = hash3(this.#keyA[other] ?? 0, this.#keyB[other] ?? 0, this.#keyC[other] ?? 0) & this.#mask;
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      index[hole] = other + 1;
      hole = at;
    }
    index[hole] = 0;
  }
}
