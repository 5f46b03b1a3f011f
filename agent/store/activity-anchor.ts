/** The head of the activity log as the database last saw it: a log that is shorter at the next start was cut. Used through store.ts. */
import type Database from 'better-sqlite3';
import type { Head } from '../activity/entry.js';

export class ActivityAnchorTable {
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  put({ seq, hash }: Head): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO activity_anchor (id, seq, hash) VALUES (1, ?, ?)')
      .run(seq, hash);
  }

  get(): Head | null {
    return this.#db.prepare<[], Head>('SELECT seq, hash FROM activity_anchor').get() ?? null;
  }
}
