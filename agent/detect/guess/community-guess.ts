/**
 * Guessing SNMP communities (MITRE ATT&CK T1110.001; devices come with "public" and "private"): an agent does not answer a community that it does
 * not know (RFC 1157 section 4.1), so one host gets many requests within a minute and answers few. A management station that asks a
 * device which is off tries some five times and waits. If it has many sensors that is as much as guessing; but it was answered before, and now
 * nothing is: an outage. Used by brute-force.ts, whose finding it is. Judged from counters at a flow's end.
 */
import { PROTOCOL_UDP } from '../../packet/view.js';
import { addressOr, describeSubject, type DetectContext } from '../detector.js';
import {
  EVENT_END,
  packetsReceived,
  packetsSent,
  subjectOf,
  VERDICT_ALLOWED,
  type DetectEvent,
} from '../event.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

export const SNMP_PORT = 161;
/** (opener, host); 50 bytes each. */
const PAIRS = 1_024;
const WINDOW_MS = 60_000;
/** At most this share of requests is answered; who knows the community is answered nearly always. */
const ANSWERED_SHARE = 0.25;
/** In so many minutes most requests were answered: the opener knows the community. Who has just guessed one knows it for a minute or two. */
const KNOWN_MINUTES = 3;
/** An approved entry means a management station: it is expected to try. */
const ALLOWED_FACTOR = 2;
const QUIET_MS = 900_000;

export class CommunityGuess {
  readonly #context: DetectContext;
  readonly #requests: number;
  readonly #pairs = new SlotTable(PAIRS);
  readonly #beganMs = new Float64Array(PAIRS);
  readonly #asked = new Float64Array(PAIRS);
  readonly #answered = new Float64Array(PAIRS);
  readonly #findings = new Int32Array(PAIRS);
  /** Minutes in which most was answered, up to KNOWN_MINUTES. */
  readonly #knownMinutes = new Uint8Array(PAIRS);
  /** The minute before had few answers, but some. */
  readonly #hadFewAnswers = new Uint8Array(PAIRS);

  /** `requests`: that many within a minute. */
  constructor(context: DetectContext, requests: number) {
    this.#context = context;
    this.#requests = requests;
  }

  /** Looks at EVENT_END only. */
  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_END || event.protocol !== PROTOCOL_UDP || event.port !== SNMP_PORT) return;
    if (!this.#context.addresses.isHost(event.peer)) return;
    const { fromDevice } = event;
    const opener = fromDevice ? subjectOf(event) : event.peer;
    const slot = this.#pairs.intern(opener, fromDevice ? event.peer : subjectOf(event), fromDevice ? 1 : 0);
    if (this.#pairs.isNew) this.#forget(slot);
    const sinceMs = nowMs - (this.#beganMs[slot] ?? 0);
    if (sinceMs >= WINDOW_MS || sinceMs < 0) this.#nextMinute(slot, nowMs);
    // Of a long flow what falls into one minute.
    const share = Math.min(1, WINDOW_MS / Math.max(1, event.durationMs));
    const asked = (this.#asked[slot] ?? 0) + packetsSent(event) * share;
    const answered = (this.#answered[slot] ?? 0) + packetsReceived(event) * share;
    this.#asked[slot] = asked;
    this.#answered[slot] = answered;
    const threshold = this.#requests * (event.verdict === VERDICT_ALLOWED ? ALLOWED_FACTOR : 1);
    if (asked < threshold || answered > asked * ANSWERED_SHARE) return;
    if (this.#isOutage(slot)) return;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#findings[slot] = this.#open(slot, threshold, event, nowMs);
  }

  get evicted(): number {
    return this.#pairs.evicted;
  }

  #forget(slot: number): void {
    this.#findings[slot] = 0;
    this.#beganMs[slot] = -Infinity;
    this.#asked[slot] = 0;
    this.#answered[slot] = 0;
    this.#knownMinutes[slot] = 0;
  }

  #nextMinute(slot: number, nowMs: number): void {
    const asked = this.#asked[slot] ?? 0;
    const answered = this.#answered[slot] ?? 0;
    const known = this.#knownMinutes[slot] ?? 0;
    if (answered > asked / 2 && known < KNOWN_MINUTES) this.#knownMinutes[slot] = known + 1;
    this.#hadFewAnswers[slot] = answered > 0 && answered <= asked * ANSWERED_SHARE ? 1 : 0;
    this.#beganMs[slot] = nowMs;
    this.#asked[slot] = 0;
    this.#answered[slot] = 0;
  }

  /** Nothing is answered any more by who answered this opener before; the minute in which it went, or came back, has a few answers. */
  #isOutage(slot: number): boolean {
    if ((this.#knownMinutes[slot] ?? 0) < KNOWN_MINUTES) return false;
    return this.#answered[slot] === 0 || this.#hadFewAnswers[slot] === 0;
  }

  #open(slot: number, threshold: number, event: DetectEvent, nowMs: number): number {
    const { fromDevice } = event;
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const [guesser, target] = fromDevice ? [who.text, peer] : [peer, who.text];
    const serial = this.#pairs.serial(slot);
    return this.#context.book.openFinding(
      {
        detector: 'bruteForce',
        subject: who.text,
        what: `${fromDevice ? 'guesses' : 'is-guessed'}:${peer}:${SNMP_PORT}`,
        device: who.device,
        deviceMac: who.mac,
        peer,
        quietMs: QUIET_MS,
        firstMs: nowMs - event.durationMs,
        count: 1,
        describe: () => {
          if (this.#pairs.serial(slot) !== serial) return null;
          const asked = Math.round(this.#asked[slot] ?? 0);
          return {
            severity: SEVERITY[fromDevice ? 'bruteForce.fromDevice' : 'bruteForce.atDevice'].severity,
            title: `${guesser} seems to guess SNMP communities of ${target}: ${asked} requests within a minute, hardly any answered`,
            evidence: {
              kind: 'guessing at one host',
              from: fromDevice ? 'device' : 'network',
              service: `SNMP (port ${SNMP_PORT})`,
              requests: asked,
              answers: Math.round(this.#answered[slot] ?? 0),
              thresholdRequests: threshold,
              windowSeconds: WINDOW_MS / 1000,
            },
            remedy: fromDevice
              ? `It closes 15 min after the last such minute. If the device manages ${peer} and has a wrong community configured, mend it; if not, contain it and look for what runs on it.`
              : `It closes 15 min after the last such minute. If ${peer} manages the device and has a wrong community configured, mend it; if not, block it and change the communities of what it reached.`,
          };
        },
      },
      nowMs,
    );
  }
}
