/**
 * Data carried in ICMP echo (RFC 792, RFC 4443 section 4): payloads that no ping program makes (they count up, repeat one byte, or have a
 * timestamp before that) and that are long or keep changing, and echo connections that carry far more, or far larger packets one way, than
 * a ping does: a reply mirrors its request, and a ping keeps its size. Of a small and even tunnel only the pace is left to see.
 */
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from '../../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector } from '../detector.js';
import {
  bytesReceived,
  bytesSent,
  datagramHeaderBytes,
  EVENT_END,
  EVENT_GOING,
  EVENT_IP,
  isIcmpRequest,
  packetsReceived,
  packetsSent,
  SEES_END,
  SEES_GOING,
  SEES_IP,
  subjectOf,
  type DetectEvent,
} from '../event.js';
import { isInside } from '../inside.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { hashBytes, SlotTable } from '../slot-table.js';

const PAIRS = 4_096;
/** Identifier and sequence number, which stand before the data of a question and its answer. */
const ID_BYTES = 4;
/** Timestamp of BSD-like pings; judged behind it. */
const TIMESTAMP_BYTES = 16;
/** This share of neighbouring bytes counts up or repeats in what ping programs send, and never more than these do not. */
const PATTERN_SHARE = 0.6;
const MAX_IRREGULAR = 20;
const LEAST_BYTES = 12;
/** Up to here an echo is what Windows sends, or a monitor's name (blackbox_exporter) or time and UUID (pro-bing): no room for data. */
const MONITOR_BYTES = 32;
/** Up to here (56 of Unix, 64 of hardware) a monitor may have its own words: the same ones carry nothing, so many that differ make one odd. */
const SHORT_BYTES = 64;
const SHORT_PER_ODD = 20;
/** One way larger than the other, on average: lost replies leave that as it is. */
const LOPSIDED = 2;
/** More than one packet that was lost or is still on its way makes of counters that were equal (Ethernet's MTU, RFC 894). */
const UNLIKE_BYTES = 1_500;
/** Monitors ask once a second, links between sites are probed twice; a person who pings faster for five minutes has a ping's own payload. */
const BUSY_PER_SECOND = 4;
const BUSY_MS = 300_000;
/** Odd payloads within this add up. */
const WINDOW_MS = 600_000;
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
  /** Odd payloads that differ from the one before: a long one counts as many short ones. */
  readonly #odd = new Int32Array(PAIRS);
  readonly #sinceMs = new Float64Array(PAIRS);
  readonly #payload = new Int32Array(PAIRS);
  /** Bytes of the last connection's first payload if that was large and a ping's own, else 0. */
  readonly #pingBytes = new Int32Array(PAIRS);
  /** The last connection's first payload was none of a ping's, however short. */
  readonly #hasOwnWords = new Uint8Array(PAIRS);
  readonly #findings = new Int32Array(PAIRS);

  constructor(context: DetectContext, settings: DetectSettings['icmpTunnel']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.protocol !== PROTOCOL_ICMP && event.protocol !== PROTOCOL_ICMPV6) return;
    // An answer that opens a connection is one that nobody asked for.
    if (!isIcmpRequest(event) && !isEcho(event)) return;
    if (event.kind === EVENT_END || event.kind === EVENT_GOING) this.#judgeFlow(event, nowMs);
    // To a group: that finds hosts (host-sweep.ts), it does not carry data to one.
    if (event.kind === EVENT_IP && this.#context.addresses.isHost(event.peer)) this.#first(event, nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'icmpTunnel.evicted': this.#pairs.evicted };
  }

  /** The first packet of a connection. */
  #first(event: DetectEvent, nowMs: number): void {
    const length = dataBytes(event);
    const isPing = isPingPayload(event);
    // Of small pings nothing need be known later.
    if (isPing && length < this.#settings.meanPayloadBytes) {
      const known = this.#find(event);
      if (known >= 0) this.#hasOwnWords[known] = 0;
      return;
    }
    const slot = this.#pairs.intern(subjectOf(event), event.peer, event.fromDevice ? 1 : 0);
    if (this.#pairs.isNew) {
      this.#odd[slot] = 0;
      this.#findings[slot] = 0;
    }
    this.#pingBytes[slot] = isPing ? length : 0;
    this.#hasOwnWords[slot] = isPing ? 0 : 1;
    if (isPing || !hasRoom(event)) return;
    const sinceMs = nowMs - (this.#sinceMs[slot] ?? 0);
    if (this.#odd[slot] === 0 || sinceMs > WINDOW_MS || sinceMs < 0) {
      this.#odd[slot] = 0;
      this.#sinceMs[slot] = nowMs;
    }
    const hash = hashOf(event);
    if (this.#odd[slot] !== 0 && this.#payload[slot] === hash) return;
    this.#payload[slot] = hash;
    const score = (this.#odd[slot] ?? 0) + (isShort(event) ? 1 : SHORT_PER_ODD);
    this.#odd[slot] = score;
    if (score < this.#settings.oddPayloads * SHORT_PER_ODD) return;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#findings[slot] = this.#open(event, nowMs, {
      key: 'icmpTunnel.data',
      what: 'payload',
      title: `echo with data that no ping sends, ${length} bytes at last`,
      evidence: { payloadBytes: length },
    });
  }

  /** What a connection's counters say, at its end or so far. */
  #judgeFlow(event: DetectEvent, nowMs: number): void {
    const packets = event.packetsOut + event.packetsIn;
    if (packets < this.#settings.packets) return;
    const header = datagramHeaderBytes(event);
    const out = event.bytesOut - event.packetsOut * header;
    const back = event.bytesIn - event.packetsIn * header;
    const mean = (out + back) / packets;
    if (this.#isPingCutShort(event, header)) return;
    const isUneven = isLopsided(event, out, back) || this.#isUnlike(event);
    if (isUneven || (mean >= this.#settings.meanPayloadBytes && !this.#isLargePing(event, mean))) {
      this.#open(event, nowMs, {
        key: 'icmpTunnel.data',
        what: 'volume',
        title: isUneven
          ? `echo of ${out} bytes one way and ${back} the other, where a reply mirrors its request`
          : `${packets} echo packets of ${Math.round(mean)} bytes on average`,
        evidence: { packets, bytesOut: out, bytesIn: back, meanPayloadBytes: Math.round(mean) },
      });
    } else if (this.#isBusy(event)) {
      const perSecond = Math.round((packetsSent(event) * 1_000) / event.durationMs);
      this.#open(event, nowMs, {
        key: isInside(this.#context.addresses, event.peer) ? 'icmpTunnel.busyInside' : 'icmpTunnel.busy',
        what: 'pace',
        title: `echo with data that no ping sends, ${perSecond} a second for ${Math.round(event.durationMs / 60_000)} minutes`,
        evidence: { packets, perSecond, meanPayloadBytes: Math.round(mean) },
      });
    }
  }

  /**
   * Every question has its answer, but not its size. Some hosts cut answers short, so that large pings get less back: then they must be no
   * pings, and the answers of several sizes.
   */
  #isUnlike(event: DetectEvent): boolean {
    if (event.packetsOut !== event.packetsIn) return false;
    const sent = bytesSent(event);
    const received = bytesReceived(event);
    if (Math.abs(sent - received) <= UNLIKE_BYTES) return false;
    if (received > sent) return true;
    if (received % packetsReceived(event) === 0) return false;
    return this.#ownWords(event);
  }

  /** Answered, as what nobody answers carries nothing back. */
  #isBusy(event: DetectEvent): boolean {
    if (event.durationMs < BUSY_MS || packetsReceived(event) * 2 < packetsSent(event)) return false;
    if (packetsSent(event) * 1_000 < event.durationMs * BUSY_PER_SECOND) return false;
    return this.#ownWords(event);
  }

  #find(event: DetectEvent): number {
    return this.#pairs.find(subjectOf(event), event.peer, event.fromDevice ? 1 : 0);
  }

  #ownWords(event: DetectEvent): boolean {
    const slot = this.#find(event);
    return slot >= 0 && this.#hasOwnWords[slot] === 1;
  }

  /** It began with a pattern and all have its size: somebody tries what fits through (`ping -s 1472`). */
  #isLargePing(event: DetectEvent, mean: number): boolean {
    const slot = this.#find(event);
    return slot >= 0 && this.#pingBytes[slot] === mean;
  }

  /** The same, to a host that answers each with a part of it, always as long: public resolvers do. */
  #isPingCutShort(event: DetectEvent, header: number): boolean {
    const slot = this.#find(event);
    const pingBytes = slot >= 0 ? (this.#pingBytes[slot] ?? 0) : 0;
    const received = packetsReceived(event);
    return (
      pingBytes > 0 &&
      received > 0 &&
      bytesSent(event) === packetsSent(event) * (pingBytes + header) &&
      bytesReceived(event) < received * (pingBytes + header) &&
      bytesReceived(event) % received === 0
    );
  }

  #open(
    event: DetectEvent,
    nowMs: number,
    found: {
      readonly key: 'icmpTunnel.data' | 'icmpTunnel.busy' | 'icmpTunnel.busyInside';
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
        count: 1,
        describe: () => ({
          severity: SEVERITY[found.key].severity,
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

/** Nothing back at all is a host that does not answer. */
function isLopsided({ packetsOut, packetsIn }: DetectEvent, out: number, back: number): boolean {
  if (packetsOut === 0 || packetsIn === 0) return false;
  const meanOut = out / packetsOut;
  const meanBack = back / packetsIn;
  return meanOut > meanBack * LOPSIDED || meanBack > meanOut * LOPSIDED;
}

/** RFC 792: 0 answers, 8 asks; RFC 4443: 129 and 128. */
function isEcho(event: DetectEvent): boolean {
  const type = event.port >> 8;
  if (event.protocol === PROTOCOL_ICMP) return type === 0 || type === 8;
  return type === 128 || type === 129;
}

function dataBytes(event: DetectEvent): number {
  return Math.max(0, event.payloadLength - ID_BYTES);
}

/** Other questions than echo have a fixed form: what is odd in them is told at once. */
function hasRoom(event: DetectEvent): boolean {
  return dataBytes(event) > MONITOR_BYTES || !isEcho(event);
}

function isShort(event: DetectEvent): boolean {
  return dataBytes(event) <= SHORT_BYTES && isEcho(event);
}

/** Linux and BSD: timestamp, then bytes that count up. Windows: the alphabet, again and again. Routers: one byte repeated, or nothing. */
function isPingPayload(event: DetectEvent): boolean {
  const { bytes } = event;
  const offset = event.payloadOffset + ID_BYTES;
  const end = Math.min(offset + dataBytes(event), bytes.length);
  if (end - offset < LEAST_BYTES) return true;
  const from = patternAt(offset, end);
  let steps = 0;
  for (let at = from + 1; at < end; at++) {
    const step = ((bytes[at] ?? 0) - (bytes[at - 1] ?? 0)) & 0xff;
    // Word-wise repetition (0xABCD…) is a router's; a pattern that is over begins anew.
    const isRepeated = at - from >= 2 && bytes[at] === bytes[at - 2];
    if (step === 0 || step === 1 || isRepeated || bytes[at] === bytes[offset]) steps++;
  }
  const irregular = end - from - 1 - steps;
  return irregular <= MAX_IRREGULAR && steps >= (end - from - 1) * PATTERN_SHARE;
}

/** Behind the timestamp, where there is room for one. */
function patternAt(offset: number, end: number): number {
  return end - offset > TIMESTAMP_BYTES * 2 ? offset + TIMESTAMP_BYTES : offset;
}

/** Of what stands behind the timestamp. */
function hashOf(event: DetectEvent): number {
  const { bytes } = event;
  const offset = event.payloadOffset + ID_BYTES;
  const end = Math.min(offset + dataBytes(event), bytes.length);
  return hashBytes(bytes, patternAt(offset, end), end);
}
