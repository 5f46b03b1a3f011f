/**
 * Who has spoken yet in a connection whose port promises something, and whether what was seen was the beginning: a segment that was lost
 * before the box (Wi-Fi), one that the box took up in the middle, and a message whose first segments carry no push (ruleset/live-chains.ts)
 * begin anywhere. The sequence number of the first data is one above that of the SYN (RFC 9293 section 3.4). Called by protocol-mismatch.ts.
 * Bounded, allocates nothing after it was made.
 */
import { NONE, TCP_ACK, TCP_SYN } from '../packet/view.js';
import { subjectOf, type DetectEvent } from './event.js';
import { SlotTable } from './slot-table.js';

/** Connections that began last; 34 bytes each. */
const CONNECTIONS = 4_096;

/** Nothing was said, or nothing is known. */
const UNKNOWN = 0;
/** It was opened, and nobody has spoken. */
export const SILENT = 1;
/** The opener's data says nothing by itself, and is to be judged by the answer: it was the beginning, or may be from anywhere. */
export const AWAITED = 2;
export const AWAITED_UNSURE = 3;
/** Judged. */
const DONE = 4;

export class FirstSpeech {
  readonly #connections = new SlotTable(CONNECTIONS);
  readonly #firstSequence = new Int32Array(CONNECTIONS);
  readonly #state = new Uint8Array(CONNECTIONS);

  get evicted(): number {
    return this.#connections.evicted;
  }

  /** EVENT_IP. One that was open before is not known from its beginning. */
  opened(event: DetectEvent): void {
    if ((event.tcpFlags & (TCP_SYN | TCP_ACK)) !== TCP_SYN || event.sequence === NONE) return;
    const slot = this.#intern(event);
    this.#firstSequence[slot] = (event.sequence + 1) | 0;
    this.#state[slot] = SILENT;
  }

  /** Whether the opener's data is known to be the first that it sent. */
  isBeginning(event: DetectEvent): boolean {
    const slot = this.#find(event);
    return slot >= 0 && event.sequence !== NONE && this.#firstSequence[slot] === (event.sequence | 0);
  }

  /** The opener's data was judged. */
  judged(event: DetectEvent): void {
    const slot = this.#find(event);
    if (slot >= 0) this.#state[slot] = DONE;
  }

  /** The answer says more. */
  await(event: DetectEvent, isBeginning: boolean): void {
    this.#state[this.#intern(event)] = isBeginning ? AWAITED : AWAITED_UNSURE;
  }

  /** What was known when the answer came, which is judged now. */
  answered(event: DetectEvent): number {
    const slot = this.#find(event);
    if (slot < 0) return UNKNOWN;
    const state = this.#state[slot] ?? UNKNOWN;
    this.#state[slot] = DONE;
    return state;
  }

  #find(event: DetectEvent): number {
    return this.#connections.find(subjectOf(event), event.peer, portsOf(event));
  }

  #intern(event: DetectEvent): number {
    const slot = this.#connections.intern(subjectOf(event), event.peer, portsOf(event));
    if (this.#connections.isNew) {
      this.#firstSequence[slot] = 0;
      this.#state[slot] = UNKNOWN;
    }
    return slot;
  }
}

function portsOf(event: DetectEvent): number {
  return (event.srcPort << 16) | event.port;
}
