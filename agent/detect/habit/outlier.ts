/**
 * A combined score for each device: its ten minutes of traffic as one point (connections out and in, peers, services, bytes both ways,
 * failures), judged by half-space-trees.ts against its own last day. Off unless the policy turns it on: it has not earned its place yet
 * (agent/README.md, Detection, has the figures).
 */
import { describeSubject, type DetectContext, type Detector } from '../detector.js';
import {
  EVENT_END,
  EVENT_IP,
  OUTCOME_ANSWERED,
  serviceOf,
  UNKNOWN_DEVICE,
  type DetectEvent,
  SEES_IP,
  SEES_END,
} from '../event.js';
import { HalfSpaceTrees } from './half-space-trees.js';
import { looksLikeAnswer } from '../probes.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { hash3, SlotTable } from '../slot-table.js';

/** Devices, 17 KiB each: 9 MiB. */
const SUBJECTS = 512;
const SPAN_MS = 600_000;
const FEATURES = [
  'connectionsOut',
  'connectionsIn',
  'peers',
  'services',
  'bytesOut',
  'bytesIn',
  'failed',
] as const;
const DIMENSIONS = FEATURES.length;
/** Points of a window: a day of a device that is never silent. */
const WINDOW = 144;
/** Distinct peers and services by linear counting (Whang et al. 1990). */
const BITS = 256;
const WORDS = BITS / 32;
/** The range of the first window is the middle of what the trees divide: room to be unusual in on both sides. */
const MARGIN = 0.25;
const LEAST_RANGE = 0.7;
/** Weight of the newest score in what is usual. */
const WEIGHT = 1 / 64;
const QUIET_MS = 3 * SPAN_MS;

export function createOutlierDetector(context: DetectContext, settings: DetectSettings['outlier']): Detector {
  return new Outlier(context, settings);
}

class Outlier implements Detector {
  readonly name = 'outlier';
  readonly kinds = SEES_IP | SEES_END;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['outlier'];
  readonly #subjects = new SlotTable(SUBJECTS);
  readonly #trees = new HalfSpaceTrees(SUBJECTS, DIMENSIONS, WINDOW);
  readonly #span = new Float64Array(SUBJECTS);
  readonly #counts = new Float64Array(SUBJECTS * DIMENSIONS);
  readonly #peerBits = new Int32Array(SUBJECTS * WORDS);
  readonly #serviceBits = new Int32Array(SUBJECTS * WORDS);
  readonly #least = new Float64Array(SUBJECTS * DIMENSIONS);
  readonly #most = new Float64Array(SUBJECTS * DIMENSIONS);
  readonly #usual = new Float64Array(SUBJECTS * DIMENSIONS);
  readonly #points = new Int32Array(SUBJECTS);
  readonly #usualScore = new Float64Array(SUBJECTS);
  readonly #inARow = new Int32Array(SUBJECTS);
  readonly #findings = new Int32Array(SUBJECTS);
  readonly #raw = new Float64Array(DIMENSIONS);
  readonly #point = new Float64Array(DIMENSIONS);

  constructor(context: DetectContext, settings: DetectSettings['outlier']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.deviceId <= UNKNOWN_DEVICE || (event.kind !== EVENT_IP && event.kind !== EVENT_END)) return;
    if (event.kind === EVENT_IP && looksLikeAnswer(event)) return;
    const slot = this.#subjects.intern(event.deviceId, 0, 0);
    const span = Math.floor(nowMs / SPAN_MS);
    if (this.#subjects.isNew) this.#begin(slot, span);
    if (this.#span[slot] !== span) {
      this.#judge(slot, event, nowMs);
      this.#empty(slot, span);
    }
    const base = slot * DIMENSIONS;
    if (event.kind === EVENT_END) {
      this.#add(base + 4, event.bytesOut);
      this.#add(base + 5, event.bytesIn);
      if (event.outcome !== OUTCOME_ANSWERED) this.#add(base + 6, 1);
      return;
    }
    this.#add(base + (event.fromDevice ? 0 : 1), 1);
    setBit(this.#peerBits, slot, event.peer);
    setBit(this.#serviceBits, slot, serviceOf(event));
  }

  counters(): Readonly<Record<string, number>> {
    return { 'outlier.evicted': this.#subjects.evicted };
  }

  #add(at: number, amount: number): void {
    this.#counts[at] = (this.#counts[at] ?? 0) + amount;
  }

  #begin(slot: number, span: number): void {
    this.#trees.forget(slot);
    this.#points[slot] = this.#inARow[slot] = this.#findings[slot] = 0;
    this.#usualScore[slot] = 0;
    const [from, to] = [slot * DIMENSIONS, (slot + 1) * DIMENSIONS];
    this.#least.fill(Infinity, from, to);
    this.#most.fill(-Infinity, from, to);
    this.#usual.fill(0, from, to);
    this.#empty(slot, span);
  }

  #empty(slot: number, span: number): void {
    this.#span[slot] = span;
    this.#counts.fill(0, slot * DIMENSIONS, (slot + 1) * DIMENSIONS);
    this.#peerBits.fill(0, slot * WORDS, (slot + 1) * WORDS);
    this.#serviceBits.fill(0, slot * WORDS, (slot + 1) * WORDS);
  }

