/**
 * A device meets somebody it never met: after its learning time, a connection that passed with a peer not seen before.
 * Clinical devices speak with a small, settled circle (Sivanathan et al. 2019, "Classifying IoT devices in smart
 * environments": few, stable endpoints per device). A refused contact makes nobody familiar. Memory: MAX_PEERS_KEPT
 * numbers over all devices, at most `peersPerDevice` for one.
 */
import { addressBytes, parseAddress } from '../policy/address.js';
import type { AddressTable } from './address-table.js';
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
  UNKNOWN_DEVICE,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  serviceOf,
  type DetectEvent,
} from './event.js';
import type { Description, Opening } from './finding-book.js';
import { looksLikeAnswer, serviceText } from './probes.js';
import { SEVERITY } from './severity.js';
import type { DetectSettings } from './settings.js';

/** About 40 bytes each: 8 MiB when full. A device beyond it is not judged, and counted. */
const MAX_PEERS_KEPT = 200_000;
/** New peers of one device within an hour that make it more than a moved server. */
const MANY_PEERS = 5;
const HOUR_MS = 3_600_000;
const QUIET_MS = HOUR_MS;

/** What a device is used to. Outlives a change of settings, and a restart through the agent's store. */
export class FamiliarPeers {
  kept = 0;
  notKept = 0;
  readonly #devices = new Map<string, Circle>();

  circle(device: string, nowMs: number): Circle {
    let circle = this.#devices.get(device);
    if (!circle) this.#devices.set(device, (circle = { sinceMs: nowMs, peers: new Set(), newMs: [] }));
    return circle;
  }

  /** False: no room. The peer seen first makes room within its own device. */
  add(circle: Circle, key: number, peersPerDevice: number): void {
    if (circle.peers.size >= peersPerDevice) {
      const [first] = circle.peers;
      if (first !== undefined) circle.peers.delete(first);
      this.kept -= 1;
    }
    if (this.kept >= MAX_PEERS_KEPT) {
      this.notKept += 1;
      return;
    }
    circle.peers.add(key);
    this.kept += 1;
  }

  /** What was remembered elsewhere. Returns how many peers are known by it. */
  restore(
    devices: readonly {
      readonly device: string;
      readonly sinceMs: number;
      readonly peers: readonly string[];
    }[],
    peersPerDevice: number,
  ): number {
    let restored = 0;
    for (const { device, sinceMs, peers } of devices) {
      const circle = this.circle(device, sinceMs);
      circle.sinceMs = Math.min(circle.sinceMs, sinceMs);
      for (const text of peers) {
        const key = keyOfText(text);
        if (key === null) continue;
        restored += 1;
        if (!circle.peers.has(key)) this.add(circle, key, peersPerDevice);
      }
    }
    return restored;
  }
}

interface Circle {
  sinceMs: number;
  readonly peers: Set<number>;
  /** When the last few new ones came, oldest first. */
  readonly newMs: number[];
}

export function createUnfamiliarPeerDetector(
  context: DetectContext,
  settings: DetectSettings['unfamiliarPeer'],
  familiar: FamiliarPeers,
): Detector {
  return {
    name: 'unfamiliarPeer',
    observe(event, nowMs) {
      if (event.kind !== EVENT_IP || event.verdict === VERDICT_REFUSED || event.deviceId <= UNKNOWN_DEVICE)
        return;
      if (!context.addresses.isHost(event.peer) || looksLikeAnswer(event)) return;
      const { name } = context.describe(event.deviceId);
      if (name === null) return;
      const circle = familiar.circle(name, nowMs);
      const key = keyOf(context.addresses, event.peer);
      if (circle.peers.has(key)) return;
      const isLearning = nowMs - circle.sinceMs < settings.learnSeconds * 1000;
      // What is refused does not become familiar: its next attempt would pass otherwise.
      const staysAway = settings.action === 'refuse' && !isLearning && event.verdict !== VERDICT_ALLOWED;
      if (!staysAway) familiar.add(circle, key, settings.peersPerDevice);
      if (isLearning) return;
      if (staysAway && context.book.find('unfamiliarPeer', name, addressOr(context, event.peer)) !== null) {
        const again = describeSubject(context, event);
        context.book.openFinding(openingOf(context, event, again, circle, nowMs), nowMs);
        return;
      }
      circle.newMs.push(nowMs);
      while ((circle.newMs[0] ?? nowMs) < nowMs - HOUR_MS || circle.newMs.length > MANY_PEERS)
        circle.newMs.shift();
      const subject = describeSubject(context, event);
      context.book.openFinding(openingOf(context, event, subject, circle, nowMs), nowMs);
    },
    tick() {
      // What is remembered is meant to stay.
    },
    counters: () => ({ 'unfamiliarPeer.notKept': familiar.notKept }),
  };
}

