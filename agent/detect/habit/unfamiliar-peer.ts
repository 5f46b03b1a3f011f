/**
 * A device meets somebody it never met: after its learning time, a connection that passed with a peer not seen before.
 * Clinical devices speak with a small, settled circle (Sivanathan et al. 2019, "Classifying IoT devices in smart
 * environments": few, stable endpoints per device). A refused contact makes nobody familiar. One finding for each device and direction.
 * Memory: MAX_PEERS_KEPT numbers over all devices, at most `peersPerDevice` for one. Peers come back from the agent's store
 * (restoreFamiliar), the days on which they were many as a memory.
 */
import { addressKey, prefixKey, subnetKey } from '../address-key.js';
import {
  addExample,
  addressOr,
  describeSubject,
  MAX_EXAMPLES,
  oneOrCount,
  type DetectContext,
  type Detector,
  type Subject,
} from '../detector.js';
import { SEES_IP, serviceOf, VERDICT_ALLOWED, type DetectEvent } from '../event.js';
import type { Circle, Familiar } from './familiar.js';
import type { Description } from '../finding-book.js';
import { isInside } from '../inside.js';
import {
  isLearning,
  isMeeting,
  MeetingOpening,
  staysUnfamiliar,
  unfamiliarRemedy,
  watchedDays,
  type Past,
} from './meeting.js';
import { networkBits } from '../network-text.js';
import { serviceText } from '../probes.js';
import { SEVERITY } from '../severity.js';
import type { DetectSettings } from '../settings.js';

/** About 40 bytes each: 8 MiB when full. A peer beyond it is told each time, and counted. */
export const MAX_PEERS_KEPT = 200_000;
/** New hosts inside, or operators outside, of one device within an hour that make it more than a moved server. */
const MANY_PEERS = 5;

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
      if (!isMeeting(addresses, event)) return;
      const { name } = context.describe(event.deviceId);
      if (name === null) return;
      const circle = familiar.circle(name, nowMs);
      const host = addressKey(addresses, event.peer);
      if (circle.known.has(host)) return;
      // Who calls by IPv6 has another address every day (RFC 8981), in the same /64; who is called does not.
      const subnet = event.fromDevice ? Number.NaN : subnetKey(addresses, event.peer);
      if (circle.known.has(subnet)) return;
      const key = Number.isNaN(subnet) ? host : subnet;
      const learns = isLearning(circle, settings, nowMs);
      const isAllowed = event.verdict === VERDICT_ALLOWED;
      if (!staysUnfamiliar(event, settings, learns)) familiar.add(circle, key, settings.peersPerDevice);
      const isMany = !isAllowed && familiar.countNew(circle, crowdOf(event), MANY_PEERS, nowMs) >= MANY_PEERS;
      if (!learns) open(event, isMany, circle, nowMs);
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
    return -prefixKey(addresses, peer, networkBits(addresses.family(peer), false));
  }

  function open(event: DetectEvent, isMany: boolean, circle: Circle, nowMs: number): void {
    const subject = describeSubject(context, event);
    const before = book.find('unfamiliarPeer', subject.text, event.fromDevice ? CALLS : IS_CALLED);
    const met = before instanceof PeerOpening ? before.met : nobodyMet();
    addExample(met.peers, addressOr(context, event.peer));
    addExample(met.services, serviceText(serviceOf(event)));
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

class PeerOpening extends MeetingOpening<Met> {
  readonly detector = 'unfamiliarPeer';
  readonly #past: Past;

  constructor(met: Met, who: Subject, fromDevice: boolean, circle: Circle, nowMs: number) {
    super(fromDevice ? CALLS : IS_CALLED, met, who, fromDevice, nowMs);
    this.#past = { known: Math.max(0, circle.known.size - 1), sinceMs: circle.sinceMs };
  }

  describe(count: number, firstMs: number): Description {
    const { peers, services, isMany, isUsual, isAllowed } = this.met;
    const atLeast = peers.length === MAX_EXAMPLES ? 'at least ' : '';
    const others = `${atLeast}${oneOrCount(peers, 'hosts')}`;
    const by = oneOrCount(services, 'services');
    const row = isAllowed ? 'allowed' : !isMany ? 'notDecided' : isUsual ? 'usual' : 'many';
    return {
      severity: SEVERITY[`unfamiliarPeer.${row}`].severity,
      title: this.fromDevice
        ? `${this.subject} called ${others} (${by}) for the first time`
        : `${others} called ${this.subject} (${by}) for the first time`,
      evidence: {
        openedBy: this.fromDevice ? 'device' : 'peer',
        peers: [...peers],
        services: [...services],
        knownPeers: this.#past.known,
        watchedDays: watchedDays(this.#past, firstMs),
        newPeers: count,
        newPeersAreUsual: isUsual,
        coveredByEntry: isAllowed,
      },
      remedy: unfamiliarRemedy(isAllowed, 'the peer', 'reach it'),
    };
  }
}
