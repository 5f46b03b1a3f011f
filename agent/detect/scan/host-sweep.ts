/**
 * Horizontal sweep: many distinct hosts are asked for the same service (a port, a ping, an ARP "who has") within a window.
 * From a guarded device: hosts of one network (/24 or /64), or refused ones anywhere; and from one host on the network
 * side: devices behind the box. What an approved entry allows never counts: a reviewed list of forty servers is no sweep.
 * Browsing meets scattered hosts, a sweep neighbours: hence the two thresholds. Neighbour solicitations (RFC 4861 section
 * 4.3) count as ARP does, and of either only those for addresses that nobody has: a server that asks for its clients finds them, a sweep
 * finds mostly nobody, which is counted over an hour too. Where nothing is decided yet, whoever answered before is no find:
 * a poller is told once, not every round.
 */
import { ARP_REPLY } from '../../packet/decode-arp.js';
import {
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../../packet/view.js';
import { describeSubject, type DetectContext, type Detector } from '../detector.js';
import {
  EVENT_ARP,
  EVENT_END,
  EVENT_IP,
  isArpRequest,
  isIcmpRequest,
  OUTCOME_ANSWERED,
  serviceOf,
  subjectOf,
  UNKNOWN_DEVICE,
  VERDICT_ALLOWED,
  VERDICT_OBSERVED,
  type DetectEvent,
  SEES_IP,
  SEES_ARP,
  SEES_END,
} from '../event.js';
import { isOneWay, isOutcome } from './failed-contact.js';
import { FanOut } from '../fan-out.js';
import { isGroupPing, tellGroupPing } from './group-ping.js';
import { SweepOpening, type SweepCount } from './host-sweep-opening.js';
import { networkBits, networkText as networkOfAddress } from '../network-text.js';
import { isWakeOnLan, looksLikeAnswer, resolutionService } from '../probes.js';
import type { DetectSettings } from '../settings.js';
import { SlowSweep } from './slow-sweep.js';

/** (device, service, host) remembered in each of three counts; 6 MiB together when full. */
const MEMBERS = 32_768;
const SCATTERED_MEMBERS = 16_384;
const INBOUND_MEMBERS = 16_384;
/** (device, address that nobody has) remembered for an hour. */
const NOBODY_MEMBERS = 8_192;
/**
 * Addresses of one network that nobody has, asked for by one device within an hour: a sweep with half a minute between its questions asks for
 * 120. A configuration that still names old neighbours has a few of them.
 */
const NOBODY_HOSTS = 40;
const NOBODY_SECONDS = 3_600;
/** Distinct hosts counted exactly for one service; beyond it the finding says "at least". */
const MIN_HOSTS_PER_SERVICE = 2_048;
/** (who asks, service, host) that answered within a week. */
const ANSWERED_MEMBERS = 32_768;
const ANSWERED_PER_GROUP = 4_096;
const ANSWERED_MS = 604_800_000;
/** Addresses that spoke ARP or neighbour discovery within a week. */
const PRESENT_MEMBERS = 8_192;
const PRESENT_PER_NETWORK = 2_048;

export function createHostSweepDetector(
  context: DetectContext,
  settings: DetectSettings['hostSweep'],
): Detector {
  return new HostSweep(context, settings);
}

class HostSweep implements Detector {
  readonly name = 'hostSweep';
  readonly kinds = SEES_IP | SEES_ARP | SEES_END;
  readonly #context: DetectContext;
  readonly #near: SweepCount;
  readonly #scattered: SweepCount;
  readonly #inbound: SweepCount;
  readonly #nobody: SweepCount;
  readonly #slow: SlowSweep;
  readonly #answered = new FanOut(ANSWERED_MS, {
    members: ANSWERED_MEMBERS,
    membersPerGroup: ANSWERED_PER_GROUP,
  });
  readonly #present = new FanOut(ANSWERED_MS, {
    members: PRESENT_MEMBERS,
    membersPerGroup: PRESENT_PER_NETWORK,
  });

  constructor(context: DetectContext, settings: DetectSettings['hostSweep']) {
    this.#context = context;
    const { hosts, scatteredHosts, windowSeconds } = settings;
    this.#near = createCount(MEMBERS, hosts, windowSeconds);
    this.#scattered = createCount(SCATTERED_MEMBERS, scatteredHosts, windowSeconds);
    this.#inbound = createCount(INBOUND_MEMBERS, hosts, windowSeconds);
    this.#nobody = createCount(NOBODY_MEMBERS, NOBODY_HOSTS, NOBODY_SECONDS);
    this.#slow = new SlowSweep(context.addresses);
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.verdict === VERDICT_ALLOWED) return;
    if (event.kind === EVENT_END) {
      if (event.outcome === OUTCOME_ANSWERED) this.#remember(event, nowMs);
      this.#countSlowly(event, nowMs);
      return;
    }
    if (event.kind === EVENT_ARP) {
      this.#resolve(event, nowMs);
      return;
    }
    const { addresses } = this.#context;
    if (isGroupPing(this.#context, event)) tellGroupPing(this.#context, event, nowMs);
    if (!isHostProbe(event) || !addresses.isHost(event.peer) || this.#isUsual(event)) return;
    const service = serviceOf(event);
    if (!event.fromDevice) {
      if (addresses.isHost(event.local))
        this.#count(this.#inbound, event, event.peer, service, 0, subjectOf(event), nowMs);
      return;
    }
    const network = addresses.networkOf(event.peer);
    const isTold = this.#count(this.#near, event, subjectOf(event), service, network, event.peer, nowMs);
    if (!isTold && event.verdict !== VERDICT_OBSERVED)
      this.#count(this.#scattered, event, subjectOf(event), service, 0, event.peer, nowMs);
    this.#countSlowly(event, nowMs);
  }

  tick(nowMs: number): void {
    for (const { fanOut } of this.#counts()) fanOut.expire(nowMs);
    this.#answered.expire(nowMs);
    this.#present.expire(nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    const all = this.#counts();
    return {
      'hostSweep.evicted': all.reduce((sum, { fanOut }) => sum + fanOut.evicted, this.#slow.evicted),
      'hostSweep.answeredEvicted': this.#answered.evicted + this.#answered.beyondLimit,
      'hostSweep.presentEvicted': this.#present.evicted + this.#present.beyondLimit,
      'hostSweep.beyondLimit': all.reduce((sum, { fanOut }) => sum + fanOut.beyondLimit, 0),
    };
  }

  #counts(): readonly SweepCount[] {
    return [this.#near, this.#scattered, this.#inbound, this.#nobody, this.#slow];
  }

  /** ARP and neighbour discovery have no end that says how they went: who speaks is there, and is not searched for. */
  #resolve(event: DetectEvent, nowMs: number): void {
    const { addresses } = this.#context;
    const service = resolutionService(event.family);
    const sender = event.fromDevice ? event.local : event.peer;
    const other = event.fromDevice ? event.peer : event.local;
    // Who has no address yet asks whether it may take one (RFC 5227), mostly.
    const hasAddress = addresses.isHost(sender);
    if (!addresses.isHost(other) || (!hasAddress && event.deviceId <= UNKNOWN_DEVICE)) return;
    if (hasAddress && event.verdict === VERDICT_OBSERVED)
      this.#present.add(addresses.networkOf(sender), service, 0, sender, nowMs);
    if (event.port === ARP_REPLY) {
      const network = addresses.networkOf(sender);
      this.#near.fanOut.discount(askedBy(other), service, network, sender);
      this.#nobody.fanOut.discount(askedBy(other), service, network, sender);
      return;
    }
    // Routers ask the whole link on behalf of others: only a device's own asking says something about it.
    if (!event.fromDevice || !isArpRequest(event) || event.isToOne) return;
    const network = addresses.networkOf(other);
    if (this.#present.has(network, service, 0, other)) return;
    const who = hasAddress ? askedBy(sender) : subjectOf(event);
    const isTold = this.#count(this.#near, event, who, service, network, other, nowMs);
    if (!isTold) this.#count(this.#nobody, event, who, service, network, other, nowMs);
  }

  #remember(event: DetectEvent, nowMs: number): void {
    if (event.fromDevice) this.#answered.add(subjectOf(event), serviceOf(event), 1, event.peer, nowMs);
    else this.#answered.add(event.peer, serviceOf(event), 0, subjectOf(event), nowMs);
  }

  /** What a device tried in vain, or was refused. */
  #countSlowly(event: DetectEvent, nowMs: number): void {
    const { addresses, book } = this.#context;
    const slow = this.#slow;
    if (!event.fromDevice || !isOutcome(event) || !addresses.isHost(event.peer)) return;
    if (event.outcome !== OUTCOME_ANSWERED) {
      if (this.#answered.has(subjectOf(event), serviceOf(event), 1, event.peer)) return;
      if (isOneWay(addresses, event)) return;
    }
    const slot = slow.add(event, nowMs);
    if (slot < 0) return;
    const id = slow.fanOut.finding(slot);
    if (id !== 0 && book.touch(id, nowMs)) slow.setTold(slot);
    else if (slow.isSweep(slot, event, nowMs)) {
      slow.setTold(slot);
      slow.fanOut.setFinding(slot, this.#open(slow, slot, serviceOf(event), event, nowMs));
    }
  }

  #isUsual(event: DetectEvent): boolean {
    if (event.verdict !== VERDICT_OBSERVED) return false;
    return event.fromDevice
      ? this.#answered.has(subjectOf(event), serviceOf(event), 1, event.peer)
      : this.#answered.has(event.peer, serviceOf(event), 0, subjectOf(event));
  }

  #count(
    count: SweepCount,
    event: DetectEvent,
    who: number,
    service: number,
    network: number,
    member: number,
    nowMs: number,
  ): boolean {
    const { fanOut } = count;
    const slot = fanOut.add(who, service, network, member, nowMs);
    const id = fanOut.finding(slot);
    const isOpen = id !== 0 && this.#context.book.touch(id, nowMs);
    if (!isOpen && fanOut.distinct(slot) < count.threshold) {
      if (id !== 0) fanOut.setFinding(slot, 0);
      return false;
    }
    if (!isOpen) fanOut.setFinding(slot, this.#open(count, slot, service, event, nowMs));
    if (event.fromDevice) this.#slow.noteTold(event, nowMs);
    return true;
  }

  /** One finding per sweeper and network: further services are added to it, not told apart. */
  #open(count: SweepCount, slot: number, service: number, event: DetectEvent, nowMs: number): number {
    const { addresses, book, describe } = this.#context;
    const slow = this.#slow;
    const site = slow.siteOf(event.peer);
    const who = subjectOf(event);
    const opening = new SweepOpening(
      count,
      slot,
      service,
      event.fromDevice
        ? {
            who: describeSubject(this.#context, event),
            scanner: null,
            network: this.#networkOf(count, event),
            nameMember: (ticket) => addresses.text(ticket),
            ...(count === slow ? { services: () => slow.services(who, site) } : {}),
          }
        : {
            who: null,
            scanner: addresses.text(event.peer),
            network: null,
            nameMember: (subject) =>
              subject > UNKNOWN_DEVICE
                ? (describe(subject).name ?? describe(subject).mac)
                : addresses.text(-subject),
          },
    );
    const known = book.find('hostSweep', opening.subject, opening.what);
    if (known instanceof SweepOpening) opening.takeOver(known);
    return book.openFinding(opening, nowMs);
  }

  #networkOf(count: SweepCount, event: DetectEvent): string | null {
    if (count === this.#scattered) return null;
    return count === this.#slow ? this.#slow.siteText(event.peer) : networkText(this.#context, event);
  }
}

function createCount(members: number, threshold: number, seconds: number): SweepCount {
  const membersPerGroup = Math.min(members / 4, Math.max(MIN_HOSTS_PER_SERVICE, threshold));
  return {
    fanOut: new FanOut(seconds * 1000, { members, membersPerGroup }),
    threshold: Math.min(threshold, membersPerGroup),
    seconds,
  };
}

/** Who asks for MACs is known by the address that is answered: an answer does not say whose device that is. */
function askedBy(address: number): number {
  return -address;
}

function isHostProbe(event: DetectEvent): boolean {
  if (event.kind !== EVENT_IP) return false;
  switch (event.protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
      return event.port >= 0 && !looksLikeAnswer(event) && !isWakeOnLan(event);
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
      return isIcmpRequest(event);
    default:
      return event.protocol >= 0;
  }
}

/** `10.20.0.0/24` or `2001:db8::/64`: the network of a host as the counts group it. */
function networkText(context: DetectContext, event: DetectEvent): string {
  const { addresses } = context;
  const bits = networkBits(addresses.family(event.peer), true);
  return networkOfAddress(addresses, event.peer, bits) ?? 'a network not kept';
}
