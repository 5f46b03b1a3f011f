/**
 * A hashed timer wheel (Varghese and Lauck, SOSP 1987): buckets of one second, entries are small integers linked through
 * typed arrays. Used by flow-table.ts. What is due later than one turn waits in the last bucket and is looked at again.
 * A bit for each bucket says whether it has entries: most seconds of a long capture have none, and 32 are passed over at once.
 */
/** A power of two: longer than all timeouts but that of an established connection. */
const BUCKETS = 1_024;
const NIL = -1;
/** One more list: what was found due and is not yet taken. */
const DUE = BUCKETS;
const WORDS = BUCKETS / 32;

export class TimerWheel {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The list an entry is in; NIL: in none. */
  readonly #list: Int16Array;
  readonly #heads = new Int32Array(BUCKETS + 1).fill(NIL);
  readonly #occupied = new Int32Array(WORDS);
  /** Seconds since 1970 that were looked at already; starts with the first call. */
  #second = Number.NEGATIVE_INFINITY;
  /** The second of the first bucket with entries, Infinity where all are empty; not known once that bucket is emptied. */
  #nextSecond = Infinity;
  #nextBucket = NIL;
  #isNextKnown = true;

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
    const bucket = bucketOf(second);
    if (this.#isNextKnown && second < this.#nextSecond) {
      this.#nextSecond = second;
      this.#nextBucket = bucket;
    }
    this.#link(entry, bucket);
  }

  /** Everything due up to now can be taken after this. A clock that goes back does nothing. */
  advance(second: number): void {
    if (this.#second === Number.NEGATIVE_INFINITY) this.#second = second - 1;
    if (second <= this.#second) return;
    if (this.#isNextKnown && second < this.#nextSecond) {
      this.#second = second;
      return;
    }
    const first = bucketOf(this.#second + 1);
    const seconds = second - this.#second;
    for (let ahead = this.#ahead(first); ahead < seconds; ahead = this.#ahead(first))
      this.#makeDue((first + ahead) & (BUCKETS - 1));
    this.#second = second;
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
    if (!this.#isNextKnown) {
      const first = bucketOf(this.#second + 1);
      const ahead = this.#ahead(first);
      this.#nextSecond = this.#second + 1 + ahead;
      this.#nextBucket = ahead === Infinity ? NIL : (first + ahead) & (BUCKETS - 1);
      this.#isNextKnown = true;
    }
    return this.#nextSecond;
  }

  /** The entry that is looked at next, left where it is; -1 in an empty wheel. */
  next(): number {
    const first = bucketOf(this.#second + 1);
    const ahead = this.#ahead(first);
    return this.#heads[ahead === Infinity ? DUE : (first + ahead) & (BUCKETS - 1)] ?? NIL;
  }

  /** Does nothing for an entry that is in no list. */
  remove(entry: number): void {
    const list = this.#list[entry] ?? NIL;
    if (list === NIL) return;
    const next = this.#next[entry] ?? NIL;
    const previous = this.#previous[entry] ?? NIL;
    if (previous === NIL) {
      this.#heads[list] = next;
      if (next === NIL && list !== DUE) {
        this.#occupied[list >> 5] = this.#word(list >> 5) & ~(1 << (list & 31));
        if (list === this.#nextBucket) this.#isNextKnown = false;
      }
    } else this.#next[previous] = next;
    if (next !== NIL) this.#previous[next] = previous;
    this.#list[entry] = NIL;
  }

  /** How many buckets from this one on are empty; Infinity when all are. */
  #ahead(first: number): number {
    const start = first >> 5;
    const within = this.#word(start) >>> (first & 31);
    if (within !== 0) return lowestBit(within);
    // The word in which it began comes last once more, for the buckets before it.
    for (let words = 1; words <= WORDS; words++) {
      const word = this.#word((start + words) & (WORDS - 1));
      if (word !== 0) return words * 32 - (first & 31) + lowestBit(word);
    }
    return Infinity;
  }

  #word(index: number): number {
    return this.#occupied[index] ?? 0;
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
    else if (list !== DUE) this.#occupied[list >> 5] = this.#word(list >> 5) | (1 << (list & 31));
    this.#heads[list] = entry;
  }
}

function bucketOf(second: number): number {
  return ((second % BUCKETS) + BUCKETS) % BUCKETS;
}

/** Of a number that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
