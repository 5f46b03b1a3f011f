/**
 * The first data of a connection is not what its port promises: something else hides behind a port that the allow-list permits. One
 * look at the opener's first bytes (recognise-protocol.ts); what cannot be told is said as that.
 */
import { PROTOCOL_TCP } from '../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector } from './detector.js';
import { EVENT_PAYLOAD, subjectOf, type DetectEvent, SEES_PAYLOAD } from './event.js';
import { isRefusedAs, promiseOf, recognise } from './recognise-protocol.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';
import { SlotTable } from './slot-table.js';

const PAIRS = 4_096;
/** Fewer bytes say nothing. */
const LEAST_BYTES = 4;

export function createProtocolMismatchDetector(
  context: DetectContext,
  settings: DetectSettings['protocolMismatch'],
): Detector {
  return new ProtocolMismatch(context, settings);
}

class ProtocolMismatch implements Detector {
  readonly name = 'protocolMismatch';
  readonly kinds = SEES_PAYLOAD;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['protocolMismatch'];
  readonly #pairs = new SlotTable(PAIRS);
  readonly #findings = new Int32Array(PAIRS);

  constructor(context: DetectContext, settings: DetectSettings['protocolMismatch']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_PAYLOAD || event.isReply || event.protocol !== PROTOCOL_TCP) return;
    const promise = promiseOf(event.port);
    if (promise === null || event.payloadLength < LEAST_BYTES) return;
    const found = recognise(event.bytes, event.payloadOffset, event.payloadLength);
    if (!isRefusedAs(promise, found)) return;
    const slot = this.#pairs.intern(subjectOf(event), event.peer, event.port);
    const id = this.#pairs.isNew ? 0 : (this.#findings[slot] ?? 0);
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const { port, fromDevice } = event;
    const expected = promise.protocols.join(' or ');
    const opener = fromDevice ? who.text : peer;
    const other = fromDevice ? peer : who.text;
    this.#findings[slot] = this.#context.book.openFinding(
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
          severity: SEVERITY[promise.isStrict ? 'protocolMismatch.strict' : 'protocolMismatch.web'].severity,
          title: `${opener} speaks ${found ?? 'something unknown'} to ${other} on port ${port}, where ${expected} belongs`,
          evidence: {
            port,
            expected,
            found: found ?? 'not recognised',
            from: fromDevice ? 'device' : 'network',
          },
          remedy: `It closes after ${this.#settings.quietSeconds / 3600} h without another. If the product really uses the port so, say so in the entry’s why and raise nothing; if not, narrow the entry and look at the opener.`,
        }),
      },
      nowMs,
    );
  }

  counters(): Readonly<Record<string, number>> {
    return { 'protocolMismatch.evicted': this.#pairs.evicted };
  }
}
