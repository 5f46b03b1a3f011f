/**
 * Connections that last are shown to detectors while they do (EVENT_GOING), from the kernel's table: a tunnel that keeps one socket for weeks has
 * no end that could be judged. Called every GOES_ON_MS by main.ts; the table is read in turns, between which verdicts are given.
 */
import { GOES_ON_PACKETS } from '../detect/event.js';
import { forEachConntrack, type ConntrackRecord } from '../netlink/conntrack.js';
import { DEVICE_MASK } from '../ruleset/marks.js';

/** Connections whose packets are remembered; of more, each is told anew, as if it had gone on. */
const MAX_REMEMBERED = 16_384;

export class LastingConnections {
  readonly #onGoing: (record: Readonly<ConntrackRecord>) => void;
  /** By the kernel's id: their packets when they were told last. */
  #told = new Map<number, number>();
  dropped = 0;

  constructor(onGoing: (record: Readonly<ConntrackRecord>) => void) {
    this.#onGoing = onGoing;
  }

  /** Rejects where the table cannot be read. */
  async look(): Promise<void> {
    const before = this.#told;
    const now = new Map<number, number>();
    await forEachConntrack((record) => {
      if ((record.mark & DEVICE_MASK) === 0) return;
      const packets = record.packetsOut + record.packetsIn;
      // A dump that the kernel broke off begins anew: what was told then is not told twice.
      if (packets < GOES_ON_PACKETS || now.has(record.id)) return;
      if (now.size < MAX_REMEMBERED) now.set(record.id, packets);
      else this.dropped += 1;
      if (before.get(record.id) !== packets) this.#onGoing(record);
    });
    this.#told = now;
  }
}
