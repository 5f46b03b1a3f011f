/** What was refused, one row for each device, side, peer, protocol, port and reason, with a count. Used through store.ts. */
import type Database from 'better-sqlite3';
import { refusalRow, type RefusalRow } from '../messages/agent-messages.js';
import type { ConnectionSummary, RefusalReason } from '../messages/vocabulary.js';

/** One sweep of all ports of one host is 65,535 rows. Past this the row refused longest ago goes first. */
export const MAX_REFUSALS = 100_000;
/** Pruned this many at a time, so that a full table does not cost a deletion for each row. */
const PRUNE_STEP = 1_000;

export type Refusal = ConnectionSummary & { readonly refused: RefusalReason };

export class RefusalTable {
  dropped = 0;
  readonly #db: Database.Database;
  readonly #limit: number;
  #total = 0;

  constructor(db: Database.Database, limit = MAX_REFUSALS) {
    this.#db = db;
    this.#limit = limit;
    this.recount();
  }

  recount(): void {
    this.#total = this.#db.prepare<[], number>('SELECT count(*) FROM refusals').pluck().get() ?? 0;
  }

  add(refusal: Refusal): void {
    const key = keyOf(refusal);
    const updated = this.#db
      .prepare(
        `UPDATE refusals SET count = count + ?, first_ms = min(first_ms, ?), last_ms = max(last_ms, ?),
           device_address = coalesce(?, device_address) WHERE key = ?`,
      )
      .run(refusal.count, refusal.firstMs, refusal.lastMs, refusal.deviceAddress, key).changes;
    if (updated > 0) return;
    this.#db
      .prepare(
        `INSERT INTO refusals (key, device, device_mac, from_side, device_address, peer, protocol, port, reason, count,
           first_ms, last_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        key,
        refusal.device,
        refusal.deviceMac,
        refusal.from,
        refusal.deviceAddress,
        refusal.peer,
        refusal.protocol,
        refusal.port,
        refusal.refused,
        refusal.count,
        refusal.firstMs,
        refusal.lastMs,
      );
    this.#total += 1;
    this.#prune();
  }

  /** Latest first. `device` is a policy name or a MAC. */
  list(limit: number, device: string | null): { rows: RefusalRow[]; total: number } {
    const columns = `device, device_mac AS deviceMac, from_side AS "from", device_address AS deviceAddress, peer, protocol,
      port, reason, count, first_ms AS firstMs, last_ms AS lastMs`;
    if (device === null) {
      const rows = this.#db
        .prepare<[number]>(`SELECT ${columns} FROM refusals ORDER BY last_ms DESC LIMIT ?`)
        .all(limit);
      return { rows: rows.map((row) => refusalRow.parse(row)), total: this.#total };
    }
    const where = 'FROM refusals WHERE device = ? OR device_mac = lower(?)';
    const rows = this.#db
      .prepare<[string, string, number]>(`SELECT ${columns} ${where} ORDER BY last_ms DESC LIMIT ?`)
      .all(device, device, limit);
    const total = this.#db
      .prepare<[string, string], number>(`SELECT count(*) ${where}`)
      .pluck()
      .get(device, device);
    return { rows: rows.map((row) => refusalRow.parse(row)), total: total ?? 0 };
  }

  get total(): number {
    return this.#total;
  }

  #prune(): void {
    if (this.#total <= this.#limit) return;
    const gone = this.#db
      .prepare('DELETE FROM refusals WHERE key IN (SELECT key FROM refusals ORDER BY last_ms LIMIT ?)')
      .run(Math.min(PRUNE_STEP, Math.ceil(this.#limit / 10))).changes;
    this.#total -= gone;
    this.dropped += gone;
  }
}

function keyOf(refusal: Refusal): string {
  const device = refusal.device ?? refusal.deviceMac ?? refusal.deviceAddress;
  return JSON.stringify([
    device,
    refusal.from,
    refusal.peer,
    refusal.protocol,
    refusal.port,
    refusal.refused,
  ]);
}
