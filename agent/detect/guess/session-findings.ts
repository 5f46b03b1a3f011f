/**
 * Findings of guesses that are seen in one session, one for each opener and host, and told once in days: what a program does each day, with a wrong
 * password perhaps, is one. Used by ftp-session.ts, redis-session.ts and sip-registers.ts. Bounded.
 */
import { addressOr, describeSubject, type DetectContext } from '../detector.js';
import { subjectOf, type DetectEvent } from '../event.js';
import type { Description } from '../finding-book.js';
import { QUIET_MS, TOLD_MS } from './brute-force-opening.js';
import { SlotTable } from '../slot-table.js';

/** (opener, host, service); 41 bytes each. */
const PAIRS = 1_024;

export class SessionFindings {
  readonly context: DetectContext;
  /** The pair that was asked for last is new. */
  isNew = false;
  readonly #pairs = new SlotTable(PAIRS);
  readonly #toldMs = new Float64Array(PAIRS);
  readonly #findings = new Int32Array(PAIRS);

  constructor(context: DetectContext) {
    this.context = context;
  }

  get capacity(): number {
    return PAIRS;
  }

  get evicted(): number {
    return this.#pairs.evicted;
  }

  pair(event: DetectEvent, service: number): number {
    const subject = subjectOf(event);
    const [opener, host] = event.fromDevice ? [subject, event.peer] : [event.peer, subject];
    const slot = this.#pairs.intern(opener, host, service);
    this.isNew = this.#pairs.isNew;
    if (!this.isNew) return slot;
    this.#toldMs[slot] = -Infinity;
    this.#findings[slot] = 0;
    return slot;
  }

  /** The slot of a pair that is known, or -1. */
  find(opener: number, host: number, service: number): number {
    return this.#pairs.find(opener, host, service);
  }

  /** One more of a pair that is guessing. False: it is to be opened. */
  isTold(slot: number, nowMs: number): boolean {
    const isKnown = Math.abs(nowMs - (this.#toldMs[slot] ?? 0)) <= TOLD_MS;
    this.#toldMs[slot] = nowMs;
    return this.context.book.touch(this.#findings[slot] ?? 0, nowMs) || isKnown;
  }

  /** Cold path. `what`: the rest of the key, behind who guesses at whom. */
  open(
    slot: number,
    event: DetectEvent,
    nowMs: number,
    { what, ...said }: Description & { readonly what: string },
  ): void {
    const who = describeSubject(this.context, event);
    const peer = addressOr(this.context, event.peer);
    this.#findings[slot] = this.context.book.openFinding(
      {
        detector: 'bruteForce',
        subject: who.text,
        what: `${event.fromDevice ? 'guesses' : 'is-guessed'}:${peer}:${what}`,
        device: who.device,
        deviceMac: who.mac,
        peer,
        quietMs: QUIET_MS,
        firstMs: nowMs - event.durationMs,
        count: 1,
        describe: () => said,
      },
      nowMs,
    );
  }
}

/** Who guesses at whom, in words. Cold path. */
export function pairOf(
  context: DetectContext,
  event: DetectEvent,
): { readonly guesser: string; readonly target: string } {
  const { text } = describeSubject(context, event);
  const peer = addressOr(context, event.peer);
  return event.fromDevice ? { guesser: text, target: peer } : { guesser: peer, target: text };
}
