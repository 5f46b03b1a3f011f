/**
 * A device meets a network that it never met: after its learning time, a connection that passed with a host of another subnet inside
 * (/24, /64), or of another operator outside (/16, /32: about what registries give to one). A device that only ever spoke inside and now
 * speaks outside is told louder: so look a first command channel and a first upload. One finding for each device. After Sivanathan et
 * al. 2019, as unfamiliar-peer.ts, which tells the single host.
 */
import { prefixKey } from '../address-key.js';
import {
  addExample,
  addressOr,
  describeSubject,
  oneOrCount,
  type DetectContext,
  type Detector,
  type Subject,
} from '../detector.js';
import { SEES_IP, VERDICT_ALLOWED, type DetectEvent } from '../event.js';
import { PINNED, type Circle, type Familiar } from './familiar.js';
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
import { networkBits, networkText } from '../network-text.js';
import { SEVERITY } from '../severity.js';
import type { DetectSettings } from '../settings.js';

/** Over all devices, 40 bytes each: 2 MiB when full. */
export const MAX_NETWORKS_KEPT = 50_000;
const NETWORKS_PER_DEVICE = 384;
/** Stands in the set of a device that ever spoke to a host outside. */
const EVER_OUTSIDE = PINNED;
/** New networks of one device within an hour that are more than a moved service: clouds answer from many, but settle. */
const MANY_NETWORKS = 8;

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
      if (!isMeeting(addresses, event)) return;
      const { name } = context.describe(event.deviceId);
      if (name === null) return;
      const circle = familiar.circle(name, nowMs);
      const inside = isInside(addresses, event.peer);
      const key = prefixKey(addresses, event.peer, networkBits(addresses.family(event.peer), inside));
      if (circle.known.has(key)) return;
      const learns = isLearning(circle, settings, nowMs);
      const isFirstOutside = !inside && !circle.known.has(EVER_OUTSIDE);
      if (!staysUnfamiliar(event, settings, learns)) {
        familiar.add(circle, key, NETWORKS_PER_DEVICE);
        if (isFirstOutside) familiar.add(circle, EVER_OUTSIDE, NETWORKS_PER_DEVICE);
      }
      const isMany = familiar.countNew(circle, key, MANY_NETWORKS, nowMs) >= MANY_NETWORKS;
      if (learns) return;
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
    const bits = networkBits(addresses.family(event.peer), inside);
    addExample(met.networks, networkText(addresses, event.peer, bits) ?? 'not kept');
    addExample(met.peers, addressOr(context, event.peer));
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

class NetworkOpening extends MeetingOpening<Met> {
  readonly detector = 'unfamiliarNetwork';
  readonly #past: Past;

  constructor(met: Met, who: Subject, fromDevice: boolean, circle: Circle, nowMs: number) {
    super(WHAT, met, who, fromDevice, nowMs);
    this.#past = { known: Math.max(0, circle.known.size - 1), sinceMs: circle.sinceMs };
  }

  describe(count: number, firstMs: number): Description {
    const { networks, peers, isFirstOutside, isMany, isAllowed } = this.met;
    const others = oneOrCount(networks, 'networks');
    const row = isAllowed ? 'allowed' : isMany ? 'many' : isFirstOutside ? 'firstOutside' : 'another';
    const contact = this.fromDevice ? 'called' : 'was called from';
    return {
      severity: SEVERITY[`unfamiliarNetwork.${row}`].severity,
      title: isFirstOutside
        ? `${this.subject}, which only spoke inside, ${contact} ${others} outside (${oneOrCount(peers, 'hosts')})`
        : `${this.subject} ${contact} ${others} for the first time (${oneOrCount(peers, 'hosts')})`,
      evidence: {
        from: this.fromDevice ? 'device' : 'network',
        networks: [...networks],
        peers: [...peers],
        isFirstOutside,
        knownNetworks: this.#past.known,
        watchedDays: watchedDays(this.#past, firstMs),
        coveredByEntry: isAllowed,
        newNetworks: count,
      },
      remedy: unfamiliarRemedy(isAllowed, 'it', 'reach it'),
    };
  }
}
