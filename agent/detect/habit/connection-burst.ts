/**
 * New connections far above a device's own usual, or a flood of one target: a retry storm, a takeover at work, a denial of
 * service from a device or at it. What is usual is an exponentially weighted mean and deviation of the logarithm of new
 * connections per minute (Roberts 1959, EWMA control chart; the logarithm because counts of traffic are heavy-tailed). Bursts
 * without one service in them are scans and left to portScan. SYN floods: RFC 4987; spoofed sources: RFC 2827.
 */
import { PROTOCOL_TCP, TCP_ACK, TCP_SYN } from '../../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector, type Subject } from '../detector.js';
import {
  EVENT_END,
  EVENT_GOING,
  EVENT_IP,
  SEES_END,
  SEES_GOING,
  SEES_IP,
  serviceOf,
  subjectOf,
  UNKNOWN_DEVICE,
  type DetectEvent,
} from '../event.js';
import type { Memory } from '../memory.js';
import { isInside } from '../inside.js';
import { isPacketFlood, tellPacketFlood } from './packet-flood.js';
import { looksLikeAnswer, serviceText } from '../probes.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

/** (device, direction); about 90 bytes each. */
const SUBJECTS = 4_096;
/** Everybody whom the policy does not know, by side: a flood with forged sources is nobody's. */
const FORGED = -0x7fffffff;
const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;
/** Weight of the newest minute: a half-life of about an hour and a half. */
const WEIGHT = 1 / 128;
/** Minutes after which a device's own usual counts; before, twice the floor does. */
const LEAST_MINUTES = 30;
const UNKNOWN_FACTOR = 2;
/** Idle minutes that are still counted one by one after a pause; a longer one says that the device is switched off. */
const MAX_IDLE_MINUTES = 60;
/** This share of the new connections goes to one service, or it is a scan. */
const ONE_SERVICE_SHARE = 0.7;
/** This share of neighbouring first packets has another source each, and it is a flood of forged sources. */
const FORGED_SHARE = 0.9;
/** A burst is opened at multiples of this count. */
const ASK_AGAIN = 10;
const QUIET_MS = 300_000;
const MEMORY_VALUES = 3;

export function createConnectionBurstDetector(
  context: DetectContext,
  settings: DetectSettings['connectionBurst'],
): Detector {
  return new ConnectionBurst(context, settings);
}

class ConnectionBurst implements Detector {
  readonly name = 'connectionBurst';
  readonly kinds = SEES_IP | SEES_END | SEES_GOING;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['connectionBurst'];
  readonly #subjects = new SlotTable(SUBJECTS);
  readonly #beganMs = new Float64Array(SUBJECTS);
  readonly #minute = new Float64Array(SUBJECTS);
  readonly #inMinute = new Int32Array(SUBJECTS);
  readonly #second = new Float64Array(SUBJECTS);
  readonly #inSecond = new Int32Array(SUBJECTS);
  /** Majority vote (Boyer and Moore 1981) over the services of this second and minute: candidate, balance, and exact count since it became one. */
  readonly #service = new Int32Array(SUBJECTS);
  readonly #votes = new Int32Array(SUBJECTS);
  readonly #ofService = new Int32Array(SUBJECTS);
  readonly #ofServiceInMinute = new Int32Array(SUBJECTS);
  readonly #lastOther = new Int32Array(SUBJECTS);
  readonly #otherChanges = new Int32Array(SUBJECTS);
  readonly #synsInMinute = new Int32Array(SUBJECTS);
  readonly #mean = new Float64Array(SUBJECTS);
  readonly #deviation = new Float64Array(SUBJECTS);
  readonly #minutes = new Int32Array(SUBJECTS);
  /** The thresholds of this minute, computed once when it begins. */
  readonly #threshold = new Float64Array(SUBJECTS);
  readonly #perSecond = new Float64Array(SUBJECTS);
  readonly #findings = new Int32Array(SUBJECTS);
  readonly #isChanged = new Uint8Array(SUBJECTS);

