/** What a row of the failure matrix is, how it is tried, and whether its promise was kept. */
import type { Measured, Stand } from './stand.js';

/**
 * What the promise allows a fault to do to permitted traffic. `none`: the kernel alone decides, and not a datagram is lost. `short`: one
 * disturbance under a second, of ours. `outage`: the cable or the machine itself is away, and TCP sends again as much later. `stops`: it cannot hold, and `why` says so.
 */
export type Allowed = 'none' | 'short' | 'outage' | 'stops';

export interface Fault {
  readonly id: string;
  /** As the table names it. */
  readonly what: string;
  readonly live: Allowed;
  readonly fresh: Allowed;
  /** For what is not `none`: the reason, as the table tells it. */
  readonly why?: string;
  /** Only where there is a broker to report to. */
  readonly needsBroker?: boolean;
  /** Before the measurement begins. */
  prepare?(stand: Stand): Promise<void>;
  /** After it is over. */
  mend?(stand: Stand): Promise<void>;
  /** Inflicts it, sees to it that the box has told of it, and leaves the box as it was. Resolves to how it was told. */
  inflict(stand: Stand): Promise<string>;
}

/** What a disturbance may last on a machine that has other things to do; what it lasts on a quiet one is in the README. */
const BOUND_MS = { none: 2_000, short: 5_000, outage: 15_000, stops: Number.POSITIVE_INFINITY } as const;
/** Fewer attempts than this prove nothing. */
const MIN_ATTEMPTS = 20;

/** Prepared, inflicted under traffic, measured, mended. */
export async function tryFault(fault: Fault, stand: Stand): Promise<Measured<string>> {
  await fault.prepare?.(stand);
  const measured = await stand.measure(() => fault.inflict(stand));
  await fault.mend?.(stand);
  return measured;
}

/** Empty: the promise was kept. */
export function breaches(
  fault: Pick<Fault, 'live' | 'fresh'>,
  measured: Measured<unknown>,
): readonly string[] {
  const { traffic, refusedCounted, refusedStored } = measured;
  const { live, fresh } = fault;
  const found = Object.entries(traffic.arrived).map(([where, count]) => `${count} refused arrived, ${where}`);
  const claim = (isKept: boolean, what: string): void => {
    if (!isKept) found.push(what);
  };
  claim(traffic.intrusions >= MIN_ATTEMPTS, `only ${traffic.intrusions} attempts at what is refused`);
  claim(traffic.freshTried >= MIN_ATTEMPTS, `only ${traffic.freshTried} new connections were tried`);
  claim(refusedCounted > 0, 'no refused packet was counted');
  claim(refusedStored > 0, 'the agent knows of no refused connection');
  claim(traffic.outOfOrder === 0, `${traffic.outOfOrder} bytes of live connections were not the next`);
  if (live !== 'stops') {
    claim(traffic.liveBroken === 0, `${traffic.liveBroken} live connections broke`);
    claim(traffic.liveGapMs <= BOUND_MS[live], `live connections stood still for ${traffic.liveGapMs} ms`);
  }
  if (live === 'none') claim(traffic.datagramsLost === 0, `${traffic.datagramsLost} datagrams were lost`);
  if (fresh !== 'stops') {
    claim(
      traffic.freshFailed === 0,
      `${traffic.freshFailed} of ${traffic.freshTried} new connections failed`,
    );
    claim(traffic.freshSlowestMs <= BOUND_MS[fresh], `a new connection took ${traffic.freshSlowestMs} ms`);
  }
  return found;
}
