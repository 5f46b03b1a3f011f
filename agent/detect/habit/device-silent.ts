/**
 * A device that regularly spoke says nothing for far longer than it ever usually did: switched off, unplugged, broken, cut off,
 * or knocked out. What is usual is a high quantile of its own gaps, from a histogram of their logarithms: the longest
 * that happened at least twice (nights and weekends do, one outage does not), after a week of watching. NIST SP 800-82r3
 * section 6.3 asks to notice lost devices; the robust quantile is after Huber, "Robust Statistics" (1981).
 */
import type { DetectContext, Detector } from '../detector.js';
import {
  EVENT_ARP,
  EVENT_END,
  EVENT_IP,
  EVENT_PAYLOAD,
  OUTCOME_ANSWERED,
  UNKNOWN_DEVICE,
  VERDICT_REFUSED,
  type DetectEvent,
  SEES_IP,
  SEES_ARP,
  SEES_PAYLOAD,
  SEES_END,
} from '../event.js';
import type { Memory } from '../memory.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

/** Devices watched, 220 bytes each. */
const DEVICES = 2_048;
/** Two buckets an octave from one second on: the last one holds gaps beyond 90 days. */
const BUCKETS = 48;
/** So many gaps before "usual" means anything. */
const LEAST_GAPS = 50;
/** Once watched twice the learning time, a gap that happened once is not usual. */
const LEAST_REPEATS = 2;
/** Counts are halved this often, so that what a device no longer does is forgotten. */
const HALVE_MS = 28 * 86_400_000;
const CHECK_MS = 30_000;
/** The box itself was not looking: ticks come about once a second. */
const BLIND_MS = 600_000;
/** A connection that ended after longer than this says nothing about when the device last spoke. */
const RECENT_CONNECTION_MS = 3_600_000;
/** Told one by one up to here, then as one. */
const SINGLE_FINDINGS = 16;
const MAX_NAMES = 64;
/** It ends when the device speaks, or after this. */
const QUIET_MS = 30 * 86_400_000;
const HOUR_SECONDS = 3_600;

export function createDeviceSilentDetector(
  context: DetectContext,
  settings: DetectSettings['deviceSilent'],
): Detector {
  return new DeviceSilent(context, settings);
}

class DeviceSilent implements Detector {
  readonly name = 'deviceSilent';
  readonly kinds = SEES_IP | SEES_ARP | SEES_PAYLOAD | SEES_END;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['deviceSilent'];
  readonly #devices = new SlotTable(DEVICES);
  readonly #sinceMs = new Float64Array(DEVICES);
  readonly #lastMs = new Float64Array(DEVICES);
  readonly #halvedMs = new Float64Array(DEVICES);
  readonly #gaps = new Uint32Array(DEVICES * BUCKETS);
  /** 0: it speaks; -1: silent, told among many; else the id of its finding. */
  readonly #findings = new Int32Array(DEVICES);
  readonly #isChanged = new Uint8Array(DEVICES);
  #singles = 0;
  #manyFinding = 0;
  #hasMore = false;
  #tickedMs = 0;
  #checkedMs = 0;
  /** Before this time no check finds anything: what a device says only puts it off. */
  #earliestMs = 0;

