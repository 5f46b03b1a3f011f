/**
 * The commits of a SQLite database by the tables that they wrote to, read from its write-ahead log while another process writes it. Used by
 * disk-writes.ts and write-causes.ts; who uses it keeps a connection open so that the log is not removed under it.
 *
 * The log: https://www.sqlite.org/fileformat2.html#the_write_ahead_log; which page is whose: https://www.sqlite.org/dbstat.html.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type Database from 'better-sqlite3';

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Of the file system: a commit dirties whole ones, also where it fills only a part, because it is synced. */
export const BLOCK_BYTES = 4_096;

export interface Commit {
  /** Of the blocks that it dirtied in the log. */
  readonly bytes: number;
  /** In order; lists of free pages and the file's own head are nobody's. */
  readonly tables: readonly string[];
}

export class WalCommits {
  readonly #path: string;
  readonly #db: Database.Database;
  /** Where the next frame begins. */
  #offset = HEADER_BYTES;
  #salt = '';
  /** Of all commits that were looked at. */
  bytes = 0;

  /** `db`: any connection to the database. */
  constructor(db: Database.Database) {
    this.#path = `${db.name}-wal`;
    this.#db = db;
  }

  /** Those since the last look. A log that was begun anew is read from its start; its last commits before that are missed. */
  look(): Commit[] {
    const file = openSync(this.#path, 'r');
    try {
      return this.#read(file);
    } finally {
      closeSync(file);
    }
  }

  #read(file: number): Commit[] {
    const header = readAt(file, 0, HEADER_BYTES);
    if (header === null) return [];
    const pageBytes = header.readUInt32BE(8);
    const salt = header.toString('hex', 16, 24);
    if (salt !== this.#salt) this.#offset = HEADER_BYTES;
    this.#salt = salt;
    const commits: { readonly bytes: number; readonly pages: readonly number[] }[] = [];
    let pages: number[] = [];
    let begin = this.#offset;
    for (let at = begin; ;) {
      const frame = readAt(file, at, FRAME_HEADER_BYTES);
      // What is behind the last commit is of an older log.
      if (frame?.toString('hex', 8, 16) !== salt) break;
      at += FRAME_HEADER_BYTES + pageBytes;
      pages.push(frame.readUInt32BE(0));
      const isCommit = frame.readUInt32BE(4) !== 0;
      if (!isCommit) continue;
      commits.push({ bytes: blocksOf(begin, at) * BLOCK_BYTES, pages });
      this.bytes += blocksOf(begin, at) * BLOCK_BYTES;
      pages = [];
      begin = this.#offset = at;
    }
    if (commits.length === 0) return [];
    const owners = this.#owners();
    return commits.map(({ bytes, pages: written }) => ({
      bytes,
      tables: [...new Set(written.flatMap((page) => owners.get(page) ?? []))].sort(),
    }));
  }

  #owners(): ReadonlyMap<number, string> {
    const rows = this.#db
      .prepare<[], { page: number; owner: string }>(
        'SELECT pageno AS page, tbl_name AS owner FROM dbstat JOIN sqlite_schema USING (name)',
      )
      .all();
    return new Map(rows.map(({ page, owner }) => [page, owner]));
  }
}

function blocksOf(begin: number, end: number): number {
  return Math.floor((end - 1) / BLOCK_BYTES) - Math.floor(begin / BLOCK_BYTES) + 1;
}

/** Null where the file ends before. */
function readAt(file: number, position: number, length: number): Buffer | null {
  const bytes = Buffer.alloc(length);
  return readSync(file, bytes, 0, length, position) === length ? bytes : null;
}
