/**
 * What a host sweep's finding says. Made by host-sweep.ts when a count passes its threshold; one finding gathers every
 * service that the same sweeper asks the same network for. Cold path.
 */
import { addExample, MAX_EXAMPLES, oneOrCount, ratePerSecond, spanText, type Subject } from '../detector.js';
import type { FanOut } from '../fan-out.js';
import type { Description, Opening } from '../finding-book.js';
import { serviceText } from '../probes.js';
import { SEVERITY } from '../severity.js';

/** Services that one finding keeps counts of, and names (MAX_EXAMPLES); more are only in the count. */
const MAX_SERVICES = MAX_EXAMPLES;
/** A sweep that paused this long is over; a slow one, as long as its window, up to an hour. */
const QUIET_MS = 300_000;
const SLOW_QUIET_MS = 3_600_000;

export interface SweepCount {
  readonly fanOut: FanOut;
  readonly threshold: number;
  readonly seconds: number;
}

export interface Sweeper {
  /** The device; null when it is a host on the network side. */
  readonly who: Subject | null;
  readonly scanner: string | null;
  /** The network that is swept; null: anywhere. */
  readonly network: string | null;
  readonly nameMember: (member: number) => string | null;
  /** Set for a slow sweep, which is counted over all services: some of them. */
  readonly services?: () => readonly number[];
}

interface Part {
  readonly service: number;
  readonly slot: number;
  readonly serial: number;
}

export class SweepOpening implements Opening {
  readonly detector = 'hostSweep';
  readonly subject: string;
  readonly what: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  readonly peer: string | null;
  readonly quietMs: number;
  readonly firstMs: number;
  readonly count: number;
  readonly #sweep: SweepCount;
  readonly #sweeper: Sweeper;
  readonly #parts: Part[];
  readonly #hosts: string[] = [];
  readonly #services: string[] = [];
  #peak = 0;
  #isAtLeast = false;

  constructor(sweep: SweepCount, slot: number, service: number, sweeper: Sweeper) {
    const { fanOut } = sweep;
    this.#sweep = sweep;
    this.#sweeper = sweeper;
    this.#parts = [{ service, slot, serial: fanOut.serial(slot) }];
    this.subject = sweeper.who?.text ?? sweeper.scanner ?? 'a host on the network side';
    this.what = sweeper.who ? `sweeps:${sweeper.network ?? 'anywhere'}` : 'sweeps:devices';
    this.device = sweeper.who?.device ?? null;
    this.deviceMac = sweeper.who?.mac ?? null;
    this.peer = sweeper.scanner;
    this.quietMs = Math.max(QUIET_MS, Math.min(sweep.seconds * 1000, SLOW_QUIET_MS));
    this.firstMs = fanOut.firstMs(slot);
    this.count = fanOut.events(slot);
  }

  /** The same sweep, seen on another service before: keep what was known of it. */
  takeOver(known: SweepOpening): void {
    known.#refresh();
    this.#hosts.push(...known.#hosts);
    this.#services.push(...known.#services);
    this.#peak = known.#peak;
    this.#isAtLeast = known.#isAtLeast;
    for (const part of known.#parts)
      if (
        this.#parts.length < MAX_SERVICES &&
        this.#isLive(part) &&
        !this.#parts.some((p) => p.slot === part.slot)
      )
        this.#parts.push(part);
  }

  describe(count: number, firstMs: number, lastMs: number): Description {
    this.#refresh();
    const { threshold, seconds } = this.#sweep;
    const { who, network } = this.#sweeper;
    const hosts = `${this.#isAtLeast ? 'at least ' : ''}${this.#peak}`;
    const services = oneOrCount(this.#services, 'services');
    return {
      severity: SEVERITY[this.#severity()].severity,
      title: who
        ? `${this.subject} sweeps ${network ?? 'scattered addresses'}: ${hosts} hosts for ${services} within ${spanText(seconds)}`
        : `${this.subject} sweeps the devices behind the box: ${hosts} of them for ${services} within ${spanText(seconds)}`,
      evidence: {
        from: who ? 'device' : 'network',
        distinctHosts: this.#peak,
        isAtLeast: this.#isAtLeast,
        thresholdHosts: threshold,
        windowSeconds: seconds,
        ...(network === null ? {} : { network }),
        hosts: [...this.#hosts],
        services: [...this.#services],
        probesPerSecond: ratePerSecond(count, firstMs, lastMs),
      },
      remedy: who
        ? `It closes ${this.quietMs / 60_000} min after the last probe. If the device is meant to reach these hosts, add allow entries for them; if not, contain it and look for what runs on it.`
        : `It closes ${this.quietMs / 60_000} min after the last probe. If ${this.subject} manages these devices, allow it in their entries; if not, find out who uses it.`,
    };
  }

  #severity(): keyof typeof SEVERITY {
    if (this.#sweeper.services) return 'hostSweep.slow';
    return this.#sweeper.who ? 'hostSweep.fromDevice' : 'hostSweep.atDevices';
  }

  #isLive(part: Part): boolean {
    return this.#sweep.fanOut.serial(part.slot) === part.serial;
  }

  #refresh(): void {
    const { fanOut } = this.#sweep;
    for (const service of this.#sweeper.services?.() ?? []) addExample(this.#services, serviceText(service));
    for (const part of this.#parts) {
      addExample(this.#services, serviceText(part.service));
      if (!this.#isLive(part)) continue;
      this.#peak = Math.max(this.#peak, fanOut.peak(part.slot));
      this.#isAtLeast ||= fanOut.isAtLimit(part.slot);
      if (this.#hosts.length >= MAX_EXAMPLES) continue;
      for (const member of fanOut.examples(part.slot, MAX_EXAMPLES)) {
        const text = this.#sweeper.nameMember(member);
        if (text !== null) addExample(this.#hosts, text);
      }
    }
  }
}
