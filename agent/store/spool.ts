/**
 * Events that wait for the broker's acknowledgement, on disk, oldest first. Written by the agent, emptied by
 * upstream/delivery.ts. When full, the oldest of the lowest severity goes first and is counted by its severity.
 *
 * What tells of counts that are in memory anyway (refusals of the last minute) may be held: a broker that is there takes it before it would be on
 * the disk, which spares an SD card the pages of an insertion and of a deletion. Whoever kills this process takes HOLD_MS of it at most.
 */
import type Database from 'better-sqlite3';

/** About two days of one event every two seconds. */
export const MAX_SPOOL_EVENTS = 100_000;
export const MAX_SPOOL_BYTES = 64 * 1024 * 1024;
/** A larger event is not kept: brokers refuse large packets, and one that is refused for ever would block the rest. */
export const MAX_EVENT_BYTES = 64 * 1024;

/** What is held longer than this is written. */
export const HOLD_MS = 10_000;
/** Held at once; more is written early. */
export const MAX_HELD_EVENTS = 1_000;

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

interface HeldEvent extends SpooledEvent {
  readonly severity: number;
  readonly bytes: number;
  readonly sinceMs: number;
}

export class Spool {
  readonly limits: SpoolLimits;
  readonly #db: Database.Database;
  readonly #droppedBySeverity = new Map<number, number>();
  #oversize = 0;
  #rejected = 0;
  /** Not on the disk, by seq, which is their order. */
  readonly #held = new Map<number, HeldEvent>();
  #lastSeq: number;
  #count = 0;
  #bytes = 0;

  constructor(
    db: Database.Database,
    limits: SpoolLimits = { events: MAX_SPOOL_EVENTS, bytes: MAX_SPOOL_BYTES },
  ) {
    this.#db = db;
    this.limits = limits;
    this.#lastSeq = db.prepare<[], number>('SELECT coalesce(max(seq), 0) FROM spool').pluck().get() ?? 0;
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

  /** At once on the disk, or with the transaction that this is called in. */
  add(event: NewEvent): void {
    const bytes = this.#sizeOf(event);
    if (bytes === null) return;
    this.#lastSeq += 1;
    this.#insert({ ...event, seq: this.#lastSeq, bytes });
  }

  /** In memory until `settle`: not from within a transaction that may come to nothing. */
  hold(events: readonly NewEvent[], nowMs: number): void {
    for (const event of events) {
      const bytes = this.#sizeOf(event);
      if (bytes === null) continue;
      this.#lastSeq += 1;
      this.#held.set(this.#lastSeq, { ...event, seq: this.#lastSeq, bytes, sinceMs: nowMs });
    }
  }

  /** Writes all that is held, if some of it is due: one transaction, nothing where nothing waits. Throws where the disk refuses; it then waits on. */
  settle(nowMs: number): void {
    const [oldest] = this.#held.values();
    if (oldest === undefined) return;
    if (nowMs - oldest.sinceMs < HOLD_MS && this.#held.size <= MAX_HELD_EVENTS) return;
    const [count, bytes] = [this.#count, this.#bytes];
    try {
      this.#db.transaction(() => {
        for (const event of this.#held.values()) this.#insert(event);
      })();
    } catch (error) {
      this.#count = count;
      this.#bytes = bytes;
      for (const [seq, { severity }] of this.#held) {
        if (this.#held.size <= MAX_HELD_EVENTS) break;
        this.#held.delete(seq);
        this.#countDropped(severity);
      }
      throw error;
    }
    this.#held.clear();
  }

  /** Those after `seq`, in order. */
  after(seq: number, limit: number): SpooledEvent[] {
    const written = this.#db
      .prepare<[number, number], SpooledEvent>(
        'SELECT seq, uid, topic, payload FROM spool WHERE seq > ? ORDER BY seq LIMIT ?',
      )
      .all(seq, limit);
    if (this.#held.size === 0) return written;
    const held = [...this.#held.values()].filter((event) => event.seq > seq).slice(0, limit);
    return [...written, ...held].sort((a, b) => a.seq - b.seq).slice(0, limit);
  }

  /** Acknowledged by the broker, or evicted meanwhile: one transaction, none for what never was on the disk. */
  remove(seqs: readonly number[]): void {
    const written = seqs.filter((seq) => !this.#held.has(seq));
    if (written.length > 0) {
      const statement = this.#db
        .prepare<[number], number>('DELETE FROM spool WHERE seq = ? RETURNING bytes')
        .pluck();
      const removed = this.#db.transaction(() => written.flatMap((seq) => statement.get(seq) ?? []))();
      this.#count -= removed.length;
      this.#bytes -= removed.reduce((sum, bytes) => sum + bytes, 0);
    }
    for (const seq of seqs) this.#held.delete(seq);
  }

  /** The broker will never take these. */
  reject(seqs: readonly number[]): void {
    this.remove(seqs);
    this.#rejected += seqs.length;
  }

  get waiting(): number {
    return this.#count + this.#held.size;
  }

  dropped(): Record<string, number> {
    const counters: Record<string, number> = { spoolOversize: this.#oversize, spoolRejected: this.#rejected };
    for (const [severity, count] of this.#droppedBySeverity) counters[`spoolSeverity${severity}`] = count;
    return counters;
  }

  get droppedTotal(): number {
    return Object.values(this.dropped()).reduce((sum, count) => sum + count, 0);
  }

  #sizeOf({ payload }: NewEvent): number | null {
    const bytes = Buffer.byteLength(payload);
    if (bytes <= MAX_EVENT_BYTES) return bytes;
    this.#oversize += 1;
    return null;
  }

  #insert({ seq, uid, topic, severity, bytes, payload }: NewEvent & { seq: number; bytes: number }): void {
    this.#db
      .prepare('INSERT INTO spool (seq, uid, topic, severity, bytes, payload) VALUES (?, ?, ?, ?, ?, ?)')
      .run(seq, uid, topic, severity, bytes, payload);
    this.#count += 1;
    this.#bytes += bytes;
    this.#evict();
  }

  #countDropped(severity: number): void {
    this.#droppedBySeverity.set(severity, (this.#droppedBySeverity.get(severity) ?? 0) + 1);
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
      this.#countDropped(gone.severity);
    }
  }
}
