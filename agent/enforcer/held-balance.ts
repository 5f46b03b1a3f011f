/**
 * What went to the queue against what came out of it. A packet that is missing was let go because the queue was full; if the
 * queue cannot have been full, the kernel dropped it: a kernel holds no copy of a frame whose connection is not confirmed
 * (net/netfilter/nf_queue.c), and a bridge copies when it floods to several ports. Nothing else counts that. Pure.
 */
import { HOLD_QUEUE_LENGTH } from '../policy/default-policy.js';

export interface Balance {
  /** Sent to the queue, by the kernel's counter. It begins anew when tables are made anew. */
  readonly sent: number;
  readonly received: number;
  /** Still in the queue. */
  readonly waiting: number;
}

export class HeldBalance {
  /** Let go by the kernel without a verdict. */
  unseen = 0;
  /** Dropped by the kernel. */
  lost = 0;
  #first: Balance;
  #sentBefore: number;
  #burstBefore = 0;
  #accounted = 0;

  constructor(first: Balance) {
    this.#first = first;
    this.#sentBefore = first.sent;
  }

  /** Packets that were lost since the last call. Sums from the beginning, so that what is counted late is not counted twice. */
  update(now: Balance): number {
    if (now.sent < this.#sentBefore) {
      this.#first = now;
      this.#accounted = 0;
    }
    const burst = Math.max(0, now.sent - this.#sentBefore);
    // What is missing now may have been sent in the interval before.
    const mayHaveBeenFull =
      this.#first.waiting + now.waiting + burst + this.#burstBefore >= HOLD_QUEUE_LENGTH;
    this.#sentBefore = now.sent;
    this.#burstBefore = burst;
    const sent = now.sent - this.#first.sent + this.#first.waiting;
    const missing = sent - (now.received - this.#first.received) - now.waiting - this.#accounted;
    if (missing <= 0) return 0;
    this.#accounted += missing;
    if (mayHaveBeenFull) {
      this.unseen += missing;
      return 0;
    }
    this.lost += missing;
    return missing;
  }
}
