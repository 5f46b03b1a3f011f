/**
 * A device uses, or is asked for, a service that it never had to do with: after its learning time, a connection that passed on a
 * protocol and port not seen before. Which services a device has is as settled as whom it meets (Sivanathan et al. 2019; RFC 8520 rests
 * on it). Dynamic ports (from 32768 on) count as one, and so do the ports above 1023 of a peer with which several were used: RTP (RFC
 * 3550 section 11) and passive FTP (RFC 959 section 3.2) agree on another one each time, in a range that somebody chose. A refused
 * contact makes nothing familiar. One finding for each device and direction.
 */
import { addressKey } from './address-key.js';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../packet/view.js';
import {
  addressOr,
  describeSubject,
  MAX_EXAMPLES,
  type DetectContext,
  type Detector,
  type Subject,
} from './detector.js';
import {
  EVENT_IP,
  isIcmpRequest,
  serviceOf,
  UNKNOWN_DEVICE,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  type DetectEvent,
  SEES_IP,
} from './event.js';
import type { Circle, Familiar } from './familiar.js';
import type { Description, Opening } from './finding-book.js';
import { FIRST_EPHEMERAL_PORT, looksLikeAnswer, serviceText } from './probes.js';
import { SEVERITY } from './severity.js';
import { SlotTable } from './slot-table.js';
import type { DetectSettings } from './settings.js';

/** Over all devices, 40 bytes each: 2 MiB when full. */
export const MAX_SERVICES_KEPT = 50_000;
const SERVICES_PER_DEVICE = 256;
/** New services of one device within an hour that make it more than a new feature. */
const MANY_SERVICES = 5;
const QUIET_MS = 3_600_000;
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
      if (!isMeeting(event) || !context.addresses.isHost(event.peer)) return;
      const { name } = context.describe(event.deviceId);
      if (name === null) return;
      const circle = familiar.circle(name, nowMs);
      const key = keyOf(event);
      if (circle.known.has(key)) return;
      const isAgreed = isPorted(event) && event.port >= FIRST_AGREED_PORT;
      if (isAgreed && circle.known.has(agreedKey(event))) return;
      const isLearning = nowMs - circle.sinceMs < settings.learnSeconds * 1000;
      // What is refused does not become familiar: its next attempt would pass otherwise.
      const staysAway = settings.action === 'refuse' && !isLearning && event.verdict !== VERDICT_ALLOWED;
      if (!staysAway) {
        familiar.add(circle, key, SERVICES_PER_DEVICE);
        if (isAgreed) countAgreed(event, circle);
      }
      if (isLearning) return;
      const isMany = familiar.countNew(circle, key, MANY_SERVICES, nowMs) >= MANY_SERVICES;
      open(event, isMany, { known: circle.known.size - 1, sinceMs: circle.sinceMs }, nowMs);
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
    const what = event.fromDevice ? 'uses' : 'is-asked';
    const before = context.book.find('unfamiliarService', subject.text, what);
    const met = before instanceof ServiceOpening ? before.met : { services: [], peers: [], isMany: false };
    add(met.services, serviceText(serviceOf(event)));
    add(met.peers, addressOr(context, event.peer));
    met.isMany ||= isMany;
    context.book.openFinding(new ServiceOpening(met, subject, event, past, nowMs), nowMs);
  }
}

interface Past {
  readonly known: number;
  readonly sinceMs: number;
}

interface Met {
  readonly services: string[];
  readonly peers: string[];
  isMany: boolean;
}

function add(list: string[], text: string): void {
  if (list.length < MAX_EXAMPLES && !list.includes(text)) list.push(text);
}

/** The first packet of something that a named device opens or is asked for. */
function isMeeting(event: DetectEvent): boolean {
  if (event.kind !== EVENT_IP || event.verdict === VERDICT_REFUSED || event.deviceId <= UNKNOWN_DEVICE)
    return false;
  if (event.protocol === PROTOCOL_ICMP || event.protocol === PROTOCOL_ICMPV6) return isIcmpRequest(event);
  return event.protocol > 0 && !looksLikeAnswer(event);
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

class ServiceOpening implements Opening {
  readonly detector = 'unfamiliarService';
  readonly quietMs = QUIET_MS;
  readonly count = 1;
  readonly subject: string;
  readonly what: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  readonly peer: string | null;
  readonly firstMs: number;
  readonly met: Met;
  readonly #fromDevice: boolean;
  readonly #isAllowed: boolean;
  readonly #past: Past;

  constructor(met: Met, who: Subject, event: DetectEvent, past: Past, nowMs: number) {
    this.met = met;
    this.subject = who.text;
    this.what = event.fromDevice ? 'uses' : 'is-asked';
    this.device = who.device;
    this.deviceMac = who.mac;
    this.peer = met.peers.length === 1 ? (met.peers[0] ?? null) : null;
    this.firstMs = nowMs;
    this.#fromDevice = event.fromDevice;
    this.#isAllowed = event.verdict === VERDICT_ALLOWED;
    this.#past = past;
  }

  describe(count: number, firstMs: number): Description {
    const { services, peers, isMany } = this.met;
    const list = services.length === 1 ? (services[0] ?? '') : `${services.length} services`;
    const others = this.peer ?? `${peers.length} hosts`;
    const row = isMany ? 'many' : this.#isAllowed ? 'allowed' : 'notDecided';
    return {
      severity: SEVERITY[`unfamiliarService.${row}`].severity,
      title: this.#fromDevice
        ? `${this.subject} uses ${list} (${others}) for the first time`
        : `${this.subject} is asked for ${list} (${others}) for the first time`,
      evidence: {
        from: this.#fromDevice ? 'device' : 'network',
        services: [...services],
        peers: [...peers],
        knownServices: this.#past.known,
        watchedDays: Math.round((firstMs - this.#past.sinceMs) / 86_400_000),
        coveredByEntry: this.#isAllowed,
        newServices: count,
      },
      remedy: this.#isAllowed
        ? 'An approved entry covers it; nothing to do unless it is a surprise. It is familiar from now on.'
        : 'If the device is meant to do this, add an allow entry; if not, set the device to enforce, or contain it. It is familiar from now on.',
    };
  }
}
