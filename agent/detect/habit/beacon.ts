/**
 * Beaconing: a device opens connections to one service of one host at regular times, as an implant does that asks for orders. Judged
 * by the intervals' median and median absolute deviation, which a few outliers do not move (RITA's beacon score; Hu et al., "BAYWATCH",
 * DSN 2016). Jitter of a third of the period is still regular; a random process is not (its deviation is 0.7 of the median).
 * A long connection that beats inside itself cannot be seen here: only first packets can. Judged for each server, and told once for a device, a
 * service and a period: a cloud whose address changes by the hour is one thing to look at. Where one connection lives until the next, nothing calls:
 * something is kept open that a server or a firewall ends after its time, which is told for less. Calls that go to another address nearly each time
 * (fast flux, a list of servers drawn by lot) are regular only together: they are judged by service too.
 */
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../packet/view.js';
import { internText } from '../address-key.js';
import { NO_ADDRESS } from '../address-table.js';
import { addressOr, describeSubject, type DetectContext, type Detector } from '../detector.js';
import {
  EVENT_END,
  EVENT_IP,
  isIcmpRequest,
  serviceOf,
  subjectOf,
  VERDICT_ALLOWED,
  VERDICT_OBSERVED,
  type DetectEvent,
  SEES_END,
  SEES_IP,
} from '../event.js';
import { isInside } from '../inside.js';
import { looksLikeAnswer, serviceText } from '../probes.js';
import type { Memory } from '../memory.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

/** (device, peer, service), or no peer for all outside; 32 intervals of 4 bytes each and 88 bytes more: 3.5 MB. */
const PAIRS = 16_384;
const RING = 32;
const LEAST_KEPT_INTERVALS = 3;
const LEAST_KEPT_MS = 600_000;
/** What was told, by (device, service, period); 40 bytes each. */
const BEATS = 4_096;
/** Periods are one where they differ by less than a third or so: a step of a quarter, and its neighbours. */
const PERIOD_STEP = Math.log(1.25);
/** Periodic by nature, over UDP: DNS, DHCP, NTP, NetBIOS names, DHCPv6, SSDP, mDNS, LLMNR. Nothing else is over TCP. */
const PERIODIC_SERVICES: ReadonlySet<number> = new Set([
  53, 67, 68, 123, 137, 138, 546, 547, 1900, 5353, 5355,
]);
/** Closer together they are one visit: a client that opens several connections at once. */
const ONE_VISIT_MS = 500;
/** Sums of two scatter less. */
const JITTER_OF_TWO = 0.5;
const MAX_PERIOD_MS = 86_400_000;
/** Quiet for this many periods and a long weekend, and it is over: a device that is switched off for one calls again as it did. */
const QUIET_PERIODS = 20;
const LEAST_QUIET_MS = 4 * 86_400_000;
/** Kept open: a connection lives for so much of the time; the last one is not over yet. */
const KEPT_OPEN_PERCENT = 85;
/** Calls outside are judged together where so many of the last ten or so went to another known address than the two before, and come often. */
const ROTATING_SHARE = 0.3;
const ROTATING_WEIGHT = 0.1;
const ROTATING_MOST_MS = 7_200_000;
/** From so many intervals on it shows whether one address is called regularly by itself. */
const LEAST_OWN_INTERVALS = 5;
const PEER_KINDS = { outside: 0, inside: 1, rotating: 2 } as const;
type PeerKind = keyof typeof PEER_KINDS;
/** What asks for orders by long polls renews them within minutes. */
const LEAST_KEPT_OPEN_MS = 600_000;

export function createBeaconDetector(context: DetectContext, settings: DetectSettings['beacon']): Detector {
  return new Beacon(context, settings);
}

class Beacon implements Detector {
  readonly name = 'beacon';
  readonly kinds = SEES_IP | SEES_END;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['beacon'];
  readonly #pairs = new SlotTable(PAIRS);
  readonly #lastMs = new Float64Array(PAIRS);
  readonly #firstMs = new Float64Array(PAIRS);
  /** How long a connection was open, since firstMs, and until when that is counted. */
  readonly #openMs = new Float64Array(PAIRS);
  readonly #openUntilMs = new Float64Array(PAIRS);
  readonly #intervals = new Float32Array(PAIRS * RING);
  readonly #count = new Int32Array(PAIRS);
  readonly #findings = new Int32Array(PAIRS);
  /** Of those without a peer: the last two addresses, and how often it is another than these. */
  readonly #lastPeer = new Int32Array(PAIRS);
  readonly #peerBefore = new Int32Array(PAIRS);
  readonly #rotating = new Float32Array(PAIRS);
  readonly #toldCount = new Int32Array(PAIRS);
  readonly #beats = new SlotTable(BEATS);
  /** Servers of each. */
  readonly #servers = new Int32Array(BEATS);
  readonly #sorted = new Float64Array(RING);
  /** Of the intervals judged last. */
  #jitter = 0;

