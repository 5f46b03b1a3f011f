/**
 * Ever other source MACs from one side: what a switch forgets its ports by, and then sends all to all (CAM overflow, macof). The kernel has refused each
 * frame beyond the limit (policy/default-policy.ts); this says it once for a side. A part of spoofing.
 */
import { formatMac } from '../../packet/format.js';
import { DEVICE_SIDE_MACS, MACS_TIMEOUT_SECONDS, NETWORK_SIDE_MACS } from '../../policy/default-policy.js';
import { addExample, ratePerSecond, type DetectContext } from '../detector.js';
import { reasonIndex, type DetectEvent } from '../event.js';
import { SEVERITY } from '../severity.js';

const TOO_MANY_MACS = reasonIndex('too-many-macs');

export class MacFlood {
  readonly #context: DetectContext;
  readonly #quietMs: number;
  /** Of the network side, and of the device side. */
  readonly #findings = [0, 0];

  constructor(context: DetectContext, quietMs: number) {
    this.#context = context;
    this.#quietMs = quietMs;
  }

  /** For refused packets. True: it was one of these. */
  observe(event: DetectEvent, nowMs: number): boolean {
    if (event.reason !== TOO_MANY_MACS) return false;
    const side = event.fromDevice ? 1 : 0;
    const id = this.#findings[side] ?? 0;
    if (id === 0 || !this.#context.book.touch(id, nowMs)) this.#findings[side] = this.#open(event, nowMs);
    return true;
  }

  #open(event: DetectEvent, nowMs: number): number {
    const side = event.fromDevice ? 'device' : 'network';
    const limit = event.fromDevice ? DEVICE_SIDE_MACS : NETWORK_SIDE_MACS;
    const macs: string[] = [];
    if (event.macHigh >= 0) addExample(macs, formatMac(event.macHigh, event.macLow));
    return this.#context.book.openFinding(
      {
        detector: 'spoofing',
        subject: `the ${side} side`,
        what: 'too-many-macs',
        device: null,
        deviceMac: null,
        peer: null,
        quietMs: this.#quietMs,
        firstMs: nowMs,
        count: 1,
        describe: (count, firstMs, lastMs) => ({
          severity: SEVERITY['spoofing.too-many-macs'].severity,
          title: `More than ${limit} MACs send from the ${side} side: new ones are refused`,
          evidence: {
            kind: 'too-many-macs',
            from: side,
            limit,
            withinSeconds: MACS_TIMEOUT_SECONDS,
            refusedFirst: macs,
            frames: count,
            framesPerSecond: ratePerSecond(count, firstMs, lastMs),
          },
          remedy: `It closes ${this.#quietMs / 1000} s after the last such frame. Find the switch port that so many MACs come from and close it (port security); the frames told are those that were logged, the counter has all.`,
        }),
      },
      nowMs,
    );
  }
}
