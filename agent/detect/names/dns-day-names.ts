/**
 * Names that look like data under one registered domain within a day, however slowly they are asked for (Nadler et al., "Detection of Malicious
 * and Low Throughput Data Exfiltration Over the DNS Protocol", 2019). Three kinds, each counted by itself: very long ones, of which few are
 * enough; ones drawn by lot that ask for text or another name, which carries orders inwards; and long ones drawn by lot. Called by
 * dns-tunnel.ts. Bounded, allocates nothing after it was made.
 */
import type { DnsQuestion } from './dns-question.js';
import type { DetectSettings } from '../settings.js';
import { SlotTable } from '../slot-table.js';

/** Of what stands before the domain. The longest of clouds, reputation look-ups and IPv6's reverse names have about 70. */
const LONG_NAME_BYTES = 100;
/** No service names its hosts so. */
const LONG_NAMES = 20;
/** In labels drawn by lot; storage and CDNs have 24 to 37 there, and an UUID has 36. */
const DRAWN_BYTES = 45;
/** Answers that are names (RFC 1035 section 3.3). */
const TYPE_CNAME = 5;
const TYPE_MX = 15;
const WINDOW_MS = 86_400_000;
/** (device, domain), of each kind; 110 bytes each. */
const DOMAINS = 1_024;
/** Linear counting of names: of a hundred, nine share a bit, so that it takes some more. */
const BITS = 512;
const WORDS = BITS / 32;

export interface DayOfNames {
  /** Names, at least. */
  readonly count: number;
  readonly isLong: boolean;
  readonly sinceMs: number;
}

export class DayNames {
  readonly #settings: DetectSettings['dnsTunnel'];
  readonly #long = new CountedNames();
  readonly #texts = new CountedNames();
  readonly #drawn = new CountedNames();

  constructor(settings: DetectSettings['dnsTunnel']) {
    this.#settings = settings;
  }

  get evicted(): number {
    return this.#long.evicted + this.#texts.evicted + this.#drawn.evicted;
  }

  /** One more question below a domain; null unless there are enough of its kind within a day. Allocates only then. */
  add(
    question: DnsQuestion,
    subject: number,
    drawnBytes: number,
    isText: boolean,
    nowMs: number,
  ): DayOfNames | null {
    if (question.subdomainBytes >= LONG_NAME_BYTES) {
      const sinceMs = this.#long.add(question, subject, LONG_NAMES, nowMs);
      if (sinceMs > 0) return { count: LONG_NAMES, isLong: true, sinceMs };
    }
    if (drawnBytes === 0) return null;
    const { textNamesPerDay, drawnNamesPerDay } = this.#settings;
    if (isText || question.type === TYPE_CNAME || question.type === TYPE_MX) {
      const sinceMs = this.#texts.add(question, subject, textNamesPerDay, nowMs);
      return sinceMs > 0 ? { count: textNamesPerDay, isLong: false, sinceMs } : null;
    }
    if (drawnBytes < DRAWN_BYTES) return null;
    const sinceMs = this.#drawn.add(question, subject, drawnNamesPerDay, nowMs);
    return sinceMs > 0 ? { count: drawnNamesPerDay, isLong: false, sinceMs } : null;
  }
}

class CountedNames {
  readonly #domains = new SlotTable(DOMAINS);
  readonly #seen = new Int32Array(DOMAINS * WORDS);
  readonly #names = new Int32Array(DOMAINS);
  readonly #sinceMs = new Float64Array(DOMAINS);

  get evicted(): number {
    return this.#domains.evicted;
  }

  /** The time of the first when there are enough within a day, else 0. */
  add({ domain, subdomain }: DnsQuestion, subject: number, enough: number, nowMs: number): number {
    const slot = this.#domains.intern(subject, domain, 0);
    const sinceMs = nowMs - (this.#sinceMs[slot] ?? 0);
    if (this.#domains.isNew || sinceMs < 0 || sinceMs > WINDOW_MS) {
      this.#seen.fill(0, slot * WORDS, (slot + 1) * WORDS);
      this.#names[slot] = 0;
      this.#sinceMs[slot] = nowMs;
    }
    const bit = (subdomain >>> 7) % BITS;
    const word = slot * WORDS + (bit >> 5);
    const mask = 1 << (bit & 31);
    if (((this.#seen[word] ?? 0) & mask) === 0) {
      this.#seen[word] = (this.#seen[word] ?? 0) | mask;
      this.#names[slot] = (this.#names[slot] ?? 0) + 1;
    }
    return (this.#names[slot] ?? 0) >= enough ? (this.#sinceMs[slot] ?? nowMs) : 0;
  }
}
