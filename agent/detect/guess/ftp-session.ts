/**
 * Passwords that are guessed within one session of FTP, of servers that never hang up: commands and answers as short as USER, PASS and 530 (RFC 959 section
 * 5.4), as many as guesses are, and no file or list ever, which would open a data connection (section 3.2). Who keeps a session open by NOOP
 * sends a few a minute; paths make commands longer. Used by brute-force.ts, whose finding it is. Judged from counters of the session.
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import { addressOr, describeSubject, type DetectContext } from '../detector.js';
import {
  bytesReceived,
  bytesSent,
  packetsReceived,
  packetsSent,
  subjectOf,
  VERDICT_ALLOWED,
  type DetectEvent,
} from '../event.js';
import { QUIET_MS, TOLD_MS } from './brute-force-opening.js';
import { ALLOWED_FACTOR, FTP_PORT, headerBytes } from './login-services.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

/** (opener, host); 49 bytes each. */
const PAIRS = 1_024;
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
  readonly #pairs = new SlotTable(PAIRS);
  /** When a data connection last ended. */
  readonly #dataMs = new Float64Array(PAIRS);
  readonly #toldMs = new Float64Array(PAIRS);
  readonly #findings = new Int32Array(PAIRS);

  constructor(context: DetectContext, settings: DetectSettings['bruteForce']) {
    this.#context = context;
    this.#settings = settings;
  }

  /** EVENT_PAYLOAD: from its first words on its data connections are noted. */
  begin(event: DetectEvent): void {
    if (isSession(event)) this.#pair(event);
  }

  noteData(opener: number, host: number, nowMs: number): void {
    const slot = this.#pairs.find(opener, host, 0);
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
    const isKnown = Math.abs(nowMs - (this.#toldMs[slot] ?? 0)) <= TOLD_MS;
    this.#toldMs[slot] = nowMs;
    if (this.#context.book.touch(this.#findings[slot] ?? 0, nowMs) || isKnown) return;
    this.#findings[slot] = this.#open(guesses, event, nowMs);
  }

  get evicted(): number {
    return this.#pairs.evicted;
  }

  #pair(event: DetectEvent): number {
    const subject = subjectOf(event);
    const [opener, host] = event.fromDevice ? [subject, event.peer] : [event.peer, subject];
    const slot = this.#pairs.intern(opener, host, 0);
    if (!this.#pairs.isNew) return slot;
    this.#dataMs[slot] = this.#toldMs[slot] = -Infinity;
    this.#findings[slot] = 0;
    return slot;
  }

  #open(guesses: number, event: DetectEvent, nowMs: number): number {
    const { fromDevice, durationMs } = event;
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const [guesser, target] = fromDevice ? [who.text, peer] : [peer, who.text];
    const commands = Math.floor(packetsSent(event) / 2);
    return this.#context.book.openFinding(
      {
        detector: 'bruteForce',
        subject: who.text,
        what: `${fromDevice ? 'guesses' : 'is-guessed'}-in-one:${peer}:${FTP_PORT}`,
        device: who.device,
        deviceMac: who.mac,
        peer,
        quietMs: QUIET_MS,
        firstMs: nowMs - durationMs,
        count: 1,
        describe: () => ({
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
            ? `If a program of the device looks for files at ${peer} this often by design, allow it; if not, contain it.`
            : `If a program of ${peer} looks for files at the device this often by design, allow it; if not, block it and change the passwords of the device.`,
        }),
      },
      nowMs,
    );
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
