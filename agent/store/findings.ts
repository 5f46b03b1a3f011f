/** Findings, the latest state of each by its key. Used through store.ts. */
import type Database from 'better-sqlite3';
import { finding, type Finding } from '../messages/vocabulary.js';

/** Past this, closed ones that ended longest ago go first, then open ones. */
export const MAX_FINDINGS = 20_000;

interface Row {
  body: string;
  reported_ms: number | null;
}

export interface StoredFinding {
  readonly finding: Finding;
  /** When it last went upstream. */
  readonly reportedMs: number | null;
}

export class FindingTable {
  dropped = 0;
  readonly #db: Database.Database;
  #total = 0;

  constructor(db: Database.Database) {
    this.#db = db;
    this.recount();
  }

  recount(): void {
    this.#total = this.#db.prepare<[], number>('SELECT count(*) FROM findings').pluck().get() ?? 0;
  }

  get(key: string): StoredFinding | null {
    const row = this.#db
      .prepare<[string], Row>('SELECT body, reported_ms FROM findings WHERE key = ?')
      .get(key);
    return row ? { finding: parseBody(row.body), reportedMs: row.reported_ms } : null;
  }

  put(item: Finding, reportedMs: number | null): void {
    const isNew = this.get(item.key) === null;
    // Not REPLACE: it gives the row another number, and the index of keys is written too.
    this.#db
      .prepare(
        `INSERT INTO findings (key, device, state, last_ms, reported_ms, body) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET device = excluded.device, state = excluded.state, last_ms = excluded.last_ms,
           reported_ms = excluded.reported_ms, body = excluded.body`,
      )
      .run(item.key, item.device, item.state, item.lastMs, reportedMs, JSON.stringify(item));
    if (!isNew) return;
    this.#total += 1;
    this.#prune();
  }

  /** Latest first. `device` is a policy name or a MAC. */
  list(
    limit: number,
    device: string | null,
    state: Finding['state'] | null,
  ): { rows: Finding[]; total: number } {
    const where = `FROM findings
      WHERE (@device IS NULL OR device = @device OR json_extract(body, '$.deviceMac') = lower(@device))
        AND (@state IS NULL OR state = @state)`;
    const rows = this.#db
      .prepare<[object], { body: string }>(`SELECT body ${where} ORDER BY last_ms DESC LIMIT @limit`)
      .all({ device, state, limit });
    const total = this.#db
      .prepare<[object], number>(`SELECT count(*) ${where}`)
      .pluck()
      .get({ device, state });
    return { rows: rows.map((row) => parseBody(row.body)), total: total ?? 0 };
  }

  /** Every open one of a detector that has few. */
  openOf(detector: string): Finding[] {
    return this.#db
      .prepare<[string], { body: string }>(
        "SELECT body FROM findings WHERE state = 'open' AND json_extract(body, '$.detector') = ?",
      )
      .all(detector)
      .map(({ body }) => parseBody(body));
  }

  get total(): number {
    return this.#total;
  }

  #prune(): void {
    if (this.#total <= MAX_FINDINGS) return;
    const gone = this.#db
      .prepare(
        `DELETE FROM findings WHERE key IN
           (SELECT key FROM findings ORDER BY CASE state WHEN 'closed' THEN 0 ELSE 1 END, last_ms LIMIT ?)`,
      )
      .run(this.#total - MAX_FINDINGS + 100).changes;
    this.#total -= gone;
    this.dropped += gone;
  }
}

function parseBody(body: string): Finding {
  return finding.parse(JSON.parse(body));
}
