import t from 'tap';
import { createBatchPause, type BatchPause } from '../../../agent/netlink/batch-pause.js';

/** Wakes up ten times a millisecond, or after a pause; `perMs`: what then has come. Returns the share of wakes that paused. */
function load(
  pause: BatchPause,
  fromMs: number,
  forMs: number,
  perMs: (isPausing: boolean) => number,
): number {
  let nowMs = fromMs;
  let wakes = 0;
  let pauses = 0;
  while (nowMs < fromMs + forMs) {
    const ms = pause.beforeReading(nowMs);
    const passed = Math.max(ms, 0.1);
    nowMs += passed;
    pause.took(perMs(ms > 0) * passed);
    wakes++;
    if (ms > 0) pauses++;
  }
  return pauses / wakes;
}

t.test('a flood that goes on whatever is answered is taken in larger batches', async (t) => {
  t.ok(load(createBatchPause(), 0, 10_000, () => 30) > 0.7);
});

t.test('who waits for each answer is not made to wait longer', async (t) => {
  // Each second six spans are tried, three of them with pauses.
  t.ok(load(createBatchPause(), 0, 10_000, (isPausing) => (isPausing ? 17 : 20)) < 0.06);
});

t.test('no pause for few packets, however they come', async (t) => {
  t.equal(
    load(createBatchPause(), 0, 10_000, () => 9),
    0,
  );
});

t.test('when a flood is over, so are the pauses', async (t) => {
  const pause = createBatchPause();
  load(pause, 0, 5_130, () => 30);
  t.equal(
    load(pause, 5_200, 1_000, () => 0.1),
    0,
  );
});
