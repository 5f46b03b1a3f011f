/**
 * A device uses, or is asked for, a service that it never had to do with: after its learning time, a connection that passed on a
 * protocol and port not seen before. Which services a device has is as settled as whom it meets (Sivanathan et al. 2019; RFC 8520 rests
 * on it). Dynamic ports (from 32768 on) count as one, and so do the ports above 1023 of a peer with which several were used: RTP (RFC
 * 3550 section 11) and passive FTP (RFC 959 section 3.2) agree on another one each time, in a range that somebody chose. A refused
 * contact makes nothing familiar. One finding for each device and direction.
 */
import { addressKey } from '../address-key.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../../packet/view.js';
import {
  addExample,
  addressOr,
  describeSubject,
  oneOrCount,
  type DetectContext,
  type Detector,
  type Subject,
} from '../detector.js';
import { isIcmpRequest, SEES_IP, serviceOf, VERDICT_ALLOWED, type DetectEvent } from '../event.js';
import type { Circle, Familiar } from './familiar.js';
import type { Description } from '../finding-book.js';
import {
  isLearning,
  isMeeting,
  MeetingOpening,
  staysUnfamiliar,
  unfamiliarRemedy,
  watchedDays,
  type Past,
} from './meeting.js';
import { FIRST_EPHEMERAL_PORT, serviceText } from '../probes.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';
import type { DetectSettings } from '../settings.js';

/** Over all devices, 40 bytes each: 2 MiB when full. */
export const MAX_SERVICES_KEPT = 50_000;
const SERVICES_PER_DEVICE = 256;
/** New services of one device within an hour that make it more than a new feature. */
const MANY_SERVICES = 5;
/** Ports of one peer above 1023 from which on they are one service: as many as are told as many, so that they are told before. */
const AGREED_PORTS = MANY_SERVICES;
const FIRST_AGREED_PORT = 1024;
/** (device, direction and protocol, peer) whose ports are counted; 0.3 MiB. */
const COUNTED = 8_192;

export function createUnfamiliarServiceDetector(
  context: DetectContext,
  settings: DetectSettings['unfamiliarService'],
  familiar: Familiar,
): Detector {
  const counted = new SlotTable(COUNTED);
  const ports = new Uint8Array(COUNTED);
  return {
    name: 'unfamiliarService',
    kinds: SEES_IP,
    observe(event, nowMs) {
      if (!asksForService(event) || !isMeeting(context.addresses, event)) return;
      const { name } = context.describe(event.deviceId);
      if (name === null) return;
      const circle = familiar.circle(name, nowMs);
      const key = keyOf(event);
      if (circle.known.has(key)) return;
      const isAgreed = isPorted(event) && event.port >= FIRST_AGREED_PORT;
      if (isAgreed && circle.known.has(agreedKey(event))) return;
      const learns = isLearning(circle, settings, nowMs);
      if (!staysUnfamiliar(event, settings, learns)) {
        familiar.add(circle, key, SERVICES_PER_DEVICE);
        if (isAgreed) countAgreed(event, circle);
      }
      if (learns) return;
      const isAllowed = event.verdict === VERDICT_ALLOWED;
      const isMany = !isAllowed && familiar.countNew(circle, key, MANY_SERVICES, nowMs) >= MANY_SERVICES;
      open(event, isMany, { known: Math.max(0, circle.known.size - 1), sinceMs: circle.sinceMs }, nowMs);
    },
    counters: () => ({
      'unfamiliarService.notKept': familiar.notKept,
      'unfamiliarService.evicted': counted.evicted,
    }),
    memories: (isAll) => familiar.memories('unfamiliarService', isAll),
    restore: (memory) => {
      familiar.restoreMemory(memory, SERVICES_PER_DEVICE);
    },
  };

  function countAgreed(event: DetectEvent, circle: Circle): void {
    const slot = counted.intern(event.deviceId, directionOf(event) * 256 + event.protocol, event.peer);
    const count = counted.isNew ? 1 : (ports[slot] ?? 0) + 1;
    ports[slot] = Math.min(count, AGREED_PORTS);
    if (count >= AGREED_PORTS) familiar.add(circle, agreedKey(event), SERVICES_PER_DEVICE);
  }

  /** All ports of the peer above 1023: beyond every service's number, and apart by direction and protocol. */
  function agreedKey(event: DetectEvent): number {
    const { addresses } = context;
    const which = (event.protocol === PROTOCOL_UDP ? 2 : 0) + directionOf(event);
    const key = addressKey(addresses, event.peer);
    return addresses.family(event.peer) === 4 ? AGREED_V4 + key * 4 + which : key + which;
  }

  function open(event: DetectEvent, isMany: boolean, past: Past, nowMs: number): void {
    const subject = describeSubject(context, event);
    const before = context.book.find('unfamiliarService', subject.text, whatOf(event));
    const met = before instanceof ServiceOpening ? before.met : nothingMet();
    addExample(met.services, serviceText(serviceOf(event)));
    addExample(met.peers, addressOr(context, event.peer));
    met.isMany ||= isMany;
    met.isAllowed &&= event.verdict === VERDICT_ALLOWED;
    context.book.openFinding(new ServiceOpening(met, subject, event, past, nowMs), nowMs);
  }
}

interface Met {
  readonly services: string[];
  readonly peers: string[];
  isMany: boolean;
  isAllowed: boolean;
}

function nothingMet(): Met {
  return { services: [], peers: [], isMany: false, isAllowed: true };
}

function asksForService(event: DetectEvent): boolean {
  if (event.protocol === PROTOCOL_ICMP || event.protocol === PROTOCOL_ICMPV6) return isIcmpRequest(event);
  return event.protocol > 0;
}

/** Above it are addresses of IPv6 (address-key.ts), below it services. */
const AGREED_V4 = 2 ** 35;

/** Below 2^25: direction in the lowest bit. */
function keyOf(event: DetectEvent): number {
  const port = isPorted(event) ? Math.min(event.port, FIRST_EPHEMERAL_PORT) : event.port;
  return (((event.protocol << 16) | (port & 0xffff)) << 1) | directionOf(event);
}

function isPorted({ protocol }: DetectEvent): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
}

function directionOf({ fromDevice }: DetectEvent): number {
  return fromDevice ? 1 : 0;
}

function whatOf({ fromDevice }: DetectEvent): string {
  return fromDevice ? 'uses' : 'is-asked';
}

class ServiceOpening extends MeetingOpening<Met> {
  readonly detector = 'unfamiliarService';
  readonly #past: Past;

  constructor(met: Met, who: Subject, event: DetectEvent, past: Past, nowMs: number) {
    super(whatOf(event), met, who, event.fromDevice, nowMs);
    this.#past = past;
  }

  describe(count: number, firstMs: number): Description {
    const { services, peers, isMany, isAllowed } = this.met;
    const list = oneOrCount(services, 'services');
    const others = oneOrCount(peers, 'hosts');
    const row = isAllowed ? 'allowed' : isMany ? 'many' : 'notDecided';
    return {
      severity: SEVERITY[`unfamiliarService.${row}`].severity,
      title: this.fromDevice
        ? `${this.subject} uses ${list} (${others}) for the first time`
        : `${this.subject} is asked for ${list} (${others}) for the first time`,
      evidence: {
        from: this.fromDevice ? 'device' : 'network',
        services: [...services],
        peers: [...peers],
        knownServices: this.#past.known,
        watchedDays: watchedDays(this.#past, firstMs),
        coveredByEntry: isAllowed,
        newServices: count,
      },
      remedy: unfamiliarRemedy(isAllowed, 'it', 'do this'),
    };
  }
}
