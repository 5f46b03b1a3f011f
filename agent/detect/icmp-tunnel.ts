/**
 * Data carried in ICMP echo (RFC 792, RFC 4443 section 4): payloads that no ping program makes (they count up, repeat one byte, or have a
 * timestamp before that), and echo connections that carry far more, or far more one way, than a ping does: a reply mirrors its request.
 */
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from '../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector } from './detector.js';
import {
  EVENT_END,
  EVENT_GOING,
  EVENT_IP,
  isIcmpRequest,
  SEES_END,
  SEES_GOING,
  SEES_IP,
  subjectOf,
  type DetectEvent,
} from './event.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';
import { SlotTable } from './slot-table.js';

const PAIRS = 4_096;
/** Timestamp of BSD-like pings; judged behind it. */
const TIMESTAMP_BYTES = 16;
/** This share of neighbouring bytes counts up or repeats in what ping programs send, and never more than these do not. */
const PATTERN_SHARE = 0.6;
const MAX_IRREGULAR = 20;
const LEAST_BYTES = 12;
const HEADER_BYTES = { 4: 28, 6: 48 } as const;
/** One way more than the other, beyond what a lost reply explains. */
const LOPSIDED = 2;
const QUIET_MS = 600_000;

export function createIcmpTunnelDetector(
  context: DetectContext,
  settings: DetectSettings['icmpTunnel'],
): Detector {
  return new IcmpTunnel(context, settings);
}

class IcmpTunnel implements Detector {
  readonly name = 'icmpTunnel';
  readonly kinds = SEES_IP | SEES_END | SEES_GOING;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['icmpTunnel'];
  readonly #pairs = new SlotTable(PAIRS);
  readonly #odd = new Int32Array(PAIRS);
  readonly #findings = new Int32Array(PAIRS);

  constructor(context: DetectContext, settings: DetectSettings['icmpTunnel']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.protocol !== PROTOCOL_ICMP && event.protocol !== PROTOCOL_ICMPV6) return;
    if (!isIcmpRequest(event)) return;
    if (event.kind === EVENT_END || event.kind === EVENT_GOING) this.#carried(event, nowMs);
    // To a group: that finds hosts (host-sweep.ts), it does not carry data to one.
    if (!this.#context.addresses.isHost(event.peer)) return;
    if (event.kind !== EVENT_IP || isPingPayload(event.bytes, event.payloadOffset, event.payloadLength))
      return;
    const slot = this.#pairs.intern(subjectOf(event), event.peer, event.fromDevice ? 1 : 0);
    if (this.#pairs.isNew) {
      this.#odd[slot] = 0;
      this.#findings[slot] = 0;
    }
    const odd = (this.#odd[slot] ?? 0) + 1;
    this.#odd[slot] = odd;
    if (odd < this.#settings.oddPayloads) return;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#findings[slot] = this.#open(event, nowMs, odd, {
      what: 'payload',
      title: `${odd} echo requests with data that no ping sends`,
      evidence: { oddPayloads: odd, payloadBytes: event.payloadLength },
    });
  }

  counters(): Readonly<Record<string, number>> {
    return { 'icmpTunnel.evicted': this.#pairs.evicted };
  }

  #carried(event: DetectEvent, nowMs: number): void {
    const packets = event.packetsOut + event.packetsIn;
    if (packets < this.#settings.packets) return;
    const header = event.family === 6 ? HEADER_BYTES[6] : HEADER_BYTES[4];
    const out = event.bytesOut - event.packetsOut * header;
    const back = event.bytesIn - event.packetsIn * header;
    const mean = (out + back) / packets;
    const isLopsided = event.packetsIn > 0 && (out > back * LOPSIDED || back > out * LOPSIDED);
    if (!isLopsided && mean < this.#settings.meanPayloadBytes) return;
    this.#open(event, nowMs, 1, {
      what: 'volume',
      title: isLopsided
        ? `echo of ${out} bytes one way and ${back} the other, where a reply mirrors its request`
        : `${packets} echo packets of ${Math.round(mean)} bytes on average`,
      evidence: { packets, bytesOut: out, bytesIn: back, meanPayloadBytes: Math.round(mean) },
    });
  }

  #open(
    event: DetectEvent,
    nowMs: number,
    count: number,
    found: {
      readonly what: string;
      readonly title: string;
      readonly evidence: Readonly<Record<string, number>>;
    },
  ): number {
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    return this.#context.book.openFinding(
      {
        detector: 'icmpTunnel',
        subject: who.text,
        what: `${found.what}:${peer}`,
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: QUIET_MS,
        firstMs: nowMs,
        count,
        describe: () => ({
          severity: SEVERITY['icmpTunnel.data'].severity,
          title: `Between ${who.text} and ${peer}: ${found.title}`,
          evidence: { ...found.evidence, from: event.fromDevice ? 'device' : 'network' },
          remedy:
            'It closes 10 min after the last. If a monitoring program of the site sends such pings, raise detect.icmpTunnel.oddPayloads; if not, remove ICMP from the allow-list and look at what runs on the device.',
        }),
      },
      nowMs,
    );
  }
}

/** Linux and BSD: timestamp, then bytes that count up. Windows: the alphabet. Routers: one byte repeated, or nothing. */
function isPingPayload(bytes: Uint8Array, offset: number, length: number): boolean {
  const end = Math.min(offset + length, bytes.length);
  if (end - offset < LEAST_BYTES) return true;
  const from = end - offset > TIMESTAMP_BYTES * 2 ? offset + TIMESTAMP_BYTES : offset;
  let steps = 0;
  for (let at = from + 1; at < end; at++) {
    const step = ((bytes[at] ?? 0) - (bytes[at - 1] ?? 0)) & 0xff;
    // Word-wise repetition (0xABCD…) is a router's.
    const isRepeated = at - from >= 2 && bytes[at] === bytes[at - 2];
    if (step === 0 || step === 1 || isRepeated) steps++;
  }
  const irregular = end - from - 1 - steps;
  return irregular <= MAX_IRREGULAR && steps >= (end - from - 1) * PATTERN_SHARE;
}
