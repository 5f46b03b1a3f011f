/**
 * What devices looked up, merged for the agent between two flushes: one row for the same device, name, server and outcome.
 * Pure, bounded. Called by name-watch.ts.
 */
import { MAX_LOOKUP_ADDRESSES, MAX_LOOKUP_ALIASES, type NameLookup } from '../messages/vocabulary.js';
import type { AddressAnswer } from './read-dns.js';

/** Rows of one event (messages/enforcer-messages.ts); what does not fit is counted. */
const MAX_PENDING = 1_000;

type Row = { -readonly [K in keyof NameLookup]: NameLookup[K] };

export class NameLookups {
  #rows = new Map<string, Row>();
  dropped = 0;

  add(
    device: string | null,
    resolver: string,
    isTrusted: boolean,
    answer: AddressAnswer,
    nowMs: number,
  ): void {
    const { name, outcome, ttlSeconds } = answer;
    const key = `${device ?? ''} ${name} ${resolver} ${outcome}`;
    const addresses = answer.addresses.map(({ text }) => text);
    const row = this.#rows.get(key);
    if (row) {
      row.count += 1;
      row.lastMs = nowMs;
      // A and AAAA are two answers about one name.
      row.addresses = [...new Set([...row.addresses, ...addresses])].slice(0, MAX_LOOKUP_ADDRESSES);
      if (ttlSeconds !== null) row.ttlSeconds = Math.min(row.ttlSeconds ?? ttlSeconds, ttlSeconds);
      return;
    }
    if (this.#rows.size >= MAX_PENDING) {
      this.dropped += 1;
      return;
    }
    this.#rows.set(key, {
      device,
      name,
      resolver,
      isTrusted,
      outcome,
      addresses: addresses.slice(0, MAX_LOOKUP_ADDRESSES),
      aliases: answer.aliases.slice(0, MAX_LOOKUP_ALIASES),
      ttlSeconds,
      count: 1,
      firstMs: nowMs,
      lastMs: nowMs,
    });
  }

  take(): NameLookup[] {
    if (this.#rows.size === 0) return [];
    const taken = [...this.#rows.values()];
    this.#rows = new Map();
    return taken;
  }
}
