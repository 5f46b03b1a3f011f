/**
 * Passwords of Redis that are guessed within one connection, as the server never hangs up: it began with an AUTH that was refused, and what follows is as
 * many requests and answers of the same size, hundreds of them. Who goes on otherwise (was let in, or is told each time that it has to log in) has
 * answers of another size. Judged from counters: after the first words of each end no more is seen. HTTP is not judged so, as a program that has
 * a wrong password asks each second and is refused alike. Used by brute-force.ts, whose finding it is (MITRE ATT&CK T1110.001).
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import { u16 } from '../../packet/read.js';
import type { DetectContext } from '../detector.js';
import {
  bytesReceived,
  bytesSent,
  connectionHash,
  EVENT_END,
  packetsReceived,
  packetsSent,
  VERDICT_ALLOWED,
  type DetectEvent,
} from '../event.js';
import { ALLOWED_FACTOR, headerBytes, REFUSED_LOGINS } from './login-services.js';
import { pairOf, SessionFindings } from './session-findings.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';

/** Connections that began so; one in the place of another is forgotten. 13 bytes each. */
const CONNECTIONS = 4_096;
/** Guesses, times `attempts`: a list of passwords has hundreds. */
const FACTOR = 10;
/** Bytes by which requests differ from the first on average, and as a share of it: passwords differ in length. */
const APART_BYTES = 4;
const APART_SHARE = 0.15;
/** TCP header without options, and with as many as there can be (RFC 9293 section 3.1). */
const LEAST_HEADER = 20;
const MOST_HEADER = 60;

export class RedisSessions {
  readonly #settings: DetectSettings['bruteForce'];
  readonly #findings: SessionFindings;
  readonly #connections = new Int32Array(CONNECTIONS);
  readonly #asked = new Int32Array(CONNECTIONS);
  readonly #answered = new Int32Array(CONNECTIONS);
  /** Bytes of options in the answer's header: a timestamp (RFC 7323 section 3.2) stands in each packet. */
  readonly #options = new Uint8Array(CONNECTIONS);

  constructor(context: DetectContext, settings: DetectSettings['bruteForce']) {
    this.#settings = settings;
    this.#findings = new SessionFindings(context);
  }

  /** EVENT_PAYLOAD of an answer that refuses a request of `askedBytes`. */
  begin(event: DetectEvent, askedBytes: number): void {
    const connection = connectionHash(event);
    const at = connection & (CONNECTIONS - 1);
    this.#connections[at] = connection;
    this.#asked[at] = askedBytes;
    this.#answered[at] = event.payloadLength;
    this.#options[at] = optionBytes(event);
  }

  /** EVENT_GOING and EVENT_END. */
  judge(event: DetectEvent, nowMs: number): void {
    if (event.protocol !== PROTOCOL_TCP) return;
    const connection = connectionHash(event);
    const at = connection & (CONNECTIONS - 1);
    if (this.#connections[at] !== connection) return;
    const asked = this.#asked[at] ?? 0;
    const answered = this.#answered[at] ?? 0;
    if (event.kind === EVENT_END) this.#connections[at] = 0;
    const headers = headerBytes(event) + (this.#options[at] ?? 0);
    const guesses = (bytesReceived(event) - headers * packetsReceived(event)) / answered;
    const meanAsked = (bytesSent(event) - headers * packetsSent(event)) / guesses;
    const { attempts, windowSeconds } = this.#settings;
    const least = attempts * FACTOR * (event.verdict === VERDICT_ALLOWED ? ALLOWED_FACTOR : 1);
    if (guesses < least || guesses * windowSeconds * 1000 < least * event.durationMs) return;
    // Each answer has its packet: more of them by their bytes are longer ones.
    if (guesses > packetsReceived(event)) return;
    if (Math.abs(meanAsked - asked) > Math.max(APART_BYTES, asked * APART_SHARE)) return;
    const slot = this.#findings.pair(event, event.port);
    if (this.#findings.isTold(slot, nowMs)) return;
    this.#open(slot, Math.round(guesses), least, event, nowMs);
  }

  get evicted(): number {
    return this.#findings.evicted;
  }

  #open(slot: number, guesses: number, least: number, event: DetectEvent, nowMs: number): void {
    const { guesser, target } = pairOf(this.#findings.context, event);
    const { durationMs, fromDevice, port } = event;
    const service = `${REFUSED_LOGINS.REDIS.name} (port ${port})`;
    this.#findings.open(slot, event, nowMs, {
      what: `in-one:${event.port}`,
      severity: SEVERITY['bruteForce.inOneRedisSession'].severity,
      title: `${guesser} seems to guess passwords of ${target} in one connection: the first is refused, and some ${guesses} alike follow, at ${service}`,
      evidence: {
        kind: 'guessing in one session',
        from: fromDevice ? 'device' : 'network',
        service,
        guesses,
        thresholdGuesses: least,
        seconds: Math.round(durationMs / 1000),
      },
      remedy: `It closes 15 min after it was seen last. If ${guesser} has a wrong password configured and goes on without, mend it; if not, ${fromDevice ? 'contain it' : 'block it'} and change the passwords of ${target}.`,
    });
  }
}

/** The header ends where the data begins, and begins with the ports; 0 where it is not in front of it. */
function optionBytes(event: DetectEvent): number {
  const { bytes, payloadOffset, srcPort, port } = event;
  for (let header = LEAST_HEADER; header <= MOST_HEADER; header += 4) {
    const at = payloadOffset - header;
    if (at < 0) return 0;
    if (
      u16(bytes, at) === port &&
      u16(bytes, at + 2) === srcPort &&
      (bytes[at + 12] ?? 0) >> 4 === header / 4
    )
      return header - LEAST_HEADER;
  }
  return 0;
}