  constructor(context: DetectContext, settings: DetectSettings['deviceSilent']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.deviceId <= UNKNOWN_DEVICE || !hasSpoken(event)) return;
    const slot = this.#devices.intern(event.deviceId, 0, 0);
    if (this.#devices.isNew) this.#begin(slot, nowMs);
    const gapSeconds = (nowMs - (this.#lastMs[slot] ?? nowMs)) / 1000;
    this.#lastMs[slot] = nowMs;
    if (gapSeconds < 1) return;
    const at = slot * BUCKETS + bucketOf(gapSeconds);
    this.#gaps[at] = (this.#gaps[at] ?? 0) + 1;
    this.#isChanged[slot] = 1;
    if ((this.#findings[slot] ?? 0) !== 0) this.#speaksAgain(slot);
  }

  *memories(isAll: boolean): Generator<Memory> {
    for (let slot = 0; slot < this.#devices.size; slot++) {
      if (this.#isChanged[slot] !== 1 && !isAll) continue;
      if (!isAll) this.#isChanged[slot] = 0;
      const { name } = this.#context.describe(this.#devices.keyA(slot));
      if (name === null) continue;
      const gaps = this.#gaps.subarray(slot * BUCKETS, (slot + 1) * BUCKETS);
      const values = [this.#sinceMs[slot] ?? 0, this.#halvedMs[slot] ?? 0, ...gaps];
      yield { detector: 'deviceSilent', device: name, key: '', values };
    }
  }

  /** The time of the restart is nobody's silence: it was last heard now, as far as we know. */
  restore({ device, values }: Memory, nowMs: number): void {
    const id = this.#context.idOf?.(device) ?? 0;
    const [sinceMs = 0, halvedMs = 0, ...gaps] = values;
    if (id === 0 || gaps.length !== BUCKETS) return;
    const slot = this.#devices.intern(id, 0, 0);
    if (this.#devices.isNew) this.#begin(slot, nowMs);
    else if ((this.#sinceMs[slot] ?? 0) <= sinceMs) return;
    this.#sinceMs[slot] = sinceMs;
    this.#halvedMs[slot] = halvedMs;
    this.#isChanged[slot] = 1;
    this.#earliestMs = 0;
    for (const [bucket, count] of gaps.entries()) {
      const at = slot * BUCKETS + bucket;
      this.#gaps[at] = (this.#gaps[at] ?? 0) + count;
    }
  }

  tick(nowMs: number): void {
    const blindMs = this.#tickedMs === 0 ? 0 : nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    // A pause of the box, or a clock that was set: nobody was silent for that.
    if (blindMs > BLIND_MS || blindMs < 0) {
      for (let slot = 0; slot < this.#devices.size; slot++)
        this.#lastMs[slot] = (this.#lastMs[slot] ?? 0) + blindMs;
      this.#checkedMs = nowMs;
      this.#earliestMs = 0;
    }
    if (nowMs - this.#checkedMs < CHECK_MS) return;
    const checkMs = this.#checkedMs + Math.floor((nowMs - this.#checkedMs) / CHECK_MS) * CHECK_MS;
    if (checkMs < this.#earliestMs) {
      this.#checkedMs = checkMs;
      return;
    }
    this.#checkedMs = nowMs;
    this.#earliestMs = Infinity;
    for (let slot = 0; slot < this.#devices.size; slot++) {
      this.#check(slot, nowMs);
      this.#lower(this.#nextMs(slot, nowMs));
    }
    if (this.#hasMore) this.#openMany(nowMs);
    this.#hasMore = false;
  }

  /** Checks keep to their half minutes, however many are left out; what is skipped must not look like a pause of the box. */
  dueMs(): number {
    const checks = Math.max(1, Math.ceil((this.#earliestMs - this.#checkedMs) / CHECK_MS));
    return Math.min(this.#checkedMs + checks * CHECK_MS, this.#tickedMs + BLIND_MS / 2);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'deviceSilent.evicted': this.#devices.evicted };
  }

  #begin(slot: number, nowMs: number): void {
    if ((this.#findings[slot] ?? 0) !== 0) this.#speaksAgain(slot);
    this.#sinceMs[slot] = nowMs;
    this.#lastMs[slot] = nowMs;
    this.#halvedMs[slot] = nowMs;
    this.#gaps.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS);
    this.#isChanged[slot] = 0;
    this.#lower(nowMs + this.#settings.leastSeconds * 1000);
  }

  #lower(earliestMs: number): void {
    if (earliestMs < this.#earliestMs) this.#earliestMs = earliestMs;
  }

  #speaksAgain(slot: number): void {
    const id = this.#findings[slot] ?? 0;
    this.#findings[slot] = 0;
    this.#lower((this.#lastMs[slot] ?? 0) + this.#settings.leastSeconds * 1000);
    if (id > 0) {
      this.#singles--;
      this.#context.book.end(id);
    } else if (!this.#findings.includes(-1)) {
      this.#context.book.end(this.#manyFinding);
      this.#manyFinding = 0;
    }
  }

  #check(slot: number, nowMs: number): void {
    if (nowMs - (this.#halvedMs[slot] ?? 0) > HALVE_MS) this.#halve(slot, nowMs);
    if ((this.#findings[slot] ?? 0) !== 0) return;
    const watchedMs = nowMs - (this.#sinceMs[slot] ?? nowMs);
    if (watchedMs < this.#settings.learnSeconds * 1000) return;
    const silentSeconds = (nowMs - (this.#lastMs[slot] ?? nowMs)) / 1000;
    if (silentSeconds < this.#settings.leastSeconds) return;
    const repeats = watchedMs < 2 * this.#settings.learnSeconds * 1000 ? 1 : LEAST_REPEATS;
    const usual = this.#longestGapSeconds(slot, repeats);
    if (usual === 0 || silentSeconds < usual * this.#settings.timesUsual) return;
    if (this.#singles < SINGLE_FINDINGS) {
      const id = this.#openSingle(slot, silentSeconds, usual, nowMs);
      this.#findings[slot] = id;
      if (id > 0) this.#singles++;
    } else {
      this.#findings[slot] = -1;
      this.#hasMore = true;
    }
  }

  /** Before this time `#check` does nothing about a device that says nothing until then. */
  #nextMs(slot: number, nowMs: number): number {
    const halveMs = (this.#halvedMs[slot] ?? 0) + HALVE_MS;
    if ((this.#findings[slot] ?? 0) !== 0) return halveMs;
    const { learnSeconds, leastSeconds, timesUsual } = this.#settings;
    const learntMs = (this.#sinceMs[slot] ?? 0) + learnSeconds * 1000;
    const lastMs = this.#lastMs[slot] ?? 0;
    const possibleMs = Math.max(learntMs, lastMs + leastSeconds * 1000);
    if (possibleMs > nowMs) return Math.min(halveMs, possibleMs);
    // The usual gap is a shorter one once a device was watched for longer.
    const usual = this.#longestGapSeconds(slot, LEAST_REPEATS);
    return Math.min(halveMs, usual === 0 ? Infinity : lastMs + usual * timesUsual * 1000);
  }

  #halve(slot: number, nowMs: number): void {
    this.#halvedMs[slot] = nowMs;
    for (let at = slot * BUCKETS; at < (slot + 1) * BUCKETS; at++)
      this.#gaps[at] = (this.#gaps[at] ?? 0) >>> 1;
  }

  /** The upper edge of the highest bucket such that it and those above hold `repeats` gaps; 0 while too few are known. */
  #longestGapSeconds(slot: number, repeats: number): number {
    let gaps = 0;
    let longest = -1;
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      gaps += this.#gaps[slot * BUCKETS + bucket] ?? 0;
      if (longest < 0 && gaps >= repeats) longest = bucket;
    }
    return gaps < LEAST_GAPS || longest < 0 ? 0 : upperEdge(longest);
  }

  #medianGapSeconds(slot: number): number {
    let gaps = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) gaps += this.#gaps[slot * BUCKETS + bucket] ?? 0;
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      below += this.#gaps[slot * BUCKETS + bucket] ?? 0;
      if (below * 2 >= gaps) return upperEdge(bucket);
    }
    return 0;
  }

  #openSingle(slot: number, silentSeconds: number, usual: number, nowMs: number): number {
    const label = this.#context.describe(this.#devices.keyA(slot));
    const text = label.name ?? label.mac ?? 'a device';
    const lastMs = this.#lastMs[slot] ?? nowMs;
    const median = this.#medianGapSeconds(slot);
    const watchedDays = Math.round((nowMs - (this.#sinceMs[slot] ?? nowMs)) / 86_400_000);
    return this.#context.book.openFinding(
      {
        detector: 'deviceSilent',
        subject: text,
        what: 'silent',
        device: label.name,
        deviceMac: label.mac,
        peer: null,
        quietMs: QUIET_MS,
        firstMs: lastMs,
        count: 1,
        describe: () => ({
          severity:
            SEVERITY[usual <= HOUR_SECONDS ? 'deviceSilent.talkative' : 'deviceSilent.quiet'].severity,
          title: `${text} was last heard at ${new Date(lastMs).toISOString()}; it was never usually silent for longer than ${spanText(usual)}`,
          evidence: {
            lastHeard: new Date(lastMs).toISOString(),
            silentSecondsWhenTold: Math.round(silentSeconds),
            usualLongestGapSeconds: Math.round(usual),
            medianGapSeconds: Math.round(median),
            timesUsual: Math.round((silentSeconds / usual) * 10) / 10,
            thresholdTimesUsual: this.#settings.timesUsual,
            watchedDays,
          },
          remedy:
            'It closes when the device speaks. Look whether it is switched on, plugged in and at work; if it was taken out of service, remove it from the policy.',
        }),
      },
      nowMs,
    );
  }

  #openMany(nowMs: number): void {
    if (this.#manyFinding !== 0 && this.#context.book.touch(this.#manyFinding, nowMs)) return;
    this.#manyFinding = this.#context.book.openFinding(
      {
        detector: 'deviceSilent',
        subject: 'many devices',
        what: 'silent',
        device: null,
        deviceMac: null,
        peer: null,
        quietMs: QUIET_MS,
        firstMs: nowMs,
        count: 1,
        describe: () => {
          const names = this.#silentNames();
          return {
            severity: SEVERITY['deviceSilent.talkative'].severity,
            title: `${this.#singles + names.length} devices are silent for far longer than usual`,
            evidence: {
              silentDevices: this.#singles + names.length,
              devices: names.slice(0, MAX_NAMES),
              toldOneByOne: SINGLE_FINDINGS,
            },
            remedy:
              'It closes when they speak. So many at once: look at the switch, the power, and the link of the box first.',
          };
        },
      },
      nowMs,
    );
  }

  #silentNames(): string[] {
    const names: string[] = [];
    for (let slot = 0; slot < this.#devices.size; slot++) {
      if (this.#findings[slot] !== -1) continue;
      const { name, mac } = this.#context.describe(this.#devices.keyA(slot));
      names.push(name ?? mac ?? 'a device');
    }
    return names;
  }
}

/** The device sent something just now, as far as this event shows. */
function hasSpoken(event: DetectEvent): boolean {
  switch (event.kind) {
    case EVENT_IP:
    case EVENT_ARP:
      return event.fromDevice && !(event.verdict === VERDICT_REFUSED && event.kind === EVENT_ARP);
    case EVENT_PAYLOAD:
      return event.fromDevice !== event.isReply;
    case EVENT_END:
      return event.outcome === OUTCOME_ANSWERED && event.durationMs < RECENT_CONNECTION_MS;
    default:
      return false;
  }
}

function bucketOf(seconds: number): number {
  return Math.min(BUCKETS - 1, Math.floor(2 * Math.log2(seconds)));
}

function upperEdge(bucket: number): number {
  return 2 ** ((bucket + 1) / 2);
}

function spanText(seconds: number): string {
  if (seconds < 2 * HOUR_SECONDS) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.round(seconds / HOUR_SECONDS)} h`;
}
