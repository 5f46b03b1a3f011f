/**
 * Sequential hypothesis test on first contacts: who mostly meets hosts and ports that do not answer is looking for something.
 * Threshold Random Walk: Jung, Paxson, Berger, Balakrishnan, "Fast Portscan Detection Using Sequential Hypothesis Testing",
 * IEEE S&P 2004, section 4. One walk per opener (a device, or a host on the network side); each distinct peer and service
 * moves it once a day, however slowly they come, so that it sees what the windows of portScan and hostSweep do not. A refusal
 * counts as a failure, failure of what an approved entry allows does not: that is a server that is down. Whoever answered within a week is no
 * first contact (a device that is switched off), and what nobody answers is no failure (a log, an alarm, a stream). Beside it, many hosts outside
 * that each try one device in vain: none of them is a scanner by itself, together they show that the internet reaches the device.
 */
import { addressOr, describeSubject, MAX_EXAMPLES, type DetectContext, type Detector } from '../detector.js';
import {
  EVENT_END,
  OUTCOME_ANSWERED,
  serviceOf,
  subjectOf,
  VERDICT_ALLOWED,
  type DetectEvent,
  SEES_IP,
  SEES_END,
} from '../event.js';
import { isOneWay, isOutcome } from './failed-contact.js';
import { FanOut } from '../fan-out.js';
import { isInside } from '../inside.js';
import { scanOf } from './port-scan-opening.js';
import { serviceText } from '../probes.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { hash3 } from '../slot-table.js';
import { TftpAnswers } from './tftp-answers.js';

/** Failed first contacts remembered over all openers: 1.5 MiB. */
const CONTACTS = 16_384;
const CONTACTS_PER_OPENER = 4_096;
/** Contacts that answered within a week, so that a weekend or a holiday makes nobody new: 3 MiB. */
const ANSWERED = 32_768;
const ANSWERED_PER_OPENER = 4_096;
const ANSWERED_MS = 604_800_000;
/** (device, host outside) remembered. */
const STRANGERS = 8_192;
const STRANGERS_PER_DEVICE = 2_048;
/** A contact is first again after this long. */
const MEMORY_MS = 86_400_000;
const QUIET_MS = 3_600_000;

export function createFailedConnectionsDetector(
  context: DetectContext,
  settings: DetectSettings['failedConnections'],
): Detector {
  return new FailedConnections(context, settings);
}

