/** What the enforcer did or noticed, in order: the box's own log for an audit. Used through store.ts. */
import type Database from 'better-sqlite3';
import { stateChange, type StateChange } from '../messages/vocabulary.js';

/** Past this the oldest go first. */
export const MAX_STATE_CHANGES = 50_000;

export class StateChangeTable {
  dropped = 0;
  readonly #db: Database.Database;
  #total = 0;

  constructor(db: Database.Database) {
    this.#db = db;
    this.recount();
  }

  recount(): void {
    this.#total = this.#db.prepare<[], number>('SELECT count(*) FROM state_changes').pluck().get() ?? 0;
  }

  add(change: StateChange): void {
    this.#db
      .prepare('INSERT INTO state_changes (at_ms, body) VALUES (?, ?)')
      .run(change.atMs, JSON.stringify(change));
    this.#total += 1;
    if (this.#total <= MAX_STATE_CHANGES) return;
    const gone = this.#db
      .prepare(
        'DELETE FROM state_changes WHERE seq IN (SELECT seq FROM state_changes ORDER BY seq LIMIT 100)',
      )
      .run().changes;
    this.#total -= gone;
    this.dropped += gone;
  }

  /** Latest first. */
  list(limit: number): StateChange[] {
    return this.#db
      .prepare<[number], { body: string }>('SELECT body FROM state_changes ORDER BY seq DESC LIMIT ?')
      .all(limit)
      .map((row) => stateChange.parse(JSON.parse(row.body)));
  }
}
