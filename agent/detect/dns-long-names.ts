/**
 * Names of a hundred bytes and more, however slowly they are asked for: twenty different ones under one domain within a day are data that
 * leaves in small pieces (Nadler et al., "Detection of Malicious and Low Throughput Data Exfiltration Over the DNS Protocol", 2019), as
 * no service names its hosts so. Called by dns-tunnel.ts. Bounded, allocates nothing after it was made.
 */
import { SlotTable } from './slot-table.js';

/** Of what stands before the domain. The longest of clouds, reputation look-ups and IPv6's reverse names have about 70. */
export const LONG_NAME_BYTES = 100;
export const LONG_NAMES = 20;
const WINDOW_MS = 86_400_000;
/** (device, domain). */
const DOMAINS = 1_024;
/** Linear counting of names, in two words of 32 bits. */
const BITS = 64;

export class LongNames {
  readonly #domains = new SlotTable(DOMAINS);
  readonly #seen = new Int32Array(DOMAINS * 2);
  readonly #names = new Int32Array(DOMAINS);
  readonly #sinceMs = new Float64Array(DOMAINS);

  get evicted(): number {
    return this.#domains.evicted;
  }

  /** One more such name, by hashes. The time of the first when there are enough within a day, else 0. */
  add(subject: number, domain: number, name: number, nowMs: number): number {
    const slot = this.#domains.intern(subject, domain, 0);
    const sinceMs = nowMs - (this.#sinceMs[slot] ?? 0);
    if (this.#domains.isNew || sinceMs < 0 || sinceMs > WINDOW_MS) {
      this.#seen.fill(0, slot * 2, slot * 2 + 2);
      this.#names[slot] = 0;
      this.#sinceMs[slot] = nowMs;
    }
    const bit = (name >>> 7) % BITS;
    const word = slot * 2 + (bit >> 5);
    const mask = 1 << (bit & 31);
    if (((this.#seen[word] ?? 0) & mask) === 0) {
      this.#seen[word] = (this.#seen[word] ?? 0) | mask;
      this.#names[slot] = (this.#names[slot] ?? 0) + 1;
    }
    return (this.#names[slot] ?? 0) >= LONG_NAMES ? (this.#sinceMs[slot] ?? nowMs) : 0;
  }
}
