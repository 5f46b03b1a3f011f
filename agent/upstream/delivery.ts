/**
 * Empties the spool into one broker connection after another: oldest first, a bounded number in flight, each row kept
 * until its PUBACK. Used by mqtt-client.ts. Must never publish a row that is in flight on this connection, and never drop
 * one that the broker has not taken or refused for good.
 */
import type { Spool, SpooledEvent } from '../store/spool.js';

/** Acknowledged rows leave the disk in groups: at most so many, at most so late. A kill in between sends them again. */
const REMOVE_GROUP = 64;
const REMOVE_AFTER_MS = 200;
/** After a refusal that may pass (not authorised, quota), the spool rests this long. */
const DEFAULT_REFUSED_PAUSE_MS = 30_000;

/** What the broker said to one event: never will mean never for any retry of the same bytes. */
export type PublishOutcome = 'taken' | 'never' | 'later';

export interface BrokerLink {
  /** Settles with the PUBACK; may stay open for ever if the connection goes. */
  publish(event: SpooledEvent): Promise<PublishOutcome>;
  /** What may be unacknowledged at once, from the broker's Receive Maximum (MQTT 5 section 3.2.2.3.3). */
  readonly maxInFlight: number;
}

export class Delivery {
  /** Writes to the disk that failed; the rows stay and are told apart in memory. */
  removalsFailed = 0;
  readonly #spool: Spool;
  readonly #refusedPauseMs: number;
  readonly #inFlight = new Set<number>();
  readonly #done = new Map<number, 'taken' | 'never'>();
  #link: BrokerLink | null = null;
  #cursor = 0;
  #removeTimer: NodeJS.Timeout | null = null;
  #pauseTimer: NodeJS.Timeout | null = null;

  constructor(spool: Spool, refusedPauseMs = DEFAULT_REFUSED_PAUSE_MS) {
    this.#spool = spool;
    this.#refusedPauseMs = refusedPauseMs;
  }

  /** A new connection: whatever was in flight on the last one is published again, under the same id. */
  begin(link: BrokerLink): void {
    this.end();
    this.#link = link;
    this.pump();
  }

  /** The connection is gone. Safe twice. */
  end(): void {
    this.#link = null;
    this.#cursor = 0;
    this.#inFlight.clear();
    if (this.#pauseTimer) clearTimeout(this.#pauseTimer);
    this.#pauseTimer = null;
    this.#remove();
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Sends what there is room for. Call when rows were added. */
  pump(): void {
    const link = this.#link;
    if (!link || this.#pauseTimer) return;
    while (this.#inFlight.size < link.maxInFlight) {
      const rows = this.#spool.after(this.#cursor, link.maxInFlight - this.#inFlight.size);
      if (rows.length === 0) return;
      for (const row of rows) {
        this.#cursor = row.seq;
        if (this.#inFlight.has(row.seq) || this.#done.has(row.seq)) continue;
        this.#inFlight.add(row.seq);
        void this.#send(link, row);
      }
    }
  }

  async #send(link: BrokerLink, row: SpooledEvent): Promise<void> {
    const outcome = await link.publish(row).catch((): PublishOutcome => 'later');
    // An answer that outlived its connection: the row is sent again on the next one.
    if (link !== this.#link) return;
    this.#inFlight.delete(row.seq);
    if (outcome === 'later') {
      this.#pause();
      return;
    }
    this.#done.set(row.seq, outcome);
    if (this.#done.size >= REMOVE_GROUP) this.#remove();
    else {
      this.#removeTimer ??= setTimeout(() => {
        this.#remove();
      }, REMOVE_AFTER_MS);
    }
    this.pump();
  }

  #pause(): void {
    this.#pauseTimer ??= setTimeout(() => {
      this.#pauseTimer = null;
      this.#cursor = 0;
      this.pump();
    }, this.#refusedPauseMs);
  }

  #remove(): void {
    if (this.#removeTimer) clearTimeout(this.#removeTimer);
    this.#removeTimer = null;
    if (this.#done.size === 0) return;
    const seqsOf = (outcome: string): number[] =>
      [...this.#done].filter(([, one]) => one === outcome).map(([seq]) => seq);
    try {
      this.#spool.remove(seqsOf('taken'));
      this.#spool.reject(seqsOf('never'));
      this.#done.clear();
    } catch {
      // The disk is full or gone. The rows are known to be done: not sent again in this life, removed at the next try.
      this.removalsFailed += 1;
    }
  }
}
