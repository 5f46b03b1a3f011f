/**
 * A device meets a network that it never met: after its learning time, a connection that passed with a host of another subnet inside
 * (/24, /64), or of another operator outside (/16, /32: about what registries give to one). A device that only ever spoke inside and now
 * speaks outside is told louder: so look a first command channel and a first upload. One finding for each device. After Sivanathan et
 * al. 2019, as unfamiliar-peer.ts, which tells the single host.
 */
import { prefixKey } from './address-key.js';
import { networkText } from './network-text.js';
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
  type DetectEvent,
  SEES_IP,
} from './event.js';
import { PINNED, type Circle, type Familiar } from './familiar.js';
import type { Description, Opening } from './finding-book.js';
import { isInside } from './inside.js';
import { looksLikeAnswer } from './probes.js';
import { SEVERITY } from './severity.js';
import type { DetectSettings } from './settings.js';

/** Over all devices, 40 bytes each: 2 MiB when full. */
export const MAX_NETWORKS_KEPT = 50_000;
const NETWORKS_PER_DEVICE = 384;
/** Stands in the set of a device that ever spoke to a host outside. */
const EVER_OUTSIDE = PINNED;
/** New networks of one device within an hour that are more than a moved service: clouds answer from many, but settle. */
const MANY_NETWORKS = 8;
const QUIET_MS = 3_600_000;

export function createUnfamiliarNetworkDetector(
  context: DetectContext,
  settings: DetectSettings['unfamiliarNetwork'],
  familiar: Familiar,
): Detector {
  const { addresses, book } = context;
  return {
    name: 'unfamiliarNetwork',
    kinds: SEES_IP,
    observe(event, nowMs) {
      if (event.kind !== EVENT_IP || event.verdict === VERDICT_REFUSED || event.deviceId <= UNKNOWN_DEVICE)
        return;
      if (!addresses.isHost(event.peer) || looksLikeAnswer(event)) return;
      const { name } = context.describe(event.deviceId);
      if (name === null) return;
      const circle = familiar.circle(name, nowMs);
      const inside = isInside(addresses, event.peer);
      const key = prefixKey(addresses, event.peer, prefixBits(addresses.family(event.peer), inside));
      if (circle.known.has(key)) return;
      const isLearning = nowMs - circle.sinceMs < settings.learnSeconds * 1000;
      const isFirstOutside = !inside && !circle.known.has(EVER_OUTSIDE);
      // What is refused does not become familiar: its next attempt would pass otherwise.
      const staysAway = settings.action === 'refuse' && !isLearning && event.verdict !== VERDICT_ALLOWED;
      if (!staysAway) {
        familiar.add(circle, key, NETWORKS_PER_DEVICE);
        if (isFirstOutside) familiar.add(circle, EVER_OUTSIDE, NETWORKS_PER_DEVICE);
      }
      const isMany = familiar.countNew(circle, key, MANY_NETWORKS, nowMs) >= MANY_NETWORKS;
      if (isLearning) return;
      const isUnusual = isMany && !familiar.isRestless(circle, nowMs);
      open(event, inside, { isFirstOutside, isMany: isUnusual }, circle, nowMs);
    },
    counters: () => ({ 'unfamiliarNetwork.notKept': familiar.notKept }),
    *memories(isAll) {
      yield* familiar.memories('unfamiliarNetwork', isAll);
      yield* familiar.restlessMemories('unfamiliarNetwork', isAll);
    },
    restore: (memory) => {
      familiar.restoreMemory(memory, NETWORKS_PER_DEVICE);
    },
  };

  function open(
    event: DetectEvent,
    inside: boolean,
    how: { readonly isFirstOutside: boolean; readonly isMany: boolean },
    circle: Circle,
    nowMs: number,
  ): void {
    const subject = describeSubject(context, event);
    const before = book.find('unfamiliarNetwork', subject.text, WHAT);
    const met =
      before instanceof NetworkOpening
        ? before.met
        : { networks: [], peers: [], isFirstOutside: false, isMany: false, isAllowed: true };
    add(
      met.networks,
      networkText(addresses, event.peer, prefixBits(addresses.family(event.peer), inside)) ?? 'not kept',
    );
    add(met.peers, addressOr(context, event.peer));
    met.isFirstOutside ||= how.isFirstOutside;
    met.isMany ||= how.isMany;
    met.isAllowed &&= event.verdict === VERDICT_ALLOWED;
    book.openFinding(new NetworkOpening(met, subject, event.fromDevice, circle, nowMs), nowMs);
  }
}

const WHAT = 'meets';

interface Met {
  readonly networks: string[];
  readonly peers: string[];
  isFirstOutside: boolean;
  isMany: boolean;
  isAllowed: boolean;
}

function prefixBits(family: number, inside: boolean): number {
  if (family === 4) return inside ? 24 : 16;
  return inside ? 64 : 32;
}

function add(list: string[], text: string): void {
  if (list.length < MAX_EXAMPLES && !list.includes(text)) list.push(text);
}

class NetworkOpening implements Opening {
  readonly detector = 'unfamiliarNetwork';
  readonly what = WHAT;
  readonly quietMs = QUIET_MS;
  readonly count = 1;
  readonly subject: string;
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
    this.device = who.device;
    this.deviceMac = who.mac;
    this.peer = met.peers.length === 1 ? (met.peers[0] ?? null) : null;
    this.firstMs = nowMs;
    this.#fromDevice = fromDevice;
    this.#known = Math.max(0, circle.known.size - 1);
    this.#sinceMs = circle.sinceMs;
  }

  describe(count: number, firstMs: number): Description {
    const { networks, peers, isFirstOutside, isMany, isAllowed } = this.met;
    const [first = ''] = networks;
    const others = networks.length === 1 ? first : `${networks.length} networks`;
    const row = isAllowed ? 'allowed' : isMany ? 'many' : isFirstOutside ? 'firstOutside' : 'another';
    const contact = this.#fromDevice ? 'called' : 'was called from';
    return {
      severity: SEVERITY[`unfamiliarNetwork.${row}`].severity,
      title: isFirstOutside
        ? `${this.subject}, which only spoke inside, ${contact} ${others} outside (${this.peer ?? `${peers.length} hosts`})`
        : `${this.subject} ${contact} ${others} for the first time (${this.peer ?? `${peers.length} hosts`})`,
      evidence: {
        from: this.#fromDevice ? 'device' : 'network',
        networks: [...networks],
        peers: [...peers],
        isFirstOutside,
        knownNetworks: this.#known,
        watchedDays: Math.round((firstMs - this.#sinceMs) / 86_400_000),
        coveredByEntry: isAllowed,
        newNetworks: count,
      },
      remedy: isAllowed
        ? 'An approved entry covers it; nothing to do unless it is a surprise. It is familiar from now on.'
        : 'If the device is meant to reach it, add an allow entry; if not, set the device to enforce, or contain it. It is familiar from now on.',
    };
  }
}