  #judge(slot: number, event: DetectEvent, nowMs: number): void {
    const base = slot * DIMENSIONS;
    this.#counts[base + 2] = distinctOf(this.#peerBits, slot);
    this.#counts[base + 3] = distinctOf(this.#serviceBits, slot);
    const points = this.#points[slot] ?? 0;
    for (let feature = 0; feature < DIMENSIONS; feature++) {
      // Volumes are heavy-tailed: a logarithm is what twice as much means the same in.
      const value = Math.log1p(this.#counts[base + feature] ?? 0);
      this.#raw[feature] = value;
      if (points < WINDOW) {
        this.#least[base + feature] = Math.min(this.#least[base + feature] ?? value, value);
        this.#most[base + feature] = Math.max(this.#most[base + feature] ?? value, value);
      }
    }
    this.#points[slot] = points + 1;
    // The first window sets the range, the second fills the trees, from the third on they judge.
    if (points < WINDOW) return;
    for (let feature = 0; feature < DIMENSIONS; feature++) {
      const least = this.#least[base + feature] ?? 0;
      const range = Math.max(LEAST_RANGE, (this.#most[base + feature] ?? 0) - least);
      const at = MARGIN + (1 - 2 * MARGIN) * (((this.#raw[feature] ?? 0) - least) / range);
      this.#point[feature] = Math.min(1, Math.max(0, at));
    }
    const score = this.#trees.add(slot, this.#point);
    if (points % WINDOW === WINDOW - 1) this.#trees.turn(slot);
    if (points < 2 * WINDOW) return;
    const usual = this.#usualScore[slot] ?? 0;
    const isOdd = points >= 2 * WINDOW + WINDOW / 4 && score < usual * this.#settings.shareOfUsual;
    if (!isOdd) this.#usualScore[slot] = usual === 0 ? score : usual + WEIGHT * (score - usual);
    this.#inARow[slot] = isOdd ? (this.#inARow[slot] ?? 0) + 1 : 0;
    if ((this.#inARow[slot] ?? 0) >= this.#settings.spansInARow) this.#tell(slot, score, event, nowMs);
    for (let feature = 0; feature < DIMENSIONS; feature++) {
      const before = this.#usual[base + feature] ?? 0;
      if (!isOdd) this.#usual[base + feature] = before + WEIGHT * ((this.#raw[feature] ?? 0) - before);
    }
  }

  #tell(slot: number, score: number, event: DetectEvent, nowMs: number): void {
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    const who = describeSubject(this.#context, event);
    const base = slot * DIMENSIONS;
    const features = FEATURES.map((name, feature) => {
      const seen = Math.round(Math.expm1(this.#raw[feature] ?? 0));
      return `${name} ${seen}, usually ${Math.round(Math.expm1(this.#usual[base + feature] ?? 0))}`;
    });
    const usual = this.#usualScore[slot] ?? 0;
    this.#findings[slot] = this.#context.book.openFinding(
      {
        detector: 'outlier',
        subject: who.text,
        what: 'traffic',
        device: who.device,
        deviceMac: who.mac,
        peer: null,
        quietMs: QUIET_MS,
        firstMs: nowMs - this.#settings.spansInARow * SPAN_MS,
        count: 1,
        describe: () => ({
          severity: SEVERITY['outlier.traffic'].severity,
          title: `${who.text} behaves as it did not within its last day`,
          evidence: {
            score: Math.round(score * 10) / 10,
            usualScore: Math.round(usual * 10) / 10,
            thresholdShareOfUsual: this.#settings.shareOfUsual,
            spanMinutes: SPAN_MS / 60_000,
            features,
          },
          remedy:
            'It closes half an hour after the last unusual span. Look at the features: what differs most says what to look for.',
        }),
      },
      nowMs,
    );
  }
}

function setBit(bits: Int32Array, slot: number, value: number): void {
  const bit = (hash3(value, 0, 0) >>> 8) % BITS;
  const word = slot * WORDS + (bit >> 5);
  bits[word] = (bits[word] ?? 0) | (1 << (bit & 31));
}

function distinctOf(bits: Int32Array, slot: number): number {
  let set = 0;
  for (let word = slot * WORDS; word < (slot + 1) * WORDS; word++)
    for (let rest = bits[word] ?? 0; rest !== 0; rest &= rest - 1) set++;
  return set >= BITS ? 6 * BITS : -BITS * Math.log(1 - set / BITS);
}
