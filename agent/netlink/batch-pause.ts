/**
 * Whether a reader lets datagrams gather before it takes them. Waking up costs a busy reader as much as the packets do, so many at once are
 * cheaper: interrupt moderation, as network cards and NAPI have it. But who waits for our verdict before sending the next packet is
 * only slowed down. Which of the two it is shows by trying: what comes slower with pauses than without gets none. Pure; called by reader.ts.
 */

const SPAN_MS = 20;
/** In turn without and with pauses: three of each are 600 packets each at the least rate that counts, 3 % by chance. */
const SPANS_TRIED = 6;
/** What was found holds for the rest of a second, then it is asked again. */
const SPANS = 50;
/** New connections at 10,000 a second: the devices of a clinic open a few, a flood that many. */
const BUSY_PER_MS = 10;
const LEAST_RATE_KEPT = 0.95;
/**
 * What a packet waits longer, at most. Shorter than any timer of the event loop, and at the rate of the queue's yardstick (26 a millisecond) about
 * what one batch of the reader holds: a held packet costs a tenth to a sixth less than with half of it.
 */
const PAUSE_MS = 0.5;

export interface BatchPause {
  /** Milliseconds to wait before what is readable is taken; 0 mostly. */
  beforeReading(nowMs: number): number;
  took(packets: number): void;
}

export function createBatchPause(): BatchPause {
  let spanBeganMs = 0;
  let packets = 0;
  let span = 0;
  let rateWithout = 0;
  let rateWith = 0;
  let isPausing = false;

  function nextSpan(ms: number): void {
    const rate = packets / ms;
    if (rate < BUSY_PER_MS) {
      start();
      return;
    }
    if (span < SPANS_TRIED) {
      if (isPausing) rateWith += rate;
      else rateWithout += rate;
    }
    span++;
    if (span < SPANS_TRIED) isPausing = span % 2 === 1;
    else if (span === SPANS_TRIED) isPausing = rateWith >= LEAST_RATE_KEPT * rateWithout;
    else if (span === SPANS) start();
  }

  function start(): void {
    span = rateWithout = rateWith = 0;
    isPausing = false;
  }

  return {
    beforeReading(nowMs) {
      const ms = nowMs - spanBeganMs;
      if (ms >= SPAN_MS) {
        nextSpan(ms);
        spanBeganMs = nowMs;
        packets = 0;
      }
      return isPausing ? PAUSE_MS : 0;
    },
    took(count) {
      packets += count;
    },
  };
}
