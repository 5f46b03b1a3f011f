/**
 * A worm's way: a device is contacted on a service and then contacts many others on the same one ("server turned client"),
 * or it meets, on one service, many hosts that it never met before. Ellis, Aiken, Attwood, Tenaglia, "A Behavioral Approach
 * to Worm Detection", WORM 2004, sections 3.1 and 3.2: the fan-out of infection does not depend on whether the targets
 * answer. Hosts that contacted the device themselves on that service (peers of DICOM, SIP, BACnet) and those that
 * an approved entry allows are no targets.
 */
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../packet/view.js';
import {
  addressOr,
  describeSubject,
  MAX_EXAMPLES,
  ratePerSecond,
  type DetectContext,
  type Detector,
} from './detector.js';
import { EVENT_IP, serviceOf, subjectOf, VERDICT_ALLOWED, type DetectEvent, SEES_IP } from './event.js';
import { FanOut } from './fan-out.js';
import { looksLikeAnswer, serviceText } from './probes.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';
import { SlotTable } from './slot-table.js';

/** (device, service, host): targets within the window, and everybody met within a week; 4 MiB together. */
const TARGETS = 16_384;
const MET = 32_768;
const TARGETS_PER_GROUP = 2_048;
const MET_PER_GROUP = 4_096;
const MET_MS = 604_800_000;
/** (device, service) that were contacted. */
const SERVERS = 4_096;
const QUIET_MS = 900_000;

export function createWormSpreadDetector(
  context: DetectContext,
  settings: DetectSettings['wormSpread'],
): Detector {
  return new WormSpread(context, settings);
}

class WormSpread implements Detector {
  readonly name = 'wormSpread';
  readonly kinds = SEES_IP;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['wormSpread'];
  readonly #targets: FanOut;
  readonly #met = new FanOut(MET_MS, { members: MET, membersPerGroup: MET_PER_GROUP });
  readonly #servers = new SlotTable(SERVERS);
  readonly #contactedMs = new Float64Array(SERVERS);
  readonly #contactedBy = new Int32Array(SERVERS);

  constructor(context: DetectContext, settings: DetectSettings['wormSpread']) {
    this.#context = context;
    this.#settings = settings;
    this.#targets = new FanOut(settings.windowSeconds * 1000, {
      members: TARGETS,
      membersPerGroup: TARGETS_PER_GROUP,
    });
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_IP || event.port < 0) return;
    if (event.protocol !== PROTOCOL_TCP && event.protocol !== PROTOCOL_UDP) return;
    if (!this.#context.addresses.isHost(event.peer) || looksLikeAnswer(event)) return;
    const who = subjectOf(event);
    const service = serviceOf(event);
    const isMet = this.#met.has(who, service, 0, event.peer);
    this.#met.add(who, service, 0, event.peer, nowMs);
    if (!event.fromDevice) {
      // Whoever the device itself called on this service and that calls back has infected nobody.
      if (isMet) return;
      const slot = this.#servers.intern(who, service, 0);
      this.#contactedMs[slot] = nowMs;
      this.#contactedBy[slot] = event.peer;
      return;
    }
    if (event.verdict === VERDICT_ALLOWED) return;
    if (isMet) {
      if (this.#targets.has(who, service, 0, event.peer))
        this.#touch(this.#targets.find(who, service, 0), nowMs);
      return;
    }
    const slot = this.#targets.add(who, service, 0, event.peer, nowMs);
    if (this.#touch(slot, nowMs)) return;
    const server = this.#serverBefore(who, service, nowMs);
    const threshold = server >= 0 ? this.#settings.hostsAfterContact : this.#settings.hosts;
    const distinct = this.#targets.distinct(slot);
    if (distinct < threshold) return;
    // Neighbours that a sweep has told need not be told again; that the device was contacted first is news.
    if (server < 0 && (distinct % threshold !== 0 || this.#isToldAsSweep(event))) return;
    this.#targets.setFinding(slot, this.#open(slot, server, threshold, event, nowMs));
  }

  tick(nowMs: number): void {
    this.#targets.expire(nowMs);
    this.#met.expire(nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'wormSpread.evicted': this.#targets.evicted + this.#met.evicted + this.#servers.evicted,
      'wormSpread.beyondLimit': this.#targets.beyondLimit + this.#met.beyondLimit,
    };
  }

  #isToldAsSweep(event: DetectEvent): boolean {
    return this.#context.book.isAbout('hostSweep', describeSubject(this.#context, event).text);
  }

  #touch(slot: number, nowMs: number): boolean {
    const id = this.#targets.finding(slot);
    return id !== 0 && this.#context.book.touch(id, nowMs);
  }

  /** The slot of the contact that came before the spreading, or -1. */
  #serverBefore(who: number, service: number, nowMs: number): number {
    const slot = this.#servers.find(who, service, 0);
    if (slot < 0) return -1;
    const isRecent = nowMs - (this.#contactedMs[slot] ?? 0) <= this.#settings.afterContactSeconds * 1000;
    return isRecent ? slot : -1;
  }

  #open(slot: number, server: number, threshold: number, event: DetectEvent, nowMs: number): number {
    const { addresses, book } = this.#context;
    const targets = this.#targets;
    const who = describeSubject(this.#context, event);
    const service = serviceText(serviceOf(event));
    const serial = targets.serial(slot);
    const isTurned = server >= 0;
    const by = isTurned ? addressOr(this.#context, this.#contactedBy[server] ?? 0) : null;
    const afterSeconds = isTurned ? Math.round((nowMs - (this.#contactedMs[server] ?? nowMs)) / 1000) : 0;
    const { windowSeconds } = this.#settings;
    return book.openFinding(
      {
        detector: 'wormSpread',
        subject: who.text,
        what: service,
        device: who.device,
        deviceMac: who.mac,
        peer: by,
        quietMs: QUIET_MS,
        firstMs: targets.firstMs(slot),
        count: targets.events(slot),
        describe: (count, firstMs, lastMs) => {
          if (targets.serial(slot) !== serial) return null;
          const hosts = targets.peak(slot);
          const examples = targets.examples(slot, MAX_EXAMPLES);
          return {
            severity: SEVERITY[isTurned ? 'wormSpread.turnedClient' : 'wormSpread.fanOut'].severity,
            title: isTurned
              ? `${who.text} spreads on ${service}: ${hosts} new hosts, after ${by ?? 'a host'} had contacted it on ${service}`
              : `${who.text} spreads on ${service}: ${hosts} hosts it never met, within ${windowSeconds} s`,
            evidence: {
              kind: isTurned ? 'server turned client' : 'fan-out to new hosts',
              service,
              newHosts: hosts,
              thresholdHosts: threshold,
              windowSeconds,
              ...(by === null ? {} : { contactedBy: by, secondsAfterContact: afterSeconds }),
              hosts: examples.map((ticket) => addresses.text(ticket) ?? 'an address not kept'),
              contactsPerSecond: ratePerSecond(count, firstMs, lastMs),
            },
            remedy: `It closes 15 min after the last new contact. If the device is meant to reach these hosts on ${service}, add allow entries for them; if not, contain it now${by === null ? '' : `, and look at ${by} too`}.`,
          };
        },
      },
      nowMs,
    );
  }
}