  constructor(context: DetectContext, settings: DetectSettings['beacon']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind === EVENT_END) {
      if (event.fromDevice) this.#ended(event, nowMs);
      return;
    }
    // What an approved entry foresees may be as regular as it likes.
    if (event.kind !== EVENT_IP || !event.fromDevice || event.verdict === VERDICT_ALLOWED) return;
    if (event.protocol !== PROTOCOL_TCP && event.protocol !== PROTOCOL_UDP && !isIcmpRequest(event)) return;
    if (event.protocol === PROTOCOL_UDP && PERIODIC_SERVICES.has(event.port)) return;
    if (looksLikeAnswer(event)) return;
    const { addresses } = this.#context;
    if (!addresses.isHost(event.peer)) return;
    const inside = isInside(addresses, event.peer);
    // Before anything is decided, regular calls to a server inside are the ordinary life of a medical device. Whether a gateway or a
    // server inside is there is asked by many, and nothing is learnt from it.
    if (inside && (event.verdict === VERDICT_OBSERVED || isIcmpRequest(event))) return;
    const slot = this.#called(event, event.peer, nowMs);
    if (slot >= 0) this.#judge(slot, event, inside ? 'inside' : 'outside', nowMs);
    if (inside || isIcmpRequest(event)) return;
    const together = this.#called(event, NO_ADDRESS, nowMs);
    if (together >= 0 && this.#isRotating(together, event, slot >= 0) && !this.#isRegularAlone(slot))
      this.#judge(together, event, 'rotating', nowMs);
  }

  /** Notes the interval since the last call; -1 where there is none to judge. */
  #called(event: DetectEvent, peer: number, nowMs: number): number {
    const slot = this.#pairs.intern(subjectOf(event), peer, serviceOf(event));
    if (this.#pairs.isNew) {
      this.#lastMs[slot] = nowMs;
      this.#firstMs[slot] = this.#openUntilMs[slot] = nowMs;
      this.#openMs[slot] = 0;
      this.#count[slot] = this.#toldCount[slot] = 0;
      this.#findings[slot] = 0;
      this.#lastPeer[slot] = this.#peerBefore[slot] = event.peer;
      this.#rotating[slot] = 0;
      return -1;
    }
    const interval = nowMs - (this.#lastMs[slot] ?? 0);
    if (interval >= 0 && interval < ONE_VISIT_MS) return -1;
    this.#lastMs[slot] = nowMs;
    if (interval < 0 || interval > MAX_PERIOD_MS) {
      this.#count[slot] = 0;
      return -1;
    }
    const count = this.#count[slot] ?? 0;
    this.#intervals[slot * RING + (count % RING)] = interval;
    this.#count[slot] = count + 1;
    return slot;
  }

  /** Back to one that was called before: what turns to ever new ones is a sweep. Two in turn are two beats, told each by itself. */
  #isRotating(slot: number, event: DetectEvent, isBack: boolean): boolean {
    const last = this.#lastPeer[slot] ?? NO_ADDRESS;
    const isOther = isBack && event.peer !== last && event.peer !== this.#peerBefore[slot] ? 1 : 0;
    if (event.peer !== last) this.#peerBefore[slot] = last;
    this.#lastPeer[slot] = event.peer;
    const rotating = (this.#rotating[slot] ?? 0) + ROTATING_WEIGHT * (isOther - (this.#rotating[slot] ?? 0));
    this.#rotating[slot] = rotating;
    return rotating >= ROTATING_SHARE;
  }

  /** Two clouds, each called every minute, are two findings and not a third one. */
  #isRegularAlone(slot: number): boolean {
    return slot >= 0 && (this.#count[slot] ?? 0) >= LEAST_OWN_INTERVALS && this.#period(slot) !== 0;
  }

