/** Devices seen behind the box, one row a MAC. Used through store.ts. */
import type Database from 'better-sqlite3';
import { z } from 'zod';
import type { DeviceRow } from '../messages/agent-messages.js';
import type { SeenDevice } from '../messages/vocabulary.js';

/** A device that makes up MACs must not fill the disk; the one seen longest ago goes first. */
export const MAX_DEVICES = 50_000;
/** A device that makes up addresses likewise. */
export const MAX_ADDRESSES_PER_DEVICE = 64;
/** `last seen` is written no more often than this, to spare the card; the inventory in memory has it to the second. */
const LAST_SEEN_STEP_MS = 6 * 3_600_000;

interface Row {
  mac: string;
  name: string | null;
  port: string | null;
  addresses: string;
  first_ms: number;
  last_ms: number;
}

export type DeviceNews = 'new' | 'renamed' | 'known';

export class DeviceTable {
  dropped = 0;
  readonly #db: Database.Database;
  #total = 0;

  constructor(db: Database.Database) {
    this.#db = db;
    this.recount();
  }

  recount(): void {
    this.#total = this.#db.prepare<[], number>('SELECT count(*) FROM devices').pluck().get() ?? 0;
  }

  /** Merges a sighting into what is known. */
  see(seen: SeenDevice): DeviceNews {
    const before = this.#db.prepare<[string], Row>('SELECT * FROM devices WHERE mac = ?').get(seen.mac);
    if (!before) {
      this.#write({ ...seen, addresses: mergedAddresses([], seen.addresses) });
      this.#total += 1;
      this.#prune();
      return 'new';
    }
    const known = parseAddresses(before.addresses);
    const after = {
      mac: seen.mac,
      name: seen.name,
      port: seen.port ?? before.port,
      addresses: mergedAddresses(known, seen.addresses),
      firstMs: Math.min(before.first_ms, seen.firstMs),
      lastMs: Math.max(before.last_ms, seen.lastMs),
    };
    const isChanged =
      after.name !== before.name ||
      after.port !== before.port ||
      after.addresses.some((address) => !known.includes(address)) ||
      after.firstMs !== before.first_ms;
    if (isChanged || after.lastMs - before.last_ms >= LAST_SEEN_STEP_MS) this.#write(after);
    return after.name === before.name ? 'known' : 'renamed';
  }

  /** Latest seen first. */
  list(limit: number): { rows: DeviceRow[]; total: number } {
    const rows = this.#db
      .prepare<[number], Row>('SELECT * FROM devices ORDER BY last_ms DESC LIMIT ?')
      .all(limit);
    return {
      rows: rows.map((row) => ({
        mac: row.mac,
        name: row.name,
        port: row.port,
        addresses: parseAddresses(row.addresses),
        firstMs: row.first_ms,
        lastMs: row.last_ms,
      })),
      total: this.#total,
    };
  }

  get total(): number {
    return this.#total;
  }

  #write(device: SeenDevice): void {
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO devices (mac, name, port, addresses, first_ms, last_ms) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(
        device.mac,
        device.name,
        device.port,
        JSON.stringify(device.addresses),
        device.firstMs,
        device.lastMs,
      );
  }

  #prune(): void {
    if (this.#total <= MAX_DEVICES) return;
    const gone = this.#db
      .prepare('DELETE FROM devices WHERE mac IN (SELECT mac FROM devices ORDER BY last_ms LIMIT ?)')
      .run(this.#total - MAX_DEVICES).changes;
    this.#total -= gone;
    this.dropped += gone;
  }
}

/** The latest kept ones, in the order they were last learnt. */
function mergedAddresses(known: readonly string[], seen: readonly string[]): string[] {
  const isSettled = seen.every((address) => known.includes(address));
  const merged = isSettled
    ? [...known]
    : [...known.filter((address) => !seen.includes(address)), ...new Set(seen)];
  return merged.slice(-MAX_ADDRESSES_PER_DEVICE);
}

function parseAddresses(json: string): string[] {
  return z.array(z.string()).parse(JSON.parse(json));
}
