/**
 * A device meets somebody it never met: after its learning time, a connection that passed with a peer not seen before.
 * Clinical devices speak with a small, settled circle (Sivanathan et al. 2019, "Classifying IoT devices in smart
 * environments": few, stable endpoints per device). A refused contact makes nobody familiar. Memory: MAX_PEERS_KEPT
 * numbers over all devices, at most `peersPerDevice` for one. What is remembered comes back from the agent's store (restoreFamiliar).
 */
import { addressKey } from './address-key.js';
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
import { looksLikeAnswer, serviceText } from './probes.js';
import { SEVERITY } from './severity.js';
import type { DetectSettings } from './settings.js';

/** About 40 bytes each: 8 MiB when full. A peer beyond it is told each time, and counted. */
export const MAX_PEERS_KEPT = 200_000;
/** New peers of one device within an hour that make it more than a moved server. */
const MANY_PEERS = 5;
const QUIET_MS = 3_600_000;

export function createUnfamiliarPeerDetector(
  context: DetectContext,
  settings: DetectSettings['unfamiliarPeer'],
  familiar: Familiar,
): Detector {
  return {
    name: 'unfamiliarPeer',
    kinds: SEES_IP,
    observe(event, nowMs) {
      if (event.kind !== EVENT_IP || event.verdict === VERDICT_REFUSED || event.deviceId <= UNKNOWN_DEVICE)
        return;
      if (!context.addresses.isHost(event.peer) || looksLikeAnswer(event)) return;
      const { name } = context.describe(event.deviceId);
      if (name === null) return;
      const circle = familiar.circle(name, nowMs);
      const key = addressKey(context.addresses, event.peer);
      if (circle.known.has(key)) return;
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
      familiar.countNew(circle, MANY_PEERS, nowMs);
      const subject = describeSubject(context, event);
      context.book.openFinding(openingOf(context, event, subject, circle, nowMs), nowMs);
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
  const knownPeers = circle.known.size - 1;
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
