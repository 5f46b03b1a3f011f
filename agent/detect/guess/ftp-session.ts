/**
 * Passwords that are guessed within one session of FTP, of servers that never hang up: commands and answers as short as USER, PASS and 530 (RFC 959 section
 * 5.4), as many as guesses are, and no file or list ever, which would open a data connection (section 3.2). Who keeps a session open by NOOP
 * sends a few a minute; paths make commands longer. Used by brute-force.ts, whose finding it is. Judged from counters of the session.
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import type { DetectContext } from '../detector.js';
import {
  bytesReceived,
  bytesSent,
  packetsReceived,
  packetsSent,
  VERDICT_ALLOWED,
  type DetectEvent,
} from '../event.js';
import { ALLOWED_FACTOR, FTP_PORT, headerBytes } from './login-services.js';
import { pairOf, SessionFindings } from './session-findings.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';

/** Guesses, times `attempts`: as for sessions with a guess each. */
const FACTOR = 2;
/** USER and PASS, and for each the packet that acknowledges its answer. */
const PACKETS_PER_GUESS = 4;
/** Data of a packet on average, with 12 bytes of a timestamp (RFC 7323 section 3.2): names and passwords; answers are sentences. */
const MOST_SENT = 32;
const MOST_RECEIVED = 72;

export class FtpSessions {
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['bruteForce'];
  readonly #found: SessionFindings;
  /** When a data connection last ended. */
  readonly #dataMs: Float64Array;

  constructor(context: DetectContext, settings: DetectSettings['bruteForce']) {
    this.#context = context;
    this.#settings = settings;
    this.#found = new SessionFindings(context);
    this.#dataMs = new Float64Array(this.#found.capacity);
  }

  /** EVENT_PAYLOAD: from its first words on its data connections are noted. */
  begin(event: DetectEvent): void {
    if (isSession(event)) this.#pair(event);
  }

  noteData(opener: number, host: number, nowMs: number): void {
    const slot = this.#found.find(opener, host, 0);
    if (slot >= 0) this.#dataMs[slot] = nowMs;
  }

  /** EVENT_GOING and EVENT_END. */
  judge(event: DetectEvent, nowMs: number): void {
    if (!isSession(event) || !this.#context.addresses.isHost(event.peer)) return;
    const { attempts, windowSeconds } = this.#settings;
    const guesses = attempts * FACTOR * (event.verdict === VERDICT_ALLOWED ? ALLOWED_FACTOR : 1);
    const sent = packetsSent(event);
    const least = guesses * PACKETS_PER_GUESS;
    if (sent < least || sent * windowSeconds * 1000 < least * event.durationMs || !isShort(event)) return;
    const slot = this.#pair(event);
    if ((this.#dataMs[slot] ?? 0) >= nowMs - event.durationMs) return;
    // A program that looks each day whether a file is there is told once.
    if (this.#found.isTold(slot, nowMs)) return;
    this.#open(slot, guesses, event, nowMs);
  }

  get evicted(): number {
    return this.#found.evicted;
  }

  #pair(event: DetectEvent): number {
    const slot = this.#found.pair(event, 0);
    if (this.#found.isNew) this.#dataMs[slot] = -Infinity;
    return slot;
  }

  #open(slot: number, guesses: number, event: DetectEvent, nowMs: number): void {
    const { guesser, target } = pairOf(this.#context, event);
    const { durationMs, fromDevice } = event;
    const commands = Math.floor(packetsSent(event) / 2);
    this.#found.open(slot, event, nowMs, {
      what: `in-one:${FTP_PORT}`,
      severity: SEVERITY['bruteForce.inOneSession'].severity,
      title: `${guesser} seems to guess passwords of ${target} in one session of FTP: some ${commands} short commands, and no file`,
      evidence: {
        kind: 'guessing in one session',
        from: fromDevice ? 'device' : 'network',
        service: `FTP (port ${FTP_PORT})`,
        commands,
        thresholdGuesses: guesses,
        seconds: Math.round(durationMs / 1000),
      },
      remedy: fromDevice
        ? `If a program of the device looks for files at ${target} this often by design, allow it; if not, contain it.`
        : `If a program of ${guesser} looks for files at the device this often by design, allow it; if not, block it and change the passwords of the device.`,
    });
  }
}

function isSession(event: DetectEvent): boolean {
  return event.protocol === PROTOCOL_TCP && event.port === FTP_PORT;
}

function isShort(event: DetectEvent): boolean {
  const sent = packetsSent(event);
  const received = packetsReceived(event);
  const headers = headerBytes(event);
  return (
    // What is asked is answered.
    received >= sent / 2 &&
    bytesSent(event) <= sent * (headers + MOST_SENT) &&
    bytesReceived(event) <= received * (headers + MOST_RECEIVED)
  );
}
