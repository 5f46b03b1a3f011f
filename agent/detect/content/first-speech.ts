/**
 * Who has spoken yet in a connection whose port promises something, and whether what was seen was the beginning: a segment that was lost
 * before the box (Wi-Fi), one that the box took up in the middle, and a message whose first segments carry no push (ruleset/live-chains.ts)
 * begin anywhere. The sequence number of the first data is one above that of the SYN (RFC 9293 section 3.4), and
 * the opener acknowledges with it where the other end begins. Called by protocol-mismatch.ts.
 * Bounded, allocates nothing after it was made.
 */
import { NONE, TCP_ACK, TCP_SYN } from '../../packet/view.js';
import { portsOf, subjectOf, type DetectEvent } from '../event.js';
import { SlotTable } from '../slot-table.js';

/** Connections that began last; 38 bytes each. */
const CONNECTIONS = 4_096;

/** Nothing is known: it was open before, or made room. */
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
  readonly #opener = new Int32Array(CONNECTIONS);
  /** Where the other end begins: what the opener acknowledged with its data. */
  readonly #answerer = new Int32Array(CONNECTIONS);
  readonly #state = new Uint8Array(CONNECTIONS);

  get evicted(): number {
    return this.#connections.evicted;
  }

  /** EVENT_IP. One that was open before is not known from its beginning. */
  opened(event: DetectEvent): void {
    if ((event.tcpFlags & (TCP_SYN | TCP_ACK)) !== TCP_SYN || event.sequence === NONE) return;
    const slot = this.#connections.intern(subjectOf(event), event.peer, portsOf(event));
    this.#opener[slot] = (event.sequence + 1) | 0;
    this.#state[slot] = SILENT;
  }

  /** Whether this is known to be the first data that its sender has sent: of the opener, or of the other who answers one that is awaited. */
  isBeginning(event: DetectEvent): boolean {
    const slot = this.#find(event);
    if (slot < 0 || event.sequence === NONE) return false;
    return (event.isReply ? this.#answerer : this.#opener)[slot] === (event.sequence | 0);
  }

  /** The opener's data was judged. */
  judged(event: DetectEvent): void {
    const slot = this.#find(event);
    if (slot >= 0) this.#state[slot] = DONE;
  }

  /** The answer says more, unless it was given. */
  await(event: DetectEvent, isBeginning: boolean): void {
    const slot = this.#find(event);
    if (slot < 0 || this.#state[slot] !== SILENT || event.acknowledged === NONE) return;
    this.#answerer[slot] = event.acknowledged | 0;
    this.#state[slot] = isBeginning ? AWAITED : AWAITED_UNSURE;
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
}
