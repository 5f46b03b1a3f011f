/**
 * A detector with the action `contain` asks for a device to be contained: once a device, and only so many an hour, so that
 * one wrong threshold does not contain a ward. Never more than `contained`, and until a person releases it.
 */
import type { NewOrder } from '../containment/orders.js';
import type { Finding } from '../messages/vocabulary.js';
import { DETECTOR_CONTAINMENTS_PER_HOUR } from '../policy/default-policy.js';

const HOUR_MS = 3_600_000;

export interface DetectorContainmentOptions {
  readonly now: () => number;
  readonly isContained: (device: string) => boolean;
  /** What the device's policy says of automation: a device may be left to people alone. */
  readonly mayContain: (device: string) => boolean;
  readonly order: (order: NewOrder) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

export class DetectorContainment {
  readonly #options: DetectorContainmentOptions;
  readonly #asked = new Set<string>();
  #orderedMs: number[] = [];
  /** Devices that were not contained because too many were within the hour. */
  overBudget = 0;
  /** Requests for devices whose policy has `automation: none`. */
  leftToPeople = 0;

  constructor(options: DetectorContainmentOptions) {
    this.#options = options;
  }

  request(device: string, finding: Finding): void {
    const { now, isContained, mayContain, order, onError } = this.#options;
    if (this.#asked.has(device) || isContained(device)) return;
    if (!mayContain(device)) {
      this.leftToPeople += 1;
      return;
    }
    const nowMs = now();
    this.#orderedMs = this.#orderedMs.filter((atMs) => nowMs - atMs < HOUR_MS && atMs <= nowMs);
    if (this.#orderedMs.length >= DETECTOR_CONTAINMENTS_PER_HOUR) {
      this.overBudget += 1;
      return;
    }
    this.#orderedMs.push(nowMs);
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
}
