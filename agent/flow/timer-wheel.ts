/**
 * A hashed timer wheel (Varghese and Lauck, SOSP 1987): buckets of one second, entries are small integers linked through
 * typed arrays. Used by flow-table.ts. What is due later than one turn waits in the last bucket and is looked at again.
 */
const BUCKETS = 512;
const NIL = -1;
/** One more list: what was found due and is not yet taken. */
const DUE = BUCKETS;

export class TimerWheel {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The list an entry is in; NIL: in none. */
  readonly #list: Int16Array;
  readonly #heads = new Int32Array(BUCKETS + 1).fill(NIL);
  /** Seconds since 1970 that were looked at already; starts with the first call. */
  #second = Number.NEGATIVE_INFINITY;
  /** No bucket before this second has an entry. */
  #leastSecond = Infinity;

  constructor(capacity: number) {
    this.#next = new Int32Array(capacity).fill(NIL);
    this.#previous = new Int32Array(capacity).fill(NIL);
    this.#list = new Int16Array(capacity).fill(NIL);
  }

  get byteLength(): number {
    return this.#next.byteLength + this.#previous.byteLength + this.#list.byteLength;
  }

  /** The entry must be in no list. Found due in `dueSecond`, or sooner where that is further than one turn. */
  add(entry: number, dueSecond: number): void {
    const first = this.#second + 1;
    const second = Math.min(Math.max(dueSecond, first), first + BUCKETS - 1);
    if (second < this.#leastSecond) this.#leastSecond = second;
    this.#link(entry, bucketOf(second));
  }

  /** Everything due up to now can be taken after this. A clock that goes back does nothing. */
  advance(second: number): void {
    if (this.#second === Number.NEGATIVE_INFINITY) this.#second = second - 1;
    if (second <= this.#second) return;
    const first = Math.max(this.#second + 1, this.#leastSecond);
    this.#second = second;
    // Most seconds of a long capture have nothing in them.
    if (first > second) return;
    let bucket = bucketOf(first);
    for (let left = Math.min(second - first + 1, BUCKETS); left > 0; left--) {
      this.#makeDue(bucket);
      bucket = (bucket + 1) & (BUCKETS - 1);
    }
    this.#leastSecond = second + 1;
  }

  /** One entry that is due, out of the wheel; -1 when there is none. */
  takeDue(): number {
    const entry = this.#heads[DUE] ?? NIL;
    if (entry !== NIL) this.remove(entry);
    return entry;
  }

  /** The second in which `advance` next finds something; Infinity in an empty wheel. */
  nextSecond(): number {
    if (this.#heads[DUE] !== NIL) return this.#second;
    const last = this.#second + BUCKETS;
    let second = Math.max(this.#second + 1, this.#leastSecond);
    while (second <= last && this.#heads[bucketOf(second)] === NIL) second++;
    this.#leastSecond = second <= last ? second : Infinity;
    return this.#leastSecond;
  }

  /** The entry that is looked at next, left where it is; -1 in an empty wheel. */
  next(): number {
    for (let ahead = 1; ahead <= BUCKETS; ahead++) {
      const entry = this.#heads[bucketOf(this.#second + ahead)] ?? NIL;
      if (entry !== NIL) return entry;
    }
    return this.#heads[DUE] ?? NIL;
  }

  /** Does nothing for an entry that is in no list. */
  remove(entry: number): void {
    const list = this.#list[entry] ?? NIL;
    if (list === NIL) return;
    const next = this.#next[entry] ?? NIL;
    const previous = this.#previous[entry] ?? NIL;
    if (previous === NIL) this.#heads[list] = next;
    else this.#next[previous] = next;
    if (next !== NIL) this.#previous[next] = previous;
    this.#list[entry] = NIL;
  }

  #makeDue(bucket: number): void {
    for (let entry = this.#heads[bucket] ?? NIL; entry !== NIL; entry = this.#heads[bucket] ?? NIL) {
      this.remove(entry);
      this.#link(entry, DUE);
    }
  }

  #link(entry: number, list: number): void {
    const head = this.#heads[list] ?? NIL;
    this.#next[entry] = head;
    this.#previous[entry] = NIL;
    this.#list[entry] = list;
    if (head !== NIL) this.#previous[head] = entry;
    this.#heads[list] = entry;
  }
}

function bucketOf(second: number): number {
  return ((second % BUCKETS) + BUCKETS) % BUCKETS;
}
