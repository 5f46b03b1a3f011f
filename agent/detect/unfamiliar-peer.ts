/**
 * A device meets somebody it never met: after its learning time, a connection that passed with a peer not seen before.
 * Clinical devices speak with a small, settled circle (Sivanathan et al. 2019, "Classifying IoT devices in smart
 * environments": few, stable endpoints per device). A refused contact makes nobody familiar. One finding for each device and direction.
 * Memory: MAX_PEERS_KEPT numbers over all devices, at most `peersPerDevice` for one. Peers come back from the agent's store
 * (restoreFamiliar), the days on which they were many as a memory.
 */
import { addressKey, prefixKey, subnetKey } from './address-key.js';
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
  SEES_IP,
} from './event.js';
import type { Circle, Familiar } from './familiar.js';
import type { Description, Opening } from './finding-book.js';
import { isInside } from './inside.js';
import { looksLikeAnswer, serviceText } from './probes.js';
import { SEVERITY } from './severity.js';
import type { DetectSettings } from './settings.js';

/** About 40 bytes each: 8 MiB when full. A peer beyond it is told each time, and counted. */
export const MAX_PEERS_KEPT = 200_000;
/** New hosts inside, or operators outside, of one device within an hour that make it more than a moved server. */
const MANY_PEERS = 5;
const QUIET_MS = 3_600_000;

export function createUnfamiliarPeerDetector(
  context: DetectContext,
  settings: DetectSettings['unfamiliarPeer'],
  familiar: Familiar,
): Detector {
  const { addresses, book } = context;
  return {
    name: 'unfamiliarPeer',
    kinds: SEES_IP,
    observe(event, nowMs) {
      if (event.kind !== EVENT_IP || event.verdict === VERDICT_REFUSED || event.deviceId <= UNKNOWN_DEVICE)
        return;
      if (!addresses.isHost(event.peer) || looksLikeAnswer(event)) return;
      const { name } = context.describe(event.deviceId);
      if (name === null) return;
      const circle = familiar.circle(name, nowMs);
      const host = addressKey(addresses, event.peer);
      if (circle.known.has(host)) return;
      // Who calls by IPv6 has another address every day (RFC 8981), in the same /64; who is called does not.
      const subnet = event.fromDevice ? Number.NaN : subnetKey(addresses, event.peer);
      if (circle.known.has(subnet)) return;
      const key = Number.isNaN(subnet) ? host : subnet;
      const isLearning = nowMs - circle.sinceMs < settings.learnSeconds * 1000;
      const isAllowed = event.verdict === VERDICT_ALLOWED;
      // What is refused does not become familiar: its next attempt would pass otherwise.
      const staysAway = settings.action === 'refuse' && !isLearning && !isAllowed;
      if (!staysAway) familiar.add(circle, key, settings.peersPerDevice);
      const isMany = !isAllowed && familiar.countNew(circle, crowdOf(event), MANY_PEERS, nowMs) >= MANY_PEERS;
      if (!isLearning) open(event, isMany, circle, nowMs);
    },
    counters: () => ({ 'unfamiliarPeer.notKept': familiar.notKept }),
    memories: (isAll) => familiar.restlessMemories('unfamiliarPeer', isAll),
    restore: (memory) => {
      familiar.restoreMemory(memory, settings.peersPerDevice);
    },
  };

  /** What counts as one: a host inside; outside its operator, as clouds answer from many addresses (see unfamiliar-network.ts). */
  function crowdOf({ peer }: DetectEvent): number {
    if (isInside(addresses, peer)) return addressKey(addresses, peer);
    return -prefixKey(addresses, peer, addresses.family(peer) === 4 ? 16 : 32);
  }

  function open(event: DetectEvent, isMany: boolean, circle: Circle, nowMs: number): void {
    const subject = describeSubject(context, event);
    const before = book.find('unfamiliarPeer', subject.text, event.fromDevice ? CALLS : IS_CALLED);
    const met = before instanceof PeerOpening ? before.met : nobodyMet();
    add(met.peers, addressOr(context, event.peer));
    add(met.services, serviceText(serviceOf(event)));
    met.isMany ||= isMany;
    met.isUsual = familiar.isRestless(circle, nowMs);
    met.isAllowed &&= event.verdict === VERDICT_ALLOWED;
    book.openFinding(new PeerOpening(met, subject, event.fromDevice, circle, nowMs), nowMs);
  }
}

const CALLS = 'calls';
const IS_CALLED = 'is-called';

interface Met {
  readonly peers: string[];
  readonly services: string[];
  isMany: boolean;
  isUsual: boolean;
  isAllowed: boolean;
}

function nobodyMet(): Met {
  return { peers: [], services: [], isMany: false, isUsual: false, isAllowed: true };
}

function add(list: string[], text: string): void {
  if (list.length < MAX_EXAMPLES && !list.includes(text)) list.push(text);
}

class PeerOpening implements Opening {
  readonly detector = 'unfamiliarPeer';
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
  readonly #known: number;
  readonly #sinceMs: number;

  constructor(met: Met, who: Subject, fromDevice: boolean, circle: Circle, nowMs: number) {
    this.met = met;
    this.subject = who.text;
    this.what = fromDevice ? CALLS : IS_CALLED;
    this.device = who.device;
    this.deviceMac = who.mac;
    this.peer = met.peers.length === 1 ? (met.peers[0] ?? null) : null;
    this.firstMs = nowMs;
    this.#fromDevice = fromDevice;
    this.#known = Math.max(0, circle.known.size - 1);
    this.#sinceMs = circle.sinceMs;
  }

  describe(count: number, firstMs: number): Description {
    const { peers, services, isMany, isUsual, isAllowed } = this.met;
    const atLeast = peers.length === MAX_EXAMPLES ? 'at least ' : '';
    const others = this.peer ?? `${atLeast}${peers.length} hosts`;
    const by = services.length === 1 ? (services[0] ?? '') : `${services.length} services`;
    const row = isAllowed ? 'allowed' : !isMany ? 'notDecided' : isUsual ? 'usual' : 'many';
    return {
      severity: SEVERITY[`unfamiliarPeer.${row}`].severity,
      title: this.#fromDevice
        ? `${this.subject} called ${others} (${by}) for the first time`
        : `${others} called ${this.subject} (${by}) for the first time`,
      evidence: {
        openedBy: this.#fromDevice ? 'device' : 'peer',
        peers: [...peers],
        services: [...services],
        knownPeers: this.#known,
        watchedDays: Math.round((firstMs - this.#sinceMs) / 86_400_000),
        newPeers: count,
        newPeersAreUsual: isUsual,
        coveredByEntry: isAllowed,
      },
      remedy: isAllowed
        ? 'An approved entry covers it; nothing to do unless the peer is a surprise. It is familiar from now on.'
        : 'If the device is meant to reach it, add an allow entry; if not, set the device to enforce, or contain it. It is familiar from now on.',
    };
  }
}
