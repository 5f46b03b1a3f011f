/**
 * Some 54,000 MAC prefixes with the names behind them in under 2 MB: as a Map of strings they took 8 of the 80 MB that the agent is to
 * live in. Used by makers.ts. Pure.
 */

/** Prefixes of 6, 7 or 9 hex digits; a digit in front keeps 00000C and 00000C0 apart. Under 2 to the 53. */
function keyOf(prefix: string): number {
  return Number.parseInt(`1${prefix}`, 16);
}

/** Three 32-bit numbers, and four bytes so that what follows is aligned. */
const HEADER_BYTES = 16;
const ENTRY_BYTES = 12;
/** Read as a number of the machine, so a file of the other byte order is no such file. */
const MAGIC = 0x4d4b5231;

export class PackedMakers {
  /** Ascending. */
  readonly #keys: Float64Array;
  /** Of each key the first byte of its name in `#names`, where a length byte stands. */
  readonly #at: Uint32Array;
  readonly #names: Uint8Array;
  readonly size: number;

  private constructor(keys: Float64Array, at: Uint32Array, names: Uint8Array) {
    this.#keys = keys;
    this.#at = at;
    this.#names = names;
    this.size = keys.length;
  }

  /** Of the same prefix the last name counts. Names are cut at 255 bytes of UTF-8. */
  static of(entries: Iterable<readonly [prefix: string, name: string]>): PackedMakers {
    const encoder = new TextEncoder();
    const offsets = new Map<string, number>();
    const byKey = new Map<number, number>();
    let names = new Uint8Array(1 << 16);
    let end = 0;
    for (const [prefix, name] of entries) {
      let at = offsets.get(name);
      if (at === undefined) {
        const bytes = encoder.encode(name).subarray(0, 255);
        if (end + bytes.length + 1 > names.length) names = grown(names);
        at = end;
        names[end] = bytes.length;
        names.set(bytes, end + 1);
        end += bytes.length + 1;
        offsets.set(name, at);
      }
      byKey.set(keyOf(prefix), at);
    }
    const keys = Float64Array.from(byKey.keys()).sort();
    const at = Uint32Array.from(keys, (key) => byKey.get(key) ?? 0);
    return new PackedMakers(keys, at, names.slice(0, end));
  }

  /** What `toBytes` wrote, by a machine of the same byte order; null for anything else. `bytes` is used, not copied. */
  static fromBytes(bytes: Uint8Array): PackedMakers | null {
    const { buffer, byteOffset, length } = bytes;
    if (length < HEADER_BYTES || byteOffset % 8 !== 0) return null;
    const [magic, size = 0, namesLength = 0] = new Uint32Array(buffer, byteOffset, 3);
    const namesAt = HEADER_BYTES + size * ENTRY_BYTES;
    if (magic !== MAGIC || length !== namesAt + namesLength) return null;
    return new PackedMakers(
      new Float64Array(buffer, byteOffset + HEADER_BYTES, size),
      new Uint32Array(buffer, byteOffset + HEADER_BYTES + size * 8, size),
      bytes.subarray(namesAt),
    );
  }

  toBytes(): Uint8Array {
    const namesAt = HEADER_BYTES + this.size * ENTRY_BYTES;
    const bytes = new Uint8Array(namesAt + this.#names.length);
    new Uint32Array(bytes.buffer, 0, 3).set([MAGIC, this.size, this.#names.length]);
    new Float64Array(bytes.buffer, HEADER_BYTES, this.size).set(this.#keys);
    new Uint32Array(bytes.buffer, HEADER_BYTES + this.size * 8, this.size).set(this.#at);
    bytes.set(this.#names, namesAt);
    return bytes;
  }

  get(prefix: string): string | undefined {
    const key = keyOf(prefix);
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? 0) < key) low = middle + 1;
      else high = middle;
    }
    if (this.#keys[low] !== key) return undefined;
    const at = this.#at[low] ?? 0;
    return new TextDecoder().decode(this.#names.subarray(at + 1, at + 1 + (this.#names[at] ?? 0)));
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const twice = new Uint8Array(bytes.length * 2);
  twice.set(bytes);
  return twice;
}
