/**
 * A worm's way: a device is contacted on a service and then contacts many others on the same one ("server turned client"),
 * or it meets, on one service, many hosts that it never met before. Ellis, Aiken, Attwood, Tenaglia, "A Behavioral Approach
 * to Worm Detection", WORM 2004, sections 3.1 and 3.2: the fan-out of infection does not depend on whether the targets
 * answer. Hosts that contacted the device themselves on that service (peers of DICOM, SIP, BACnet) and those that
 * an approved entry allows are no targets; web pages and names outside are hardly spreading unless many of them fail. A device that has long used a service towards
 * others has not turned, and by what takes no machine over (DICOM, HL7) only a device turns that has been watched for a week.
 */
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../packet/view.js';
import { isAdministrative } from '../administrative.js';
import {
  addressOr,
  describeSubject,
  MAX_EXAMPLES,
  ratePerSecond,
  type DetectContext,
  type Detector,
} from '../detector.js';
import {
  EVENT_END,
  EVENT_IP,
  OUTCOME_ANSWERED,
  serviceOf,
  subjectOf,
  UNKNOWN_DEVICE,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  type DetectEvent,
  SEES_END,
  SEES_IP,
} from '../event.js';
import { FanOut } from '../fan-out.js';
import { isInside } from '../inside.js';
import { MAX_MEMORY_VALUES, type Memory } from '../memory.js';
import { looksLikeAnswer, serviceText } from '../probes.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

/** (device, service, host): targets within the window, and everybody met within a week; 4 MiB together. */
const TARGETS = 16_384;
const MET = 32_768;
const TARGETS_PER_GROUP = 2_048;
const MET_PER_GROUP = 4_096;
const MET_MS = 604_800_000;
/** (device, service) that were contacted. */
const SERVERS = 4_096;
const QUIET_MS = 900_000;
const DAY_MS = 86_400_000;
/** Devices, and the services that they use towards others. */
const WATCHED = 4_096;
const USED = 8_192;
/** On so many days a device used a service towards others: it is its own, whoever calls it on the same. */
const OWN_DAYS = 3;
/** A week has every weekday in it: before, what a device does for the first time says little. */
const NEW_MS = 604_800_000;
/** What a browser, a resolver or an agent of a cloud meets outside: ever other hosts, all day. They were told where to look, and most answer. */
const WEB_AND_NAMES: ReadonlySet<number> = new Set([53, 80, 443]);
/** One of so many targets outside fails where they are guessed, or on a list of what is long gone. */
const GUESSED_OF = 4;
const FAILED = 4_096;
/**
 * Made so that each is called and calls: Windows hands its updates on by 7680 (Microsoft, "Delivery Optimization reference"), and asks
 * neighbours what they are by 5357 (WSDAPI).
 */
const PEER_TO_PEER: ReadonlySet<number> = new Set([7680, 5357]);
/** Nobody turns client by mail: a relay takes it and hands it on. */
const MAIL = 25;

export function createWormSpreadDetector(
  context: DetectContext,
  settings: DetectSettings['wormSpread'],
): Detector {
  return new WormSpread(context, settings);
}

class WormSpread implements Detector {
  readonly name = 'wormSpread';
  readonly kinds = SEES_IP | SEES_END;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['wormSpread'];
  readonly #targets: FanOut;
  /** Targets outside that did not answer. */
  readonly #failed: FanOut;
  readonly #met = new FanOut(MET_MS, { members: MET, membersPerGroup: MET_PER_GROUP });
  readonly #servers = new SlotTable(SERVERS);
  readonly #contactedMs = new Float64Array(SERVERS);
  readonly #contactedBy = new Int32Array(SERVERS);
  /** Since when a device is watched, and whose an address is. */
  readonly #watched = new SlotTable(WATCHED);
  readonly #sinceMs = new Float64Array(WATCHED);
  readonly #owners = new SlotTable(WATCHED);
  readonly #owner = new Int32Array(WATCHED);
  /** (device, service) towards others: on how many days, and the last of them. */
  readonly #used = new SlotTable(USED);
  readonly #days = new Uint8Array(USED);
  readonly #lastDay = new Int32Array(USED);
  /** Days that its memory told when it was last taken, and one more: 0 is never. */
  readonly #toldDays = new Int32Array(WATCHED);