  /** Slow ones only: what calls every few minutes is known again within hours. */
  *memories(isAll: boolean): Generator<Memory> {
    for (let slot = 0; slot < this.#pairs.size; slot++) {
      const count = this.#count[slot] ?? 0;
      if (count < LEAST_KEPT_INTERVALS || (count === this.#toldCount[slot] && !isAll)) continue;
      const kept = Math.min(count, RING);
      const intervals = [...this.#intervals.subarray(slot * RING, slot * RING + kept)];
      if (intervals.some((each) => each < LEAST_KEPT_MS)) continue;
      const { name } = this.#context.describe(this.#pairs.keyA(slot));
      const peer = this.#context.addresses.text(this.#pairs.keyB(slot));
      if (name === null || peer === null) continue;
      if (!isAll) this.#toldCount[slot] = count;
      const values = [
        this.#pairs.keyC(slot),
        this.#firstMs[slot] ?? 0,
        this.#lastMs[slot] ?? 0,
        this.#openMs[slot] ?? 0,
        count,
        ...intervals,
      ];
      yield { detector: 'beacon', device: name, key: `${peer} ${this.#pairs.keyC(slot)}`, values };
    }
  }

  restore({ device, key, values }: Memory): void {
    const id = this.#context.idOf?.(device) ?? 0;
    const peer = internText(this.#context.addresses, key.split(' ')[0] ?? '');
    const [service = 0, firstMs = 0, lastMs = 0, openMs = 0, count = 0, ...intervals] = values;
    if (id === 0 || peer === NO_ADDRESS || intervals.length !== Math.min(count, RING)) return;
    const slot = this.#pairs.intern(id, peer, service);
    if (!this.#pairs.isNew && (this.#count[slot] ?? 0) > 0) return;
    this.#findings[slot] = 0;
    this.#firstMs[slot] = firstMs;
    this.#lastMs[slot] = this.#openUntilMs[slot] = lastMs;
    this.#openMs[slot] = openMs;
    this.#count[slot] = count;
    this.#toldCount[slot] = 0;
    this.#intervals.set(intervals, slot * RING);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'beacon.evicted': this.#pairs.evicted + this.#beats.evicted };
  }

  /** Those at the same time count once. An end is told a little late, each alike. */
  #ended(event: DetectEvent, nowMs: number): void {
    const slot = this.#pairs.find(subjectOf(event), event.peer, serviceOf(event));
    if (slot < 0) return;
    const fromMs = Math.max(nowMs - event.durationMs, this.#openUntilMs[slot] ?? 0);
    if (nowMs <= fromMs) return;
    this.#openMs[slot] = (this.#openMs[slot] ?? 0) + nowMs - fromMs;
    this.#openUntilMs[slot] = nowMs;
  }

  /** Of all the time between the first and the last call. */
  #openPercent(slot: number): number {
    const spanMs = (this.#lastMs[slot] ?? 0) - (this.#firstMs[slot] ?? 0);
    return Math.min(100, Math.round(((this.#openMs[slot] ?? 0) * 100) / Math.max(1, spanMs)));
  }

  #judge(slot: number, event: DetectEvent, kind: PeerKind, nowMs: number): void {
    const count = this.#count[slot] ?? 0;
    const id = this.#findings[slot] ?? 0;
    if (count < this.#settings.intervals) return;
    const periodMs = this.#period(slot);
    if (periodMs === 0 || (kind === 'rotating' && periodMs > ROTATING_MOST_MS)) return;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#findings[slot] = this.#open(slot, event, kind, periodMs, nowMs);
  }

  /** The slot of what is told together: the same device, service and period, nearly. */
  #beat(event: DetectEvent, kind: PeerKind, periodMs: number): number {
    const subject = subjectOf(event);
    const service = serviceOf(event) * 4 + PEER_KINDS[kind];
    const step = Math.round(Math.log(periodMs) / PERIOD_STEP);
    for (const near of [step, step - 1, step + 1])
      if (this.#beats.find(subject, service, near) >= 0) return this.#beats.intern(subject, service, near);
    const beat = this.#beats.intern(subject, service, step);
    this.#servers[beat] = 0;
    return beat;
  }

  /** One interval after the other, or two together: who is not answered tries again after a while, each time alike. 0: not regular. */
  #period(slot: number): number {
    const { jitter } = this.#settings;
    return this.#regularPeriod(slot, 1, jitter) || this.#regularPeriod(slot, 2, jitter * JITTER_OF_TWO);
  }

  /** The median of the sums of so many neighbouring intervals; 0 when they are not regular. */
  #regularPeriod(slot: number, together: number, mostJitter: number): number {
    const count = this.#count[slot] ?? 0;
    const kept = Math.min(count, RING);
    const sums = kept - together + 1;
    const sorted = this.#sorted;
    // With every connection, and of a few numbers: putting each in its place is quicker than the runtime's sort.
    for (let index = 0; index < sums; index++) {
      let sum = 0;
      for (let next = 0; next < together; next++)
        sum += this.#intervals[slot * RING + ((count - kept + index + next) % RING)] ?? 0;
      let at = index;
      for (; at > 0 && (sorted[at - 1] ?? 0) > sum; at--) sorted[at] = sorted[at - 1] ?? 0;
      sorted[at] = sum;
    }
    const periodMs = sorted[sums >> 1] ?? 0;
    const jitter = medianDistance(sorted, sums) / periodMs;
    // Nine of ten visits keep to it: a person's clicks have a middle too, but a long tail.
    const late = sorted[Math.floor(sums * 0.9)] ?? 0;
    this.#jitter = jitter;
    return jitter > mostJitter || late > periodMs * 2 ? 0 : periodMs;
  }

  #open(slot: number, event: DetectEvent, kind: PeerKind, firstPeriodMs: number, nowMs: number): number {
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const service = serviceText(serviceOf(event));
    const serial = this.#pairs.serial(slot);
    const startMs = this.#firstMs[slot] ?? nowMs;
    const beat = this.#beat(event, kind, firstPeriodMs);
    const isOther = (this.#findings[slot] ?? 0) === 0;
    if (isOther) this.#servers[beat] = (this.#servers[beat] ?? 0) + 1;
    const servers = Math.max(1, this.#servers[beat] ?? 1);
    const usual = isIcmpRequest(event) ? 'beacon.echo' : (`beacon.${kind}` as const);
    return this.#context.book.openFinding(
      {
        detector: 'beacon',
        subject: who.text,
        what: `${kind}:${service}:${this.#beats.keyC(beat)}`,
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: Math.max(LEAST_QUIET_MS, firstPeriodMs * QUIET_PERIODS),
        firstMs: startMs,
        count: (this.#count[slot] ?? 0) + 1,
        describe: (_count, _firstMs, lastMs) => {
          if (this.#pairs.serial(slot) !== serial) return null;
          const count = this.#count[slot] ?? 1;
          const kept = Math.min(count, RING);
          const recent = Array.from(this.#intervals.subarray(slot * RING, slot * RING + kept));
          const periodMs = this.#period(slot) || firstPeriodMs;
          const jitter = this.#jitter;
          const openPercent = this.#openPercent(slot);
          const isKept =
            usual === 'beacon.outside' && periodMs >= LEAST_KEPT_OPEN_MS && openPercent >= KEPT_OPEN_PERCENT;
          const does = isKept
            ? `keeps a connection to ${peer} (${service}) open and renews it`
            : `calls ${kind === 'rotating' ? `several addresses in turn, now ${peer},` : peer} (${service})`;
          return {
            severity: SEVERITY[isKept ? 'beacon.keptOpen' : usual].severity,
            title: `${who.text} ${does} every ${seconds(periodMs)} s, ${count + 1} times${servers > 1 ? `, and ${servers - 1} other addresses before` : ''}`,
            evidence: {
              service,
              periodSeconds: seconds(periodMs),
              jitterPercent: Math.round(jitter * 100),
              calls: count + 1,
              hours: Math.round((lastMs - startMs) / 360_000) / 10,
              recentIntervalsSeconds: recent.slice(-16).map(seconds),
              addresses: servers,
              peerIs: kind === 'inside' ? 'inside' : 'outside',
              openPercent,
            },
            remedy: `It closes after ${QUIET_PERIODS} periods, four days at least, without a call. If the device is meant to call there, permit it with an allow entry; if not, find out what runs on it.`,
          };
        },
      },
      nowMs,
    );
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

/** The median of the distances from the median, of the first `length` values, which are sorted: outwards from the middle, the nearer first. */
function medianDistance(sorted: Float64Array, length: number): number {
  const middle = length >> 1;
  const median = sorted[middle] ?? 0;
  let below = middle - 1;
  let above = middle + 1;
  let distance = 0;
  for (let taken = 0; taken < middle; taken++) {
    const left = below >= 0 ? median - (sorted[below] ?? 0) : Infinity;
    const right = above < length ? (sorted[above] ?? 0) - median : Infinity;
    distance = Math.min(left, right);
    if (left <= right) below--;
    else above++;
  }
  return distance;
}
