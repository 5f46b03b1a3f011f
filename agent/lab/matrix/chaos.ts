/**
 * `make chaos SECONDS_TO_RUN=600 SEED=1`: faults of the matrix in an order that the seed gives, for that time, against one box under live
 * traffic, and the promise checked after each. Prints what it does as it goes. Ends with 1, the seed and the step when a promise was
 * broken. Everything happens in namespaces of its own, which go with it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { runInOwnNamespaces } from '../own-namespaces.js';
import { breaches, tryFault } from './fault.js';
import { FAULTS } from './faults.js';
import { Stand } from './stand.js';

const MAX_PAUSE_MS = 2_000;

const ran = runInOwnNamespaces();
if (ran === null) process.stderr.write('this machine allows no namespaces: run it as root\n');
if (ran !== 'inside') process.exit(ran ?? 2);

const [seconds, seed] = [Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 1)];
const random = xorshift(seed);
const began = performance.now();
const elapsed = (): number => Math.round((performance.now() - began) / 1000);
const totals = { steps: 0, attempts: 0, connections: 0, datagrams: 0, worstLiveMs: 0, worstNewMs: 0 };
say({ chaos: 'begins', seconds, seed, faults: FAULTS.map(({ id }) => id) });
const stand = await Stand.open({ broker: true });
let isBroken = false;
try {
  while (elapsed() < seconds && !isBroken) {
    const fault = FAULTS[random() % FAULTS.length];
    if (!fault) break;
    totals.steps += 1;
    const pauseMs = random() % MAX_PAUSE_MS;
    await delay(pauseMs);
    let broken: readonly string[];
    try {
      const measured = await tryFault(fault, stand);
      const { traffic } = measured;
      broken = breaches(fault, measured);
      totals.attempts += traffic.intrusions;
      totals.connections += traffic.freshTried;
      totals.datagrams += traffic.datagrams;
      if (fault.live !== 'stops') totals.worstLiveMs = Math.max(totals.worstLiveMs, traffic.liveGapMs);
      if (fault.fresh !== 'stops') totals.worstNewMs = Math.max(totals.worstNewMs, traffic.freshSlowestMs);
      say({
        step: totals.steps,
        atSeconds: elapsed(),
        fault: fault.id,
        held: broken.length === 0,
        ...traffic,
      });
    } catch (error) {
      broken = [error instanceof Error ? error.message : String(error)];
    }
    isBroken = broken.length > 0;
    if (isBroken)
      say({
        broken,
        fault: fault.id,
        seed,
        step: totals.steps,
        again: `make chaos SECONDS_TO_RUN=${seconds} SEED=${seed}`,
      });
  }
} finally {
  await stand.close();
}
say({ chaos: isBroken ? 'BROKEN' : 'held', ...totals, refusedArrived: isBroken ? undefined : 0, seed });
process.exitCode = isBroken ? 1 : 0;

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Marsaglia 2003; the same order for the same seed. */
function xorshift(start: number): () => number {
  let state = (start | 0) === 0 ? 1 : start | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