  constructor(context: DetectContext, settings: DetectSettings['wormSpread']) {
    this.#context = context;
    this.#settings = settings;
    this.#targets = new FanOut(settings.windowSeconds * 1000, {
      members: TARGETS,
      membersPerGroup: TARGETS_PER_GROUP,
    });
    this.#failed = new FanOut(settings.windowSeconds * 1000, {
      members: FAILED,
      membersPerGroup: TARGETS_PER_GROUP,
    });
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind === EVENT_END) {
      this.#ended(event, nowMs);
      return;
    }
    if (event.kind !== EVENT_IP || event.port < 0) return;
    if (event.protocol !== PROTOCOL_TCP && event.protocol !== PROTOCOL_UDP) return;
    if (!this.#context.addresses.isHost(event.peer) || looksLikeAnswer(event)) return;
    const who = subjectOf(event);
    const service = serviceOf(event);
    // Forged sources would push out what is known of devices.
    const isKnown = event.deviceId > UNKNOWN_DEVICE;
    const isNew = !isKnown || this.#isNew(who, nowMs);
    const isMet = this.#met.has(who, service, 0, event.peer);
    this.#met.add(who, service, 0, event.peer, nowMs);
    if (!event.fromDevice) {
      // Whoever the device itself called on this service and that calls back has infected nobody.
      if (!isMet) this.#contacted(who, service, event.peer, nowMs);
      return;
    }
    if (isKnown) this.#contactedDevice(event, who, service, nowMs);
    const isOwn = isKnown && this.#isOwn(who, service, nowMs);
    if (event.verdict === VERDICT_ALLOWED) return;
    if (isMet) {
      if (this.#targets.has(who, service, 0, event.peer))
        this.#touch(this.#targets.find(who, service, 0), nowMs);
      return;
    }
    const slot = this.#targets.add(who, service, 0, event.peer, nowMs);
    if (this.#touch(slot, nowMs)) return;
    const isOrdinary = this.#isOrdinary(event);
    if (isOrdinary && isOwn) return;
    const canTurn = !isOwn && !isOrdinary && (isAdministrative(service) || (!isNew && !isHandedOn(event)));
    const server = canTurn ? this.#serverBefore(who, service, nowMs) : -1;
    const threshold = server >= 0 ? this.#settings.hostsAfterContact : this.#settings.hosts;
    const distinct = this.#targets.distinct(slot);
    if (distinct < threshold) return;
    // Neighbours that a sweep has told need not be told again; that the device was contacted first is news.
    if (server < 0 && (distinct % threshold !== 0 || this.#isToldAsSweep(event))) return;
    this.#targets.setFinding(slot, this.#open(slot, server, threshold, event, nowMs));
  }

  #ended(event: DetectEvent, nowMs: number): void {
    if (!event.fromDevice || event.outcome === OUTCOME_ANSWERED || !this.#isOrdinary(event)) return;
    const who = subjectOf(event);
    const service = serviceOf(event);
    if (!this.#targets.has(who, service, 0, event.peer)) return;
    this.#failed.add(who, service, 0, event.peer, nowMs);
    const slot = this.#targets.find(who, service, 0);
    const { hosts } = this.#settings;
    if (this.#targets.distinct(slot) < hosts || !this.#isGuessing(who, service)) return;
    if (this.#touch(slot, nowMs) || this.#isToldAsSweep(event)) return;
    this.#targets.setFinding(slot, this.#open(slot, -1, hosts, event, nowMs));
  }

  #isGuessing(who: number, service: number): boolean {
    const failed = this.#failed.find(who, service, 0);
    const targets = this.#targets.find(who, service, 0);
    if (failed < 0 || targets < 0) return false;
    return this.#failed.distinct(failed) * GUESSED_OF >= this.#targets.distinct(targets);
  }

  tick(nowMs: number): void {
    this.#failed.expire(nowMs);
    this.#targets.expire(nowMs);
    this.#met.expire(nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'wormSpread.evicted':
        this.#targets.evicted +
        this.#failed.evicted +
        this.#met.evicted +
        this.#servers.evicted +
        this.#watched.evicted +
        this.#owners.evicted +
        this.#used.evicted,
      'wormSpread.beyondLimit': this.#targets.beyondLimit + this.#met.beyondLimit,
    };
  }

  /** One memory for each device: since when it is watched, then its services with the days on which it used them. */
  *memories(isAll: boolean): Generator<Memory> {
    const services = this.#servicesByDevice();
    for (let slot = 0; slot < this.#watched.size; slot++) {
      const who = this.#watched.keyA(slot);
      const values = [this.#sinceMs[slot] ?? 0, ...(services.get(who) ?? [])];
      let told = 1;
      for (let at = 2; at < values.length; at += 3) told += values[at] ?? 0;
      const { name } = this.#context.describe(who);
      if (name === null || (this.#toldDays[slot] === told && !isAll)) continue;
      if (!isAll) this.#toldDays[slot] = told;
      yield { detector: 'wormSpread', device: name, key: '', values };
    }
  }

  restore({ device, values }: Memory): void {
    const who = this.#context.idOf?.(device) ?? 0;
    if (who === 0) return;
    const [sinceMs = 0, ...rest] = values;
    const slot = this.#watched.intern(who, 0, 0);
    if (this.#watched.isNew || sinceMs < (this.#sinceMs[slot] ?? 0)) this.#watchedSince(slot, sinceMs);
    for (let at = 0; at + 2 < rest.length; at += 3) {
      const used = this.#used.intern(who, rest[at] ?? 0, 0);
      const days = rest[at + 1] ?? 0;
      if (!this.#used.isNew && days <= (this.#days[used] ?? 0)) continue;
      this.#days[used] = days;
      this.#lastDay[used] = rest[at + 2] ?? 0;
    }
  }

  #servicesByDevice(): Map<number, number[]> {
    const found = new Map<number, number[]>();
    for (let slot = 0; slot < this.#used.size; slot++) {
      const who = this.#used.keyA(slot);
      const values = found.get(who) ?? [];
      found.set(who, values);
      if (values.length + 3 < MAX_MEMORY_VALUES)
        values.push(this.#used.keyB(slot), this.#days[slot] ?? 0, this.#lastDay[slot] ?? 0);
    }
    return found;
  }

  #isNew(who: number, nowMs: number): boolean {
    const watched = this.#watched.intern(who, 0, 0);
    if (this.#watched.isNew) this.#watchedSince(watched, nowMs);
    return nowMs - (this.#sinceMs[watched] ?? nowMs) < NEW_MS;
  }

  #watchedSince(slot: number, sinceMs: number): void {
    this.#sinceMs[slot] = sinceMs;
    this.#toldDays[slot] = 0;
  }

  #contacted(who: number, service: number, by: number, nowMs: number): void {
    const slot = this.#servers.intern(who, service, 0);
    this.#contactedMs[slot] = nowMs;
    this.#contactedBy[slot] = by;
  }

  /** A connection between two devices is one event, of the one who opened it: the other was contacted. */
  #contactedDevice(event: DetectEvent, who: number, service: number, nowMs: number): void {
    const { local, peer } = event;
    if (event.verdict !== VERDICT_REFUSED) this.#owner[this.#owners.intern(local, 0, 0)] = who;
    const other = this.#owners.find(peer, 0, 0);
    const owner = other < 0 ? who : (this.#owner[other] ?? who);
    if (owner === who) return;
    if (!this.#met.has(owner, service, 0, local)) this.#contacted(owner, service, local, nowMs);
    this.#met.add(owner, service, 0, local, nowMs);
  }

  /** Notes that the device uses the service towards others; true if it did on several days before today. */
  #isOwn(who: number, service: number, nowMs: number): boolean {
    const slot = this.#used.intern(who, service, 0);
    const today = Math.floor(nowMs / DAY_MS);
    if (this.#used.isNew) this.#days[slot] = 0;
    const isToday = (this.#days[slot] ?? 0) > 0 && this.#lastDay[slot] === today;
    if (!isToday) {
      this.#days[slot] = Math.min((this.#days[slot] ?? 0) + 1, 255);
      this.#lastDay[slot] = today;
    }
    return (this.#days[slot] ?? 0) > OWN_DAYS;
  }

  #isOrdinary({ peer, port }: DetectEvent): boolean {
    return WEB_AND_NAMES.has(port) && !isInside(this.#context.addresses, peer);
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
    const subject = subjectOf(event);
    const isOrdinary = this.#isOrdinary(event);
    const number = serviceOf(event);
    let wasGuessing = false;
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
          wasGuessing ||= this.#isGuessing(subject, number);
          const fanOut = isOrdinary && !wasGuessing ? 'wormSpread.outside' : 'wormSpread.fanOut';
          return {
            severity: SEVERITY[isTurned ? 'wormSpread.turnedClient' : fanOut].severity,
            title: isTurned
              ? `${who.text} spreads on ${service}: ${hosts} new hosts, after ${by ?? 'a host'} had contacted it on ${service}`
              : `${who.text} ${fanOut === 'wormSpread.outside' ? 'goes out' : 'spreads'} on ${service}: ${hosts} hosts it never met, within ${windowSeconds} s`,
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

function isHandedOn({ port }: DetectEvent): boolean {
  return port === MAIL || PEER_TO_PEER.has(port);
}
