/**
 * Bytes sent by a device per hour, far above its own history: data on its way out. What is usual is an exponentially weighted mean and
 * deviation of the logarithm of the hour's bytes (Roberts 1959; the logarithm because volumes are heavy-tailed), and the highest hour of
 * the last days: a back-up every night is rare by the mean, and usual. The sum of the last 24 hours is judged against the highest such sum, as what
 * leaves slowly stays below every hour's threshold. Counted when connections end, and every two minutes while they last.
 */
import { addressOr, describeSubject, type DetectContext, type Detector } from '../detector.js';
import {
  EVENT_END,
  EVENT_GOING,
  portsOf,
  SEES_END,
  SEES_GOING,
  subjectOf,
  type DetectEvent,
} from '../event.js';
import type { Memory } from '../memory.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

const SUBJECTS = 2_048;
/** Connections that last: (subject, peer, ports); 40 bytes each. */
const LASTING = 4_096;
const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
/** Monday to Friday (UTC): a device that was only seen over a weekend has shown nothing of its work. 1 January 1970 was a Thursday. */
const FIRST_WEEKDAY = 3;
const WORKING_DAYS = 5;
/** Half-life of about two days. */
const WEIGHT = 1 / 64;
const MAX_IDLE_HOURS = 168;
/** The highest hour fades to half in two weeks, and less than twice of it is nothing new. */
const PEAK_FADES = 2 ** (-1 / 336);
const TIMES_PEAK = 2;
/**
 * Of what was told, this much counts as usual from then on: a weekly back-up is told once, and told again when it is half as large again. Less
 * would tell it for weeks, as it fades in between.
 */
const TOLD_SHARE = 0.75;
const DAY_FADES = PEAK_FADES ** DAY_HOURS;
/** Hours at the floor that a day's sum takes at least. */
const FLOOR_HOURS = 4;
const QUIET_MS = HOUR_MS;
const MEGABYTE = 1_000_000;
/** The last ones came later: hours of working days, the highest day; the highest sum of this day, of the day before, and each of the last 24 hours. */
const LEAST_MEMORY_VALUES = 6;

export function createVolumeDetector(context: DetectContext, settings: DetectSettings['volume']): Detector {
  return new Volume(context, settings);
}

class Volume implements Detector {
  readonly name = 'volume';
  readonly kinds = SEES_END | SEES_GOING;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['volume'];
  readonly #subjects = new SlotTable(SUBJECTS);
  readonly #hour = new Float64Array(SUBJECTS);
  /** Bytes of each of the last 24 hours, by the hour's number modulo 24. */
  readonly #lastHours = new Float64Array(SUBJECTS * DAY_HOURS);
  readonly #mean = new Float64Array(SUBJECTS);
  readonly #deviation = new Float64Array(SUBJECTS);
  readonly #peak = new Float64Array(SUBJECTS);
  readonly #hours = new Int32Array(SUBJECTS);
  /** Of those, hours of working days. */
  readonly #workHours = new Int32Array(SUBJECTS);
  /** Their sum; the highest of this day (UTC) and of the day before; and of all days before these. */
  readonly #dayBytes = new Float64Array(SUBJECTS);
  readonly #todayMost = new Float64Array(SUBJECTS);
  readonly #yesterdayMost = new Float64Array(SUBJECTS);
  readonly #dayPeak = new Float64Array(SUBJECTS);
  readonly #findings = new Int32Array(SUBJECTS);
  readonly #isChanged = new Uint8Array(SUBJECTS);
  readonly #lasting = new SlotTable(LASTING);
  /** Bytes of each that are counted already. */
  readonly #counted = new Float64Array(LASTING);

