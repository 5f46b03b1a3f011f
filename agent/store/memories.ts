/**
 * What detectors learnt of devices, so that a restarted enforcer need not learn it again: numbers under (device, detector, key), as
 * detect/memory.ts has them. Used through store.ts. Written with the statistics, minutes apart.
 */
import type Database from 'better-sqlite3';
import type { Memory } from '../messages/vocabulary.js';

/** 1 KiB each at most, mostly some hundred bytes. */
export const MAX_MEMORIES = 50_000;
/** Slow beacons have one for each peer; the one not heard of for longest makes room. */
export const MAX_MEMORIES_PER_DETECTOR = 64;
/** Of a device that is not seen any more. */
const KEPT_MS = 90 * 86_400_000;

export class MemoryTable {
  dropped = 0;
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  put({ device, detector, key, version, values }: Memory, atMs: number): void {
    const isKnown =
      this.#db
        .prepare('SELECT 1 FROM detector_memories WHERE device = ? AND detector = ? AND key = ?')
        .get(device, detector, key) !== undefined;
    if (!isKnown && !this.#hasRoomFor(device, detector, atMs)) {
      this.dropped += 1;
      return;
    }
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO detector_memories (device, detector, key, version, at_ms, body) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(device, detector, key, version, atMs, JSON.stringify(values));
  }

  /** One after the other, so that they are never all in memory. A damaged row is left out. */
  *all(): Generator<Memory> {
    const rows = this.#db
      .prepare<[], { device: string; detector: string; key: string; version: number; body: string }>(
        'SELECT device, detector, key, version, body FROM detector_memories ORDER BY device, detector, at_ms',
      )
      .iterate();
    for (const { body, ...row } of rows) {
      const values = numbersOf(body);
      if (values !== null) yield { ...row, values };
    }
  }

  #hasRoomFor(device: string, detector: string, atMs: number): boolean {
    const total = this.#db.prepare<[], number>('SELECT count(*) FROM detector_memories').pluck().get() ?? 0;
    if (total >= MAX_MEMORIES) {
      const { changes } = this.#db
        .prepare('DELETE FROM detector_memories WHERE at_ms < ?')
        .run(atMs - KEPT_MS);
      if (changes === 0) return false;
    }
    const count = this.#db
      .prepare<[string, string], number>(
        'SELECT count(*) FROM detector_memories WHERE device = ? AND detector = ?',
      )
      .pluck()
      .get(device, detector);
    if ((count ?? 0) >= MAX_MEMORIES_PER_DETECTOR)
      this.dropped += this.#db
        .prepare(
          `DELETE FROM detector_memories WHERE device = ? AND detector = ? AND key IN
             (SELECT key FROM detector_memories WHERE device = ? AND detector = ? ORDER BY at_ms LIMIT 1)`,
        )
        .run(device, detector, device, detector).changes;
    return true;
  }
}

function numbersOf(body: string): number[] | null {
  try {
    const values: unknown = JSON.parse(body);
    return Array.isArray(values) && values.every((value) => typeof value === 'number') ? values : null;
  } catch {
    return null;
  }
}
