/**
 * Some 54,000 MAC prefixes with the names behind them in under 2 MB: as a Map of strings they took 8 of the 80 MB that the agent is to
 * live in. Used by makers.ts. Pure.
 */

/** Prefixes of 6, 7 or 9 hex digits; a digit in front keeps 00000C and 00000C0 apart. Under 2 to the 53. */
function keyOf(prefix: string): number {
  return Number.parseInt(`1${prefix}`, 16);
}

export class PackedMakers {
  /** Ascending. */
  readonly #keys: Float64Array;
  /** Of each key the first byte of its name in `#names`, where a length byte stands. */
  readonly #at: Uint32Array;
  readonly #names: Uint8Array;
  readonly size: number;

  /** Of the same prefix the last name counts. Names are cut at 255 bytes of UTF-8. */
  constructor(entries: Iterable<readonly [prefix: string, name: string]>) {
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
    this.#keys = Float64Array.from(byKey.keys()).sort();
    this.#at = Uint32Array.from(this.#keys, (key) => byKey.get(key) ?? 0);
    this.#names = names.slice(0, end);
    this.size = this.#keys.length;
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