  constructor(context: DetectContext, settings: DetectSettings['volume']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_END && event.kind !== EVENT_GOING) return;
    const bytes = this.#freshBytes(event);
    if (bytes === 0) return;
    const slot = this.#subjects.intern(subjectOf(event), 0, 0);
    const hour = Math.floor(nowMs / HOUR_MS);
    if (this.#subjects.isNew) {
      this.#hour[slot] = hour;
      this.#mean[slot] = this.#deviation[slot] = this.#peak[slot] = 0;
      this.#hours[slot] = this.#workHours[slot] = this.#findings[slot] = 0;
      this.#lastHours.fill(0, slot * DAY_HOURS, (slot + 1) * DAY_HOURS);
      this.#dayBytes[slot] = this.#todayMost[slot] = this.#yesterdayMost[slot] = this.#dayPeak[slot] = 0;
    }
    this.#roll(slot, hour);
    this.#isChanged[slot] = 1;
    this.#add(slot, hour, bytes);
    if (!this.#isSettled(slot)) return;
    const isOfHour = this.#bytesOf(slot, hour) >= this.#threshold(slot);
    if (!isOfHour && (this.#dayBytes[slot] ?? 0) < this.#dayThreshold(slot)) return;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#findings[slot] = this.#open(slot, event, isOfHour, nowMs);
  }

  *memories(isAll: boolean): Generator<Memory> {
    for (let slot = 0; slot < this.#subjects.size; slot++) {
      if (this.#isChanged[slot] !== 1 && !isAll) continue;
      if (!isAll) this.#isChanged[slot] = 0;
      const { name } = this.#context.describe(this.#subjects.keyA(slot));
      if (name === null) continue;
      const values = [
        this.#hour[slot] ?? 0,
        this.#bytesOf(slot, this.#hour[slot] ?? 0),
        this.#mean[slot] ?? 0,
        this.#deviation[slot] ?? 0,
        this.#peak[slot] ?? 0,
        this.#hours[slot] ?? 0,
        this.#workHours[slot] ?? 0,
        this.#dayPeak[slot] ?? 0,
        this.#todayMost[slot] ?? 0,
        this.#yesterdayMost[slot] ?? 0,
        ...this.#lastHours.subarray(slot * DAY_HOURS, (slot + 1) * DAY_HOURS),
      ];
      yield { detector: 'volume', device: name, key: '', values };
    }
  }

  restore({ device, values }: Memory): void {
    const id = this.#context.idOf?.(device) ?? 0;
    const [hour = 0, bytes = 0, mean = 0, deviation = 0, peak = 0, hours = 0] = values;
    if (id === 0 || values.length < LEAST_MEMORY_VALUES) return;
    const [workHours = hours, dayPeak = peak, todayMost = 0, yesterdayMost = 0, ...lastHours] =
      values.slice(LEAST_MEMORY_VALUES);
    const slot = this.#subjects.intern(id, 0, 0);
    // What was seen since the start is newer, but shorter.
    if (!this.#subjects.isNew && (this.#hours[slot] ?? 0) >= hours) return;
    const sinceStart = this.#subjects.isNew ? 0 : this.#bytesOf(slot, this.#hour[slot] ?? 0);
    if (this.#subjects.isNew) this.#findings[slot] = 0;
    this.#hour[slot] = hour;
    this.#mean[slot] = mean;
    this.#deviation[slot] = deviation;
    this.#peak[slot] = peak;
    this.#hours[slot] = hours;
    this.#workHours[slot] = workHours;
    this.#dayPeak[slot] = dayPeak;
    this.#todayMost[slot] = todayMost;
    this.#yesterdayMost[slot] = yesterdayMost;
    const isWhole = lastHours.length === DAY_HOURS;
    for (let index = 0; index < DAY_HOURS; index++)
      this.#lastHours[slot * DAY_HOURS + index] = isWhole ? (lastHours[index] ?? 0) : 0;
    if (!isWhole) this.#lastHours[slot * DAY_HOURS + (hour % DAY_HOURS)] = bytes;
    this.#dayBytes[slot] = this.#sumOf(slot);
    if (sinceStart > 0) this.#add(slot, hour, sinceStart);
    this.#isChanged[slot] = 1;
  }

  counters(): Readonly<Record<string, number>> {
    return { 'volume.evicted': this.#subjects.evicted + this.#lasting.evicted };
  }

  #bytesOf(slot: number, hour: number): number {
    return this.#lastHours[slot * DAY_HOURS + (hour % DAY_HOURS)] ?? 0;
  }

  #sumOf(slot: number): number {
    let sum = 0;
    for (let index = 0; index < DAY_HOURS; index++) sum += this.#lastHours[slot * DAY_HOURS + index] ?? 0;
    return sum;
  }

  #add(slot: number, hour: number, bytes: number): void {
    const at = slot * DAY_HOURS + (hour % DAY_HOURS);
    this.#lastHours[at] = (this.#lastHours[at] ?? 0) + bytes;
    const sum = (this.#dayBytes[slot] ?? 0) + bytes;
    this.#dayBytes[slot] = sum;
    this.#todayMost[slot] = Math.max(sum, this.#todayMost[slot] ?? 0);
  }

  /** What the device sent in this connection since it was counted last. */
  #freshBytes(event: DetectEvent): number {
    const { bytesOut, peer } = event;
    const ports = portsOf(event);
    const isOver = event.kind === EVENT_END;
    const slot = isOver
      ? this.#lasting.find(subjectOf(event), peer, ports)
      : this.#lasting.intern(subjectOf(event), peer, ports);
    if (slot < 0) return bytesOut;
    const counted = !isOver && this.#lasting.isNew ? 0 : (this.#counted[slot] ?? 0);
    this.#counted[slot] = isOver ? 0 : bytesOut;
    // Less than before is another connection with the same ports.
    return bytesOut < counted ? bytesOut : bytesOut - counted;
  }

  #threshold(slot: number): number {
    const { megabytesPerHour, timesUsual, deviations } = this.#settings;
    const above = Math.max(Math.log(timesUsual), deviations * (this.#deviation[slot] ?? 0));
    return Math.max(
      megabytesPerHour * MEGABYTE,
      Math.expm1((this.#mean[slot] ?? 0) + above),
      (this.#peak[slot] ?? 0) * TIMES_PEAK,
    );
  }

  #dayThreshold(slot: number): number {
    const { megabytesPerHour, timesUsual } = this.#settings;
    return Math.max(megabytesPerHour * MEGABYTE * FLOOR_HOURS, (this.#dayPeak[slot] ?? 0) * timesUsual);
  }

  #isSettled(slot: number): boolean {
    return (this.#workHours[slot] ?? 0) >= this.#settings.historyHours;
  }

  #roll(slot: number, hour: number): void {
    const passed = hour - (this.#hour[slot] ?? 0);
    if (passed === 0) return;
    this.#hour[slot] = hour;
    // A clock that was set: the hour begins anew, and nothing is learnt of it.
    if (passed > 0) {
      // First, as it was when that day ended.
      if (Math.floor(hour / DAY_HOURS) !== Math.floor((hour - passed) / DAY_HOURS)) this.#learnDay(slot);
      this.#learn(slot, this.#bytesOf(slot, hour - passed), hour - passed);
      for (let idle = Math.min(passed - 1, MAX_IDLE_HOURS); idle > 0; idle--)
        this.#learn(slot, 0, hour - idle);
    }
    for (let ago = passed > 0 ? Math.min(passed, DAY_HOURS) - 1 : 0; ago >= 0; ago--)
      this.#lastHours[slot * DAY_HOURS + ((hour - ago) % DAY_HOURS)] = 0;
    this.#dayBytes[slot] = this.#sumOf(slot);
  }

  /** What is far above the usual is learnt only up to the threshold: an attack must not become the usual. */
  #learn(slot: number, bytes: number, hour: number): void {
    const hours = this.#hours[slot] ?? 0;
    const learnt = this.#isSettled(slot) ? Math.min(bytes, this.#threshold(slot)) : bytes;
    const value = Math.log1p(learnt);
    const weight = Math.max(WEIGHT, 1 / (hours + 1));
    const error = value - (this.#mean[slot] ?? 0);
    this.#mean[slot] = (this.#mean[slot] ?? 0) + weight * error;
    if (hours > 0)
      this.#deviation[slot] =
        (this.#deviation[slot] ?? 0) + weight * (Math.abs(error) - (this.#deviation[slot] ?? 0));
    this.#peak[slot] = Math.max(learnt, bytes * TOLD_SHARE, (this.#peak[slot] ?? 0) * PEAK_FADES);
    if (hours < 0x3fffffff) this.#hours[slot] = hours + 1;
    const workHours = this.#workHours[slot] ?? 0;
    if (isOfWorkingDay(hour) && workHours < 0x3fffffff) this.#workHours[slot] = workHours + 1;
  }

  /** A day late: what began to leave slowly this evening must not be usual tomorrow. */
  #learnDay(slot: number): void {
    const most = this.#yesterdayMost[slot] ?? 0;
    const learnt = this.#isSettled(slot) ? Math.min(most, this.#dayThreshold(slot)) : most;
    this.#dayPeak[slot] = Math.max(learnt, (this.#dayPeak[slot] ?? 0) * DAY_FADES);
    this.#yesterdayMost[slot] = this.#todayMost[slot] ?? 0;
    this.#todayMost[slot] = 0;
  }

  #open(slot: number, event: DetectEvent, isOfHour: boolean, nowMs: number): number {
    const who = describeSubject(this.#context, event);
    const serial = this.#subjects.serial(slot);
    const peer = addressOr(this.#context, event.peer);
    const usual = Math.expm1(this.#mean[slot] ?? 0);
    const highestDay = this.#dayPeak[slot] ?? 0;
    const threshold = this.#threshold(slot);
    let most = 0;
    let mostOfDay = 0;
    return this.#context.book.openFinding(
      {
        detector: 'volume',
        subject: who.text,
        what: 'out',
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: QUIET_MS,
        firstMs: nowMs,
        count: 1,
        describe: () => {
          if (this.#subjects.serial(slot) !== serial) return null;
          most = Math.max(most, this.#bytesOf(slot, this.#hour[slot] ?? 0));
          mostOfDay = Math.max(mostOfDay, this.#dayBytes[slot] ?? 0);
          return {
            severity: SEVERITY['volume.out'].severity,
            title: isOfHour
              ? `${who.text} sent ${megabytes(most)} MB within an hour, the last of it to ${peer}; usual are ${megabytes(usual)} MB`
              : `${who.text} sent ${megabytes(mostOfDay)} MB within 24 hours, the last of it to ${peer}; the most before were ${megabytes(highestDay)} MB`,
            evidence: {
              megabytesThisHour: megabytes(most),
              usualMegabytesPerHour: megabytes(usual),
              thresholdMegabytes: megabytes(threshold),
              megabytesLast24Hours: megabytes(mostOfDay),
              most24HoursBeforeMegabytes: megabytes(highestDay),
              historyHours: this.#hours[slot] ?? 0,
            },
            remedy:
              'It closes after an hour without more. If it is a new routine (an export, a back-up), it is usual from now on, or raise detect.volume.megabytesPerHour; if not, contain the device.',
          };
        },
      },
      nowMs,
    );
  }
}

function isOfWorkingDay(hour: number): boolean {
  return (Math.floor(hour / DAY_HOURS) + FIRST_WEEKDAY) % 7 < WORKING_DAYS;
}

function megabytes(bytes: number): number {
  return Math.round((bytes / MEGABYTE) * 10) / 10;
}