class FailedConnections implements Detector {
  readonly name = 'failedConnections';
  readonly kinds = SEES_IP | SEES_END;
  readonly #context: DetectContext;
  readonly #leastFailures: number;
  /** What a success and a failure add to the logarithm of the likelihood ratio, and the two thresholds. */
  readonly #onSuccess: number;
  readonly #onFailure: number;
  readonly #scanner: number;
  readonly #benign: number;
  readonly #settings: DetectSettings['failedConnections'];
  readonly #failed = new FanOut(MEMORY_MS, { members: CONTACTS, membersPerGroup: CONTACTS_PER_OPENER });
  readonly #answered = new FanOut(ANSWERED_MS, {
    members: ANSWERED,
    membersPerGroup: ANSWERED_PER_OPENER,
  });
  readonly #strangers = new FanOut(MEMORY_MS, {
    members: STRANGERS,
    membersPerGroup: STRANGERS_PER_DEVICE,
  });
  readonly #tftp = new TftpAnswers();
  // By group slot of the failed contacts: an opener without a failure needs no walk.
  readonly #walk = new Float64Array(CONTACTS);
  readonly #beganMs = new Float64Array(CONTACTS);
  /** First contacts that answered since the walk began. */
  readonly #successes = new Int32Array(CONTACTS);
  /** The last failed contacts of an opener, in a ring: peer ticket and service. */
  readonly #failedPeers = new Int32Array(CONTACTS * MAX_EXAMPLES);
  readonly #failedServices = new Int32Array(CONTACTS * MAX_EXAMPLES);

  constructor(context: DetectContext, settings: DetectSettings['failedConnections']) {
    const { theta0, theta1, alpha, beta } = settings;
    this.#context = context;
    this.#settings = settings;
    this.#leastFailures = settings.leastFailures;
    this.#onSuccess = Math.log(theta1 / theta0);
    this.#onFailure = Math.log((1 - theta1) / (1 - theta0));
    this.#scanner = Math.log(beta / alpha);
    this.#benign = Math.log((1 - beta) / (1 - alpha));
  }

  observe(event: DetectEvent, nowMs: number): void {
    this.#tftp.note(event, nowMs);
    if (!isOutcome(event) || !this.#context.addresses.isHost(event.peer)) return;
    const isSuccess = event.kind === EVENT_END && event.outcome === OUTCOME_ANSWERED;
    if (!isSuccess && (event.verdict === VERDICT_ALLOWED || this.#isNoQuestion(event))) return;
    const opener = event.fromDevice ? subjectOf(event) : event.peer;
    const direction = event.fromDevice ? 1 : 0;
    const other = event.fromDevice ? event.peer : subjectOf(event);
    const contact = hash3(other, serviceOf(event), 0);
    const isKnown =
      this.#answered.has(opener, direction, 0, contact) || this.#failed.has(opener, direction, 0, contact);
    if (isSuccess) {
      this.#answered.add(opener, direction, 0, contact, nowMs);
      if (!isKnown) this.#succeed(this.#failed.find(opener, direction, 0));
      return;
    }
    if (isKnown) return;
    const slot = this.#failed.add(opener, direction, 0, contact, nowMs);
    if (this.#failed.events(slot) === 1 || nowMs - (this.#beganMs[slot] ?? 0) >= MEMORY_MS)
      this.#begin(slot, nowMs);
    this.#fail(slot, event, nowMs);
    if (!event.fromDevice && !isInside(this.#context.addresses, event.peer)) this.#stranger(event, nowMs);
  }

  tick(nowMs: number): void {
    this.#failed.expire(nowMs);
    this.#answered.expire(nowMs);
    this.#tftp.expire(nowMs);
    this.#strangers.expire(nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'failedConnections.evicted': this.#failed.evicted + this.#strangers.evicted,
      'failedConnections.answeredEvicted': this.#answered.evicted + this.#answered.beyondLimit,
      'failedConnections.beyondLimit': this.#failed.beyondLimit + this.#strangers.beyondLimit,
      'failedConnections.tftpDropped': this.#tftp.dropped,
    };
  }

  #begin(slot: number, nowMs: number): void {
    this.#walk[slot] = 0;
    this.#beganMs[slot] = nowMs;
    this.#successes[slot] = 0;
  }

  #succeed(slot: number): void {
    if (slot < 0) return;
    this.#successes[slot] = (this.#successes[slot] ?? 0) + 1;
    // The walk stays at the benign threshold: a long good record must not hide a scan that follows it.
    this.#walk[slot] = Math.max(this.#benign, (this.#walk[slot] ?? 0) + this.#onSuccess);
  }

  #fail(slot: number, event: DetectEvent, nowMs: number): void {
    const sightings = this.#failed.events(slot);
    const at = slot * MAX_EXAMPLES + ((sightings - 1) % MAX_EXAMPLES);
    this.#failedPeers[at] = event.fromDevice ? event.peer : event.local;
    this.#failedServices[at] = serviceOf(event);
    this.#walk[slot] = Math.min(this.#scanner, (this.#walk[slot] ?? 0) + this.#onFailure);
    const failures = this.#failed.distinct(slot);
    if ((this.#walk[slot] ?? 0) < this.#scanner || failures < this.#leastFailures) return;
    const id = this.#failed.finding(slot);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    // Asked again only now and then: who scans fast fails thousands of times.
    if (failures > this.#leastFailures && sightings % this.#leastFailures !== 0) return;
    if (!this.#isToldAsScan(event)) this.#failed.setFinding(slot, this.#open(slot, event, nowMs));
  }

  #isNoQuestion(event: DetectEvent): boolean {
    return isOneWay(this.#context.addresses, event) || this.#tftp.isAnswer(event);
  }

  #stranger(event: DetectEvent, nowMs: number): void {
    const strangers = this.#strangers;
    const group = strangers.add(subjectOf(event), 0, 0, event.peer, nowMs);
    const id = strangers.finding(group);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    if (strangers.distinct(group) < this.#settings.outsideHosts) return;
    const who = describeSubject(this.#context, event);
    const serial = strangers.serial(group);
    const opened = this.#context.book.openFinding(
      {
        detector: 'failedConnections',
        subject: who.text,
        what: 'tried-from-outside',
        device: who.device,
        deviceMac: who.mac,
        peer: null,
        quietMs: MEMORY_MS,
        firstMs: strangers.firstMs(group),
        count: strangers.events(group),
        describe: () => {
          if (strangers.serial(group) !== serial) return null;
          const hosts = `${strangers.isAtLimit(group) ? 'at least ' : ''}${strangers.peak(group)}`;
          return {
            severity: SEVERITY['failedConnections.fromOutside'].severity,
            title: `${who.text} can be reached from outside: ${hosts} hosts tried it in vain within a day`,
            evidence: {
              from: 'network',
              hostsOutside: strangers.peak(group),
              thresholdHosts: this.#settings.outsideHosts,
              examples: strangers
                .examples(group, MAX_EXAMPLES)
                .map((ticket) => addressOr(this.#context, ticket)),
            },
            remedy:
              'It closes a day after the last attempt. Take the device off the public network: close the forwarding or the firewall rule that leads to it.',
          };
        },
      },
      nowMs,
    );
    strangers.setFinding(group, opened);
  }

  #isToldAsScan(event: DetectEvent): boolean {
    const { book } = this.#context;
    const subject = describeSubject(this.#context, event).text;
    if (event.fromDevice) return book.isAbout('portScan', subject) || book.isAbout('hostSweep', subject);
    const opener = addressOr(this.#context, event.peer);
    return (
      book.isAbout('hostSweep', opener) || book.find('portScan', subject, scanOf(false, opener)) !== null
    );
  }

  #open(slot: number, event: DetectEvent, nowMs: number): number {
    const { fromDevice } = event;
    const who = fromDevice ? describeSubject(this.#context, event) : null;
    const opener = who?.text ?? addressOr(this.#context, event.peer);
    const serial = this.#failed.serial(slot);
    const { theta0, theta1, alpha, beta } = this.#settings;
    return this.#context.book.openFinding(
      {
        detector: 'failedConnections',
        subject: opener,
        what: fromDevice ? 'fails' : 'fails-at-devices',
        device: who?.device ?? null,
        deviceMac: who?.mac ?? null,
        peer: fromDevice ? null : opener,
        quietMs: QUIET_MS,
        firstMs: this.#failed.firstMs(slot),
        count: this.#failed.distinct(slot),
        describe: () => {
          if (this.#failed.serial(slot) !== serial) return null;
          const failures = this.#failed.peak(slot);
          const contacts = failures + (this.#successes[slot] ?? 0);
          return {
            severity:
              SEVERITY[fromDevice ? 'failedConnections.fromDevice' : 'failedConnections.atDevices'].severity,
            title: `${opener} looks for something: ${failures} of ${contacts} first contacts failed`,
            evidence: {
              from: fromDevice ? 'device' : 'network',
              failedFirstContacts: failures,
              firstContacts: contacts,
              usualShareThatSucceeds: theta0,
              scannersShareThatSucceeds: theta1,
              falseAlarmProbability: alpha,
              detectionProbability: beta,
              failed: this.#examples(slot, this.#failed.events(slot)),
            },
            remedy: fromDevice
              ? 'It closes an hour after the last new failure. If the listed hosts should be reached, allow them or mend the configuration that names hosts which are gone; if not, contain the device and look for what runs on it.'
              : `It closes an hour after the last new failure. If ${opener} is a scanner or an inventory of the site, allow it; if not, find out who uses it.`,
          };
        },
      },
      nowMs,
    );
  }

  #examples(slot: number, sightings: number): string[] {
    const found: string[] = [];
    for (let index = 0; index < Math.min(sightings, MAX_EXAMPLES); index++) {
      const at = slot * MAX_EXAMPLES + index;
      const address = addressOr(this.#context, this.#failedPeers[at] ?? 0);
      found.push(`${address} ${serviceText(this.#failedServices[at] ?? 0)}`);
    }
    return found;
  }
}
