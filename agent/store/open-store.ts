/**
 * Opens the agent's database: brought to this program's shape, or set aside and begun anew where the file is damaged. The
 * one place that knows the pragmas. Must never delete what it cannot read, and never touch a newer program's database.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { MIGRATIONS } from './migrations.js';
import { Store } from './store.js';

/** How long a write waits for another process's (a backup, a person with sqlite3) before SQLITE_BUSY. */
const BUSY_TIMEOUT_MS = 5_000;
/** Of a new database. Most commits change a few small rows, and each page of them goes into the write-ahead log whole: four of these are one of a disk's. */
const PAGE_BYTES = 1_024;
/** The write-ahead log goes into the database after so many: 4 MB, a few times a day. */
const CHECKPOINT_PAGES = 4_000;
/** The write-ahead log is cut back to this after a checkpoint: an SD card is small. */
const JOURNAL_LIMIT_BYTES = 16 * 1024 * 1024;
/** Damaged databases kept for a person to look at; the oldest go first. */
const MAX_SET_ASIDE = 3;

export class StoreError extends Error {
  readonly code: 'newer-database' | 'cannot-open';

  constructor(code: StoreError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}

export interface OpenedStore {
  readonly store: Store;
  /** Where the damaged database went, if there was one. */
  readonly setAside: string | null;
}

/** Throws a StoreError. `nowMs` names what is set aside. */
export function openStore(path: string, nowMs: number): OpenedStore {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  try {
    return { store: new Store(openChecked(path), path), setAside: null };
  } catch (error) {
    if (!isDamage(error)) throw asStoreError(path, error);
  }
  const setAside = moveAside(path, nowMs);
  try {
    return { store: new Store(openChecked(path), path), setAside };
  } catch (error) {
    throw asStoreError(path, error);
  }
}

/** SQLite's word for a file that is no database, or no longer one. */
export function isDamage(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError &&
    (error.code.startsWith('SQLITE_CORRUPT') || error.code === 'SQLITE_NOTADB')
  );
}

function openChecked(path: string): Database.Database {
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.pragma(`page_size = ${PAGE_BYTES}`);
    db.pragma('journal_mode = WAL');
    // FULL syncs every commit. Commits are few (one a second at most, and none on a quiet box), and what they hold is
    // kept nowhere else: NORMAL would let a power cut take the last seconds, which are the ones that will be asked about.
    db.pragma('synchronous = FULL');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma(`journal_size_limit = ${JOURNAL_LIMIT_BYTES}`);
    const verdict = db.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw new Database.SqliteError(String(verdict), 'SQLITE_CORRUPT');
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Database.Database, path: string): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > MIGRATIONS.length) {
    throw new StoreError(
      'newer-database',
      `${path} is of version ${version} and this program knows ${MIGRATIONS.length}: run the newer program, or move the file away`,
    );
  }
  MIGRATIONS.slice(version).forEach((sql, index) => {
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${version + index + 1}`);
    })();
  });
}

function moveAside(path: string, nowMs: number): string {
  const directory = dirname(path);
  const prefix = `${basename(path)}.corrupt-`;
  const older = readdirSync(directory).filter((name) => name.startsWith(prefix) && !/-(wal|shm)$/.test(name));
  // Names end in milliseconds of one width until the year 2286, so that their order is their age.
  for (const name of older.sort().slice(0, Math.max(0, older.length - MAX_SET_ASIDE + 1))) {
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, name + suffix), { force: true });
  }
  const target = `${path}.corrupt-${nowMs}`;
  renameSync(path, target);
  for (const suffix of ['-wal', '-shm']) {
    try {
      renameSync(path + suffix, target + suffix);
    } catch {
      // There was none. Were it another reason, the new database's open reports it.
    }
  }
  return target;
}

function asStoreError(path: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new StoreError('cannot-open', `cannot open the store ${path}: ${detail}`, { cause });
}