  constructor(context: DetectContext, settings: DetectSettings['connectionBurst']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    const { packetsPerSecond } = this.#settings;
    const isCounted = event.kind === EVENT_END || event.kind === EVENT_GOING;
    if (isCounted && isPacketFlood(this.#context.addresses, event, packetsPerSecond))
      tellPacketFlood(this.#context, event, packetsPerSecond, nowMs);
    if (event.kind !== EVENT_IP || event.protocol < 0 || looksLikeAnswer(event)) return;
    const direction = event.fromDevice ? 1 : 0;
    if (event.fromDevice && event.deviceId <= UNKNOWN_DEVICE)
      this.#count(this.#subjects.intern(FORGED, direction, 0), event, event.local, nowMs, true);
    this.#count(this.#subjects.intern(subjectOf(event), direction, 0), event, event.peer, nowMs, false);
  }

  *memories(isAll: boolean): Generator<Memory> {
    for (let slot = 0; slot < this.#subjects.size; slot++) {
      if (this.#isChanged[slot] !== 1 && !isAll) continue;
      if (!isAll) this.#isChanged[slot] = 0;
      const id = this.#subjects.keyA(slot);
      const { name } = this.#context.describe(id);
      if (id <= UNKNOWN_DEVICE || name === null) continue;
      const values = [this.#mean[slot] ?? 0, this.#deviation[slot] ?? 0, this.#minutes[slot] ?? 0];
      const key = this.#subjects.keyB(slot) === 1 ? 'out' : 'in';
      yield { detector: 'connectionBurst', device: name, key, values };
    }
  }

  /** Idle minutes in between are not counted: a restart is short, and a longer one says nothing of the device. */
  restore({ device, key, values }: Memory, nowMs: number): void {
    const id = this.#context.idOf?.(device) ?? 0;
    const [mean = 0, deviation = 0, minutes = 0] = values;
    if (id === 0 || values.length !== MEMORY_VALUES) return;
    const slot = this.#subjects.intern(id, key === 'out' ? 1 : 0, 0);
    if (this.#subjects.isNew) this.#begin(slot, nowMs);
    else if ((this.#minutes[slot] ?? 0) >= minutes) return;
    this.#mean[slot] = mean;
    this.#deviation[slot] = deviation;
    this.#minutes[slot] = minutes;
    this.#isChanged[slot] = 1;
    this.#setThresholds(slot);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'connectionBurst.evicted': this.#subjects.evicted };
  }

  #count(slot: number, event: DetectEvent, other: number, nowMs: number, areForged: boolean): void {
    if (this.#subjects.isNew) this.#begin(slot, nowMs);
    this.#roll(slot, nowMs);
    this.#inMinute[slot] = (this.#inMinute[slot] ?? 0) + 1;
    this.#inSecond[slot] = (this.#inSecond[slot] ?? 0) + 1;
    if (event.protocol === PROTOCOL_TCP && (event.tcpFlags & (TCP_SYN | TCP_ACK)) === TCP_SYN)
      this.#synsInMinute[slot] = (this.#synsInMinute[slot] ?? 0) + 1;
    if (this.#lastOther[slot] !== other) this.#otherChanges[slot] = (this.#otherChanges[slot] ?? 0) + 1;
    this.#lastOther[slot] = other;
    this.#vote(slot, serviceOf(event));
    const isBurst = areForged ? this.#isForged(slot, event) : this.#isBurst(slot, event.fromDevice);
    const id = this.#findings[slot] ?? 0;
    if (!isBurst || (id !== 0 && this.#context.book.touch(id, nowMs))) return;
    // A sweep is many connections by nature; asked again only now and then.
    if ((this.#inMinute[slot] ?? 0) % ASK_AGAIN !== 0) return;
    if (event.fromDevice && this.#isToldAsSweep(event)) return;
    this.#findings[slot] = this.#open(slot, event, areForged, nowMs);
  }

  #isToldAsSweep(event: DetectEvent): boolean {
    return this.#context.book.isAbout('hostSweep', describeSubject(this.#context, event).text);
  }

  #begin(slot: number, nowMs: number): void {
    this.#beganMs[slot] = nowMs;
    this.#minute[slot] = Math.floor(nowMs / MINUTE_MS);
    this.#second[slot] = Math.floor(nowMs / SECOND_MS);
    this.#inMinute[slot] = 0;
    this.#inSecond[slot] = 0;
    this.#votes[slot] = 0;
    this.#ofService[slot] = 0;
    this.#ofServiceInMinute[slot] = 0;
    this.#lastOther[slot] = 0;
    this.#otherChanges[slot] = 0;
    this.#synsInMinute[slot] = 0;
    this.#mean[slot] = 0;
    this.#deviation[slot] = 0;
    this.#minutes[slot] = 0;
    this.#threshold[slot] = this.#settings.connectionsPerMinute * UNKNOWN_FACTOR;
    this.#perSecond[slot] = this.#settings.connectionsPerSecond;
    this.#findings[slot] = 0;
    this.#isChanged[slot] = 0;
  }

  #roll(slot: number, nowMs: number): void {
    const second = Math.floor(nowMs / SECOND_MS);
    if (second === this.#second[slot]) return;
    this.#second[slot] = second;
    this.#inSecond[slot] = 0;
    this.#ofService[slot] = 0;
    this.#otherChanges[slot] = 0;
    const minute = Math.floor(nowMs / MINUTE_MS);
    const passed = minute - (this.#minute[slot] ?? 0);
    if (passed === 0) return;
    this.#minute[slot] = minute;
    this.#learn(slot, this.#inMinute[slot] ?? 0);
    this.#isChanged[slot] = 1;
    const idle = Math.min(passed - 1, MAX_IDLE_MINUTES);
    for (let minutes = 0; minutes < idle; minutes++) this.#learn(slot, 0);
    this.#inMinute[slot] = 0;
    this.#votes[slot] = 0;
    this.#ofServiceInMinute[slot] = 0;
    this.#synsInMinute[slot] = 0;
    this.#setThresholds(slot);
  }

  /** A minute far above the usual is not learnt as it is: an attack must not become the usual while it lasts. */
  #learn(slot: number, count: number): void {
    const minutes = this.#minutes[slot] ?? 0;
    const value = Math.log1p(Math.min(count, this.#threshold[slot] ?? count));
    // The first minutes weigh as a plain mean does.
    const weight = Math.max(WEIGHT, 1 / (minutes + 1));
    const error = value - (this.#mean[slot] ?? 0);
    this.#mean[slot] = (this.#mean[slot] ?? 0) + weight * error;
    if (minutes > 0)
      this.#deviation[slot] =
        (this.#deviation[slot] ?? 0) + weight * (Math.abs(error) - (this.#deviation[slot] ?? 0));
    if (minutes < 0x3fffffff) this.#minutes[slot] = minutes + 1;
  }

  #setThresholds(slot: number): void {
    const { connectionsPerMinute, connectionsPerSecond, timesUsual, deviations } = this.#settings;
    if ((this.#minutes[slot] ?? 0) < LEAST_MINUTES) return;
    const mean = this.#mean[slot] ?? 0;
    const above = Math.max(Math.log(timesUsual), deviations * (this.#deviation[slot] ?? 0));
    this.#threshold[slot] = Math.max(connectionsPerMinute, Math.expm1(mean + above));
    this.#perSecond[slot] = Math.max(connectionsPerSecond, (Math.expm1(mean) * timesUsual) / 60);
  }

  #vote(slot: number, service: number): void {
    const votes = this.#votes[slot] ?? 0;
    if (votes === 0 && this.#service[slot] !== service) {
      this.#service[slot] = service;
      this.#ofService[slot] = 0;
      this.#ofServiceInMinute[slot] = 0;
    }
    const isCandidate = this.#service[slot] === service;
    this.#votes[slot] = isCandidate ? votes + 1 : votes - 1;
    if (!isCandidate) return;
    this.#ofService[slot] = (this.#ofService[slot] ?? 0) + 1;
    this.#ofServiceInMinute[slot] = (this.#ofServiceInMinute[slot] ?? 0) + 1;
  }

  #isBurst(slot: number, fromDevice: boolean): boolean {
    const inMinute = this.#inMinute[slot] ?? 0;
    if (
      inMinute >= (this.#threshold[slot] ?? 0) &&
      (this.#ofServiceInMinute[slot] ?? 0) >= inMinute * ONE_SERVICE_SHARE
    )
      return true;
    const inSecond = this.#inSecond[slot] ?? 0;
    if (inSecond < (this.#perSecond[slot] ?? 0)) return false;
    // A device that asks many hosts in one second polls or sweeps; one that asks one host so often floods it.
    const isOneHost = (this.#otherChanges[slot] ?? 0) <= inSecond * (1 - ONE_SERVICE_SHARE);
    return (this.#ofService[slot] ?? 0) >= inSecond * ONE_SERVICE_SHARE && (isOneHost || !fromDevice);
  }

  /** Many unknown devices may begin to speak at once (power comes back): that many within a second only if they claim to be of elsewhere. */
  #isForged(slot: number, event: DetectEvent): boolean {
    const inSecond = this.#inSecond[slot] ?? 0;
    const { connectionsPerSecond, forgedPerSecond } = this.#settings;
    return (
      inSecond >= (isInside(this.#context.addresses, event.local) ? connectionsPerSecond : forgedPerSecond) &&
      (this.#otherChanges[slot] ?? 0) >= inSecond * FORGED_SHARE
    );
  }

  #open(slot: number, event: DetectEvent, areForged: boolean, nowMs: number): number {
    const { fromDevice } = event;
    const serial = this.#subjects.serial(slot);
    const who: Subject = areForged
      ? { text: 'the device side', device: null, mac: null }
      : describeSubject(this.#context, event);
    const service = serviceText(this.#service[slot] ?? 0);
    const isScattered = (this.#otherChanges[slot] ?? 0) > (this.#inSecond[slot] ?? 0) / 2;
    const isOfService = serviceOf(event) === this.#service[slot];
    const peer = areForged || isScattered || !isOfService ? null : addressOr(this.#context, event.peer);
    const isSyn = (this.#synsInMinute[slot] ?? 0) * 2 > (this.#inMinute[slot] ?? 0);
    const kind = areForged ? 'flood with forged sources' : isSyn ? 'SYN burst' : 'burst';
    const usual = Math.round(Math.expm1(this.#mean[slot] ?? 0) * 10) / 10;
    const minutes = this.#minutes[slot] ?? 0;
    const threshold = Math.round(this.#threshold[slot] ?? 0);
    let peakPerMinute = 0;
    return this.#context.book.openFinding(
      {
        detector: 'connectionBurst',
        subject: who.text,
        what: areForged ? 'forged' : fromDevice ? 'opens' : 'is-opened-to',
        device: who.device,
        deviceMac: who.mac,
        peer,
        quietMs: QUIET_MS,
        firstMs: Math.max(this.#beganMs[slot] ?? nowMs, (this.#minute[slot] ?? 0) * MINUTE_MS),
        count: 1,
        describe: () => {
          if (this.#subjects.serial(slot) !== serial) return null;
          peakPerMinute = Math.max(peakPerMinute, this.#inMinute[slot] ?? 0);
          const rate = `${peakPerMinute} new connections in a minute`;
          return {
            severity:
              SEVERITY[
                areForged
                  ? 'connectionBurst.forged'
                  : fromDevice
                    ? 'connectionBurst.fromDevice'
                    : 'connectionBurst.atDevice'
              ].severity,
            title: areForged
              ? `A flood with ever other source addresses comes from the device side: ${rate}`
              : fromDevice
                ? `${who.text} opens ${rate}, mostly ${service}${peer === null ? '' : ` to ${peer}`}; usual are ${usual}`
                : `${who.text} is flooded: ${rate}, mostly ${service}${peer === null ? ' from many hosts' : ` from ${peer}`}; usual are ${usual}`,
            evidence: {
              kind,
              from: fromDevice ? 'device' : 'network',
              service,
              connectionsInMinute: peakPerMinute,
              usualPerMinute: usual,
              usualFromMinutes: minutes,
              thresholdPerMinute: threshold,
              thresholdPerSecond: this.#settings.connectionsPerSecond,
            },
            remedy: areForged
              ? 'It closes 5 min after the last burst. Find the device whose frames carry the forged sources (cordon devices shows MACs) and take it off the network.'
              : fromDevice
                ? 'It closes 5 min after the last burst. If its server is down, bring that back; if the device is meant to do this, raise detect.connectionBurst.connectionsPerMinute; if not, contain it.'
                : 'It closes 5 min after the last burst. Find out what the sources are; if they are meant to do this, raise detect.connectionBurst.connectionsPerMinute.',
          };
        },
      },
      nowMs,
    );
  }
}
