/**
 * Events that wait for the broker's acknowledgement, on disk, oldest first. Written by the agent, emptied by
 * upstream/delivery.ts. When full, the oldest of the lowest severity goes first and is counted by its severity.
 */
import type Database from 'better-sqlite3';

/** About two days of one event every two seconds. */
export const MAX_SPOOL_EVENTS = 100_000;
export const MAX_SPOOL_BYTES = 64 * 1024 * 1024;
/** A larger event is not kept: brokers refuse large packets, and one that is refused for ever would block the rest. */
export const MAX_EVENT_BYTES = 64 * 1024;

export interface SpoolLimits {
  readonly events: number;
  readonly bytes: number;
}

export interface NewEvent {
  readonly uid: string;
  readonly topic: string;
  /** OCSF severity_id, 1 (informational) to 6. */
  readonly severity: number;
  readonly payload: string;
}

export interface SpooledEvent {
  readonly seq: number;
  readonly uid: string;
  readonly topic: string;
  readonly payload: string;
}

export class Spool {
  readonly limits: SpoolLimits;
  readonly #db: Database.Database;
  readonly #droppedBySeverity = new Map<number, number>();
  #oversize = 0;
  #rejected = 0;
  #count = 0;
  #bytes = 0;

  constructor(
    db: Database.Database,
    limits: SpoolLimits = { events: MAX_SPOOL_EVENTS, bytes: MAX_SPOOL_BYTES },
  ) {
    this.#db = db;
    this.limits = limits;
    this.recount();
  }

  recount(): void {
    const row = this.#db
      .prepare<[], { count: number; bytes: number }>(
        'SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM spool',
      )
      .get();
    this.#count = row?.count ?? 0;
    this.#bytes = row?.bytes ?? 0;
  }

  add(event: NewEvent): void {
    const bytes = Buffer.byteLength(event.payload);
    if (bytes > MAX_EVENT_BYTES) {
      this.#oversize += 1;
      return;
    }
    this.#db
      .prepare('INSERT INTO spool (uid, topic, severity, bytes, payload) VALUES (?, ?, ?, ?, ?)')
      .run(event.uid, event.topic, event.severity, bytes, event.payload);
    this.#count += 1;
    this.#bytes += bytes;
    this.#evict();
  }

  /** Those after `seq`, in order. */
  after(seq: number, limit: number): SpooledEvent[] {
    return this.#db
      .prepare<[number, number], SpooledEvent>(
        'SELECT seq, uid, topic, payload FROM spool WHERE seq > ? ORDER BY seq LIMIT ?',
      )
      .all(seq, limit);
  }

  /** Acknowledged by the broker, or evicted meanwhile: one transaction. */
  remove(seqs: readonly number[]): void {
    const statement = this.#db
      .prepare<[number], number>('DELETE FROM spool WHERE seq = ? RETURNING bytes')
      .pluck();
    const removed = this.#db.transaction(() => seqs.flatMap((seq) => statement.get(seq) ?? []))();
    this.#count -= removed.length;
    this.#bytes -= removed.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The broker will never take these. */
  reject(seqs: readonly number[]): void {
    this.remove(seqs);
    this.#rejected += seqs.length;
  }

  get waiting(): number {
    return this.#count;
  }

  dropped(): Record<string, number> {
    const counters: Record<string, number> = { spoolOversize: this.#oversize, spoolRejected: this.#rejected };
    for (const [severity, count] of this.#droppedBySeverity) counters[`spoolSeverity${severity}`] = count;
    return counters;
  }

  get droppedTotal(): number {
    return Object.values(this.dropped()).reduce((sum, count) => sum + count, 0);
  }

  #evict(): void {
    while (this.#count > this.limits.events || this.#bytes > this.limits.bytes) {
      const gone = this.#db
        .prepare<[], { severity: number; bytes: number }>(
          `DELETE FROM spool WHERE seq = (SELECT seq FROM spool ORDER BY severity, seq LIMIT 1) RETURNING severity, bytes`,
        )
        .get();
      if (!gone) return;
      this.#count -= 1;
      this.#bytes -= gone.bytes;
      this.#droppedBySeverity.set(gone.severity, (this.#droppedBySeverity.get(gone.severity) ?? 0) + 1);
    }
  }
}
