/** Public lists that a person loaded (`cordon data import`): one document of each kind, as it was checked. Used through store.ts. */
import type Database from 'better-sqlite3';

export type ReferenceKind = 'kev' | 'eol';

interface ReferenceDocument {
  readonly loadedMs: number;
  readonly by: string;
  readonly body: string;
}

export class ReferenceDataTable {
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  put(kind: ReferenceKind, { loadedMs, by, body }: ReferenceDocument): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO reference_data (kind, loaded_ms, by_who, body) VALUES (?, ?, ?, ?)')
      .run(kind, loadedMs, by, body);
  }

  get(kind: ReferenceKind): ReferenceDocument | null {
    const row = this.#db
      .prepare<[string], ReferenceDocument>(
        'SELECT loaded_ms AS loadedMs, by_who AS by, body FROM reference_data WHERE kind = ?',
      )
      .get(kind);
    return row ?? null;
  }
}
