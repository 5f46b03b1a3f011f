/**
 * The first data of a connection is not what its port promises: something else hides behind a port that the allow-list permits. One
 * look at the opener's first bytes (recognise-protocol.ts). Where they are few, or may not be its first ones (first-speech.ts), the answer is
 * looked at too: who answers as the port promises was asked so. What cannot be told is said as that.
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector } from '../detector.js';
import { EVENT_IP, EVENT_PAYLOAD, SEES_IP, SEES_PAYLOAD, subjectOf, type DetectEvent } from '../event.js';
import { AWAITED, AWAITED_UNSURE, FirstSpeech, SILENT } from './first-speech.js';
import { recogniseAnswer } from './recognise-answer.js';
import { isRefusedAs, LEAST_BYTES, promiseOf, recognise, type PortPromise } from './recognise-protocol.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

const PAIRS = 4_096;
/** A beginning of printable bytes alone: drawn by lot, eight are so once in two thousand times. */
const LEAST_TEXT_BYTES = 8;
const MOST_TEXT_BYTES = 64;

type SeverityKey = PortPromise['severity'] | 'protocolMismatch.unsure';

export function createProtocolMismatchDetector(
  context: DetectContext,
  settings: DetectSettings['protocolMismatch'],
): Detector {
  return new ProtocolMismatch(context, settings);
}

class ProtocolMismatch implements Detector {
  readonly name = 'protocolMismatch';
  readonly kinds = SEES_IP | SEES_PAYLOAD;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['protocolMismatch'];
  readonly #speech = new FirstSpeech();
  readonly #pairs = new SlotTable(PAIRS);
  readonly #findings = new Int32Array(PAIRS);
  /** What was told is for low only, as it was not seen from its beginning. */
  readonly #isUnsure = new Uint8Array(PAIRS);

  constructor(context: DetectContext, settings: DetectSettings['protocolMismatch']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.protocol !== PROTOCOL_TCP) return;
    const promise = promiseOf(event.port);
    if (promise === null) return;
    if (event.kind === EVENT_IP) this.#speech.opened(event);
    else if (event.kind === EVENT_PAYLOAD && event.payloadLength > 0)
      if (event.isReply) this.#answered(event, promise, nowMs);
      else this.#asked(event, promise, nowMs);
  }

  #asked(event: DetectEvent, promise: PortPromise, nowMs: number): void {
    const isLong = event.payloadLength >= LEAST_BYTES;
    const found = isLong ? recognise(event.bytes, event.payloadOffset, event.payloadLength) : null;
    if (found !== null) {
      this.#speech.judged(event);
      if (isRefusedAs(promise, found)) this.#tell(event, promise, promise.severity, found, nowMs);
      return;
    }
    const isStrict = isRefusedAs(promise, null);
    const isBeginning = this.#speech.isBeginning(event);
    if (!isLong || (isStrict && !isBeginning)) {
      this.#speech.await(event, isBeginning);
      return;
    }
    this.#speech.judged(event);
    if (isStrict) this.#tell(event, promise, promise.severity, null, nowMs);
    else if (promise.isClientFirst && isPlainText(event))
      this.#tell(event, promise, promise.severity, 'plain text', nowMs);
  }

  #answered(event: DetectEvent, promise: PortPromise, nowMs: number): void {
    const state = this.#speech.answered(event);
    if (state !== SILENT && state !== AWAITED && state !== AWAITED_UNSURE) return;
    const found = recogniseAnswer(event.bytes, event.payloadOffset, event.payloadLength);
    if (found !== null && promise.protocols.includes(found)) return;
    const isLong = event.payloadLength >= LEAST_BYTES;
    const isStrict = isRefusedAs(promise, null);
    if (state === SILENT) {
      // The question may have been lost before the box.
      const key = isStrict ? 'protocolMismatch.unsure' : promise.severity;
      if (promise.isClientFirst && isLong) this.#tell(event, promise, key, found, nowMs);
    } else if (isStrict) {
      const isBeginning = this.#speech.isBeginning(event);
      // Of both ends something from the middle.
      if (!isBeginning && state === AWAITED_UNSURE) return;
      const isSure = isBeginning && (isLong || state === AWAITED);
      this.#tell(event, promise, isSure ? promise.severity : 'protocolMismatch.unsure', found, nowMs);
    } else if (promise.isClientFirst && (found !== null || isPlainText(event)))
      this.#tell(event, promise, promise.severity, found ?? 'plain text', nowMs);
  }

  /** The event is of the one who is said to speak so. */
  #tell(
    event: DetectEvent,
    promise: PortPromise,
    key: SeverityKey,
    found: string | null,
    nowMs: number,
  ): void {
    const slot = this.#pairs.intern(subjectOf(event), event.peer, event.port);
    const id = this.#pairs.isNew ? 0 : (this.#findings[slot] ?? 0);
    const isUnsure = key === 'protocolMismatch.unsure';
    const isGraver = !isUnsure && this.#isUnsure[slot] === 1;
    if (id !== 0 && !isGraver && this.#context.book.touch(id, nowMs)) return;
    this.#isUnsure[slot] = isUnsure ? 1 : 0;
    this.#findings[slot] = this.#open(event, promise, key, found, nowMs);
  }

  #open(
    event: DetectEvent,
    promise: PortPromise,
    key: SeverityKey,
    found: string | null,
    nowMs: number,
  ): number {
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const { port, isReply } = event;
    const isOfDevice = event.fromDevice !== isReply;
    const speaker = isOfDevice ? who.text : peer;
    const other = isOfDevice ? peer : who.text;
    const { expected } = promise;
    return this.#context.book.openFinding(
      {
        detector: 'protocolMismatch',
        subject: who.text,
        what: `${peer}:${port}`,
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: this.#settings.quietSeconds * 1000,
        firstMs: nowMs,
        count: 1,
        describe: () => ({
          severity: SEVERITY[key].severity,
          title: `${speaker} ${isReply ? 'answers' : 'speaks'} ${found ?? 'something unknown'} to ${other} on port ${port}, where ${expected} belongs`,
          evidence: {
            port,
            expected,
            found: found ?? 'not recognised',
            from: isOfDevice ? 'device' : 'network',
          },
          remedy: `It closes after ${this.#settings.quietSeconds / 3600} h without another. If the product really uses the port so, say so in the entry’s why and raise nothing; if not, narrow the entry and look at the opener.`,
        }),
      },
      nowMs,
    );
  }

  counters(): Readonly<Record<string, number>> {
    return { 'protocolMismatch.evicted': this.#pairs.evicted + this.#speech.evicted };
  }
}

function isPlainText({ bytes, payloadOffset, payloadLength }: DetectEvent): boolean {
  if (payloadLength < LEAST_TEXT_BYTES) return false;
  const end = payloadOffset + Math.min(payloadLength, MOST_TEXT_BYTES);
  for (let at = payloadOffset; at < end; at++) {
    const byte = bytes[at] ?? 0;
    const isPrintable = byte >= 0x20 && byte < 0x7f;
    if (!isPrintable && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false;
  }
  return true;
}
