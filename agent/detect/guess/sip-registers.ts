/**
 * Passwords of SIP that are guessed by REGISTER (RFC 3261 section 10.2; svcrack, which needs no call): each is answered (401, 403, 404) and hundreds
 * follow within minutes, from one port or from many. Over UDP the answers are not seen, so it goes by the first request of a flow and its counters. A phone
 * with a wrong password tries every five seconds at most, and a registrar that is away answers nothing. A base station that registers a
 * hundred phones at its start looks alike, and so do a hundred messages a minute of who has registered: told once, for medium. Used by brute-force.ts,
 * whose finding it is.
 */
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../packet/view.js';
import type { DetectContext } from '../detector.js';
import {
  connectionHash,
  EVENT_END,
  EVENT_IP,
  GOES_ON_MS,
  packetsReceived,
  packetsSent,
  VERDICT_ALLOWED,
  VERDICT_REFUSED,
  type DetectEvent,
} from '../event.js';
import { ALLOWED_FACTOR } from './login-services.js';
import { codes, isWord } from './read-text.js';
import { pairOf, SessionFindings } from './session-findings.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';

const SIP_PORT = 5060;
/** Flows that began with REGISTER; one in the place of another is not counted any more. 16 bytes each. */
const FLOWS = 4_096;
/** Guesses, times `attempts`. */
const FACTOR = 10;
/** A flow that goes on is shown every GOES_ON_MS, so that what is done in two minutes may be told in four. */
const WINDOW_MS = 2 * GOES_ON_MS;
/** Asked without a password, and again with one that fits the challenge (RFC 3261 section 22.2); by TCP each with an acknowledgement. */
const PACKETS_PER_GUESS = 2;
const SEGMENTS_PER_GUESS = 4;
/** Requests a second at least while it goes on: messages of an alarm server come as fast in bursts only. */
const LEAST_PACE = 1.25;
const REGISTER = codes('register ');

export class SipRegisters {
  readonly #settings: DetectSettings['bruteForce'];
  readonly #findings: SessionFindings;
  readonly #flows = new Int32Array(FLOWS);
  /** Of the flow, counted already: requests, and how long it had lasted. */
  readonly #requests = new Int32Array(FLOWS);
  readonly #lastedMs = new Float64Array(FLOWS);
  readonly #beganMs: Float64Array;
  readonly #guesses: Int32Array;

  constructor(context: DetectContext, settings: DetectSettings['bruteForce']) {
    this.#settings = settings;
    this.#findings = new SessionFindings(context);
    this.#beganMs = new Float64Array(this.#findings.capacity);
    this.#guesses = new Int32Array(this.#findings.capacity);
  }

  /** EVENT_IP and EVENT_PAYLOAD. */
  begin(event: DetectEvent): void {
    if (event.port !== SIP_PORT || event.isReply || event.verdict === VERDICT_REFUSED) return;
    // The first packet of TCP carries nothing.
    if (event.protocol !== (event.kind === EVENT_IP ? PROTOCOL_UDP : PROTOCOL_TCP)) return;
    const flow = connectionHash(event);
    const at = flow & (FLOWS - 1);
    if (isWord(event, 0, REGISTER)) {
      this.#flows[at] = flow;
      this.#requests[at] = 0;
      this.#lastedMs[at] = 0;
    } else if (this.#flows[at] === flow) this.#flows[at] = 0;
  }

  /** EVENT_GOING and EVENT_END. True: it is one of these flows. */
  judge(event: DetectEvent, nowMs: number): boolean {
    if (event.port !== SIP_PORT) return false;
    const flow = connectionHash(event);
    const at = flow & (FLOWS - 1);
    if (this.#flows[at] !== flow) return false;
    const isUdp = event.protocol === PROTOCOL_UDP;
    const sent = packetsSent(event);
    const perGuess = isUdp ? PACKETS_PER_GUESS : SEGMENTS_PER_GUESS;
    const requests = sent - (this.#requests[at] ?? 0);
    const tookMs = event.durationMs - (this.#lastedMs[at] ?? 0);
    this.#requests[at] = sent;
    this.#lastedMs[at] = event.durationMs;
    if (event.kind === EVENT_END) this.#flows[at] = 0;
    // Not answered: sent again, and no guess.
    if (requests <= 0 || packetsReceived(event) * 2 < sent) return true;
    const guesses = Math.max(1, Math.floor(requests / perGuess));
    const isFast = guesses * PACKETS_PER_GUESS * 1000 >= LEAST_PACE * tookMs;
    if (isFast || event.kind === EVENT_END) this.#count(guesses, event, nowMs);
    return true;
  }

  get evicted(): number {
    return this.#findings.evicted;
  }

  #count(guesses: number, event: DetectEvent, nowMs: number): void {
    const slot = this.#findings.pair(event, 0);
    const sinceMs = nowMs - (this.#beganMs[slot] ?? 0);
    if (this.#findings.isNew || sinceMs >= WINDOW_MS || sinceMs < 0) {
      this.#beganMs[slot] = nowMs;
      this.#guesses[slot] = 0;
    }
    const counted = (this.#guesses[slot] ?? 0) + guesses;
    this.#guesses[slot] = counted;
    const least = this.#settings.attempts * FACTOR * (event.verdict === VERDICT_ALLOWED ? ALLOWED_FACTOR : 1);
    if (counted < least || this.#findings.isTold(slot, nowMs)) return;
    this.#open(slot, counted, least, event, nowMs);
  }

  #open(slot: number, guesses: number, least: number, event: DetectEvent, nowMs: number): void {
    const { guesser, target } = pairOf(this.#findings.context, event);
    const { fromDevice } = event;
    this.#findings.open(slot, event, nowMs, {
      what: `registers:${SIP_PORT}`,
      severity: SEVERITY['bruteForce.registers'].severity,
      title: `${guesser} seems to guess passwords of ${target}: some ${guesses} registrations of SIP within minutes`,
      evidence: {
        kind: 'guessing by registrations',
        from: fromDevice ? 'device' : 'network',
        service: `SIP (port ${SIP_PORT})`,
        guesses,
        thresholdGuesses: least,
        windowSeconds: WINDOW_MS / 1000,
      },
      remedy: `It closes 15 min after it was seen last. If ${guesser} registers many phones or sends messages this often by design, allow it or raise detect.bruteForce.attempts; if it has a wrong password, mend it; if neither, ${fromDevice ? 'contain it' : 'block it'} and change the passwords of ${target}.`,
    });
  }
}
