/**
 * A detector with the action `contain` asks for a device to be contained: for findings that are severe enough, once a device, and
 * only so many an hour. Never more than `contained`, and until a person releases it. What it leaves to people is counted and told.
 */
import { spend, type Spent } from '../containment/detector-budget.js';
import { toMessage, type NewOrder, type Orders } from '../containment/orders.js';
import { SEVERITIES, type Finding, type StateChange } from '../messages/vocabulary.js';

/** Devices whose withheld containment was told; past this it is only counted until the oldest are forgotten. */
const MAX_TOLD = 1_000;
/** The same device is not told again sooner. */
const TOLD_AGAIN_MS = 3_600_000;

export interface DetectorPolicy {
  /** What the device's policy says of automation: a device may be left to people alone. */
  readonly mayContain: boolean;
  readonly containFrom: Finding['severity'];
  /** Within an hour: this detector, and all of them together. */
  readonly detectorLimit: number;
  readonly boxLimit: number;
}

export interface DetectorContainmentOptions {
  readonly steadyMs: () => number;
  readonly isContained: (device: string) => boolean;
  readonly policyFor: (device: string, detector: string) => DetectorPolicy;
  readonly order: (order: NewOrder) => Promise<unknown>;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  readonly onError: (error: unknown) => void;
}

export class DetectorContainment {
  readonly #options: DetectorContainmentOptions;
  readonly #asked = new Set<string>();
  readonly #toldMs = new Map<string, number>();
  #spent: Spent = [];
  /** Devices that were not contained because too many were within the hour. */
  overBudget = 0;
  /** Requests for devices whose policy has `automation: none`. */
  leftToPeople = 0;

  constructor(options: DetectorContainmentOptions) {
    this.#options = options;
  }

  /** At the start: what detectors ordered within the last hour is spent already, so that a restart gives no new budget. */
  remember(orders: Orders, wallMs: number): void {
    const steadyMs = this.#options.steadyMs();
    this.#spent = orders
      .map((order) => toMessage(order, { wallMs, steadyMs }))
      .filter(({ source }) => source === 'detector')
      // A wall clock that was set may say anything: then it counts as just now.
      .map(({ by, sinceMs }) => ({ detector: by, atMs: steadyMs - Math.max(0, wallMs - sinceMs) }));
  }

  request(device: string, finding: Finding): void {
    const { steadyMs, isContained, policyFor, order, onError } = this.#options;
    const { mayContain, containFrom, detectorLimit, boxLimit } = policyFor(device, finding.detector);
    if (SEVERITIES.indexOf(finding.severity) < SEVERITIES.indexOf(containFrom)) return;
    if (this.#asked.has(device) || isContained(device)) return;
    if (!mayContain) {
      this.leftToPeople += 1;
      this.#tellWithheld(device, finding, 'its policy leaves it to people (automation: none)');
      return;
    }
    const limits = { box: boxLimit, detector: detectorLimit };
    const { spent, exhausted } = spend(this.#spent, finding.detector, limits, steadyMs());
    this.#spent = spent;
    if (exhausted !== null) {
      this.overBudget += 1;
      const whose = exhausted === 'box' ? 'detectors' : finding.detector;
      this.#tellWithheld(
        device,
        finding,
        `${whose} contained ${exhausted === 'box' ? boxLimit : detectorLimit} devices within the hour already`,
      );
      return;
    }
    this.#asked.add(device);
    void order({
      scope: { device },
      level: 'contained',
      sparesLifeSustaining: false,
      forSeconds: null,
      by: finding.detector,
      source: 'detector',
      reason: finding.title || finding.key,
    })
      .catch(onError)
      .finally(() => this.#asked.delete(device));
  }

  #tellWithheld(device: string, finding: Finding, why: string): void {
    const nowMs = this.#options.steadyMs();
    const toldMs = this.#toldMs.get(device);
    if (toldMs !== undefined && nowMs - toldMs < TOLD_AGAIN_MS) return;
    for (const [name, atMs] of this.#toldMs) if (nowMs - atMs >= TOLD_AGAIN_MS) this.#toldMs.delete(name);
    if (this.#toldMs.size >= MAX_TOLD) return;
    this.#toldMs.set(device, nowMs);
    this.#options.tell({
      kind: 'containment-withheld',
      by: finding.detector,
      device,
      generation: null,
      detail: `${device} is NOT contained, a person has to decide: ${why}; ${finding.title}`.slice(0, 500),
    });
  }
}