function openingOf(
  context: DetectContext,
  event: DetectEvent,
  subject: Subject,
  circle: Circle,
  nowMs: number,
): Opening {
  const peer = addressOr(context, event.peer);
  const services = [serviceText(serviceOf(event))];
  const isMany = circle.newMs.length >= MANY_PEERS;
  const isAllowed = event.verdict === VERDICT_ALLOWED;
  const opened = event.fromDevice ? 'device' : 'peer';
  const knownPeers = circle.peers.size - 1;
  const learntDays = Math.round((nowMs - circle.sinceMs) / 86_400_000);
  const { severity } =
    SEVERITY[
      isMany ? 'unfamiliarPeer.many' : isAllowed ? 'unfamiliarPeer.allowed' : 'unfamiliarPeer.notDecided'
    ];
  return {
    detector: 'unfamiliarPeer',
    subject: subject.text,
    what: peer,
    device: subject.device,
    deviceMac: subject.mac,
    peer,
    quietMs: QUIET_MS,
    firstMs: nowMs,
    count: 1,
    describe: (count): Description => ({
      severity,
      title: event.fromDevice
        ? `${subject.text} called ${peer} (${services[0] ?? ''}) for the first time`
        : `${peer} called ${subject.text} (${services[0] ?? ''}) for the first time`,
      evidence: {
        openedBy: opened,
        services: services.slice(0, MAX_EXAMPLES),
        knownPeers,
        watchedDays: learntDays,
        newPeersWithinAnHour: circle.newMs.length,
        coveredByEntry: isAllowed,
        contacts: count,
      },
      remedy: isAllowed
        ? 'An approved entry covers it; nothing to do unless the peer is a surprise. It is familiar from now on.'
        : 'If the device is meant to reach it, add an allow entry; if not, set the device to enforce, or contain it. It is familiar from now on.',
    }),
  };
}

/** An exact number for IPv4; for IPv6 53 bits mixed from the 128, so that nothing is allocated per packet. */
function keyOf(addresses: AddressTable, ticket: number): number {
  const w0 = addresses.word(ticket, 0);
  if (addresses.family(ticket) === 4) return w0;
  return mix(w0, addresses.word(ticket, 1), addresses.word(ticket, 2), addresses.word(ticket, 3));
}

function keyOfText(text: string): number | null {
  const address = parseAddress(text);
  if (!address) return null;
  const bytes = addressBytes(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (address.family === 4) return view.getUint32(0);
  return mix(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12));
}

/** Above 2^32, so that it never meets an IPv4 address. */
function mix(w0: number, w1: number, w2: number, w3: number): number {
  let high = Math.imul(w0 ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(w1, 0xc2b2ae35);
  let low = Math.imul(w2 ^ (high >>> 7), 0x27d4eb2f) ^ Math.imul(w3 ^ 0x165667b1, 0x9e3779b1);
  high = Math.imul(high ^ (high >>> 15) ^ low, 0x2c1b3c6d);
  low = Math.imul(low ^ (low >>> 13) ^ w3, 0x297a2d39) ^ w1;
  return ((high >>> 12) + 1) * 0x1_0000_0000 + (low >>> 0);
}
