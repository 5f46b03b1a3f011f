/**
 * What a replay told, each opening of a finding by itself: an alarm that opens, closes and opens again every day was raised every day, and
 * is one entry for each. Later tellings of the same opening replace what was known of it. Bounded. Pure.
 */
import type { Finding } from '../messages/vocabulary.js';

/** As last told; `atMs` and what follows it: when it was told first, in the capture. */
export interface Opened {
  finding: Finding;
  readonly atMs: number;
  readonly afterPackets: number;
  readonly afterMs: number;
}

/** The part of a replay that says how far it is. */
export interface Progress {
  readonly nowMs: number;
  readonly startMs: number;
  readonly packets: number;
  readonly flowRecords: number;
}

export class Openings {
  /** Openings beyond the limit. */
  notKept = 0;
  /** In the order in which they were told first. */
  readonly all: Opened[] = [];
  readonly #most: number;
  /** By key, until closed: as many as a book has open. Null: not kept. */
  readonly #open = new Map<string, Opened | null>();

  constructor(most: number) {
    this.#most = most;
  }

  tell(finding: Finding, progress: Progress): void {
    const known = this.#open.get(finding.key);
    const isClosed = finding.state === 'closed';
    if (isClosed) this.#open.delete(finding.key);
    if (known) known.finding = finding;
    // What was opened before anybody listened and is over now is no opening.
    if (known !== undefined || isClosed) return;
    if (this.all.length >= this.#most) {
      this.notKept++;
      this.#open.set(finding.key, null);
      return;
    }
    const { nowMs, startMs, packets, flowRecords } = progress;
    const opened = { finding, atMs: nowMs, afterPackets: packets + flowRecords, afterMs: nowMs - startMs };
    this.all.push(opened);
    this.#open.set(finding.key, opened);
  }
}
