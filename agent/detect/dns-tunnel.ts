/**
 * Data carried in DNS: many different long names under one registered domain (Born and Gustafson, "Detecting DNS Tunnels Using Character
 * Frequency Analysis", 2010; Farnham, "Detecting DNS Tunneling", SANS 2013), or very many packets on one socket to a resolver, where an
 * ordinary resolver takes another port for each question (RFC 5452 section 9.2). Bounded; text is made only when a finding opens.
 */
import { addressOr, describeSubject, type DetectContext, type Detector } from './detector.js';
import { createQuestion, nameText, readQuestion } from './dns-question.js';
import {
  EVENT_END,
  EVENT_GOING,
  EVENT_IP,
  SEES_END,
  SEES_GOING,
  SEES_IP,
  subjectOf,
  type DetectEvent,
} from './event.js';
import type { DetectSettings } from './settings.js';
import { SEVERITY } from './severity.js';
import { SlotTable } from './slot-table.js';

/** (device, domain); 80 bytes each: under 1 MB. */
const DOMAINS = 8_192;
/** Linear counting (Whang et al. 1990) of distinct names: 512 bits tell up to about 1,500 apart. */
const BITS = 512;
const WORDS = BITS / 32;
const DNS_PORT = 53;
const UDP = 17;
/** So long, with bytes that no host name has: encoded data, and one such name is enough. */
const STRANGE_NAME_BYTES = 50;
/** Share of questions that a tunnel's end answers, at least. */
const LEAST_ANSWERED = 0.25;
const QUIET_MS = 600_000;

export function createDnsTunnelDetector(
  context: DetectContext,
  settings: DetectSettings['dnsTunnel'],
): Detector {
  return new DnsTunnel(context, settings);
}

class DnsTunnel implements Detector {
  readonly name = 'dnsTunnel';
  readonly kinds = SEES_IP | SEES_END | SEES_GOING;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['dnsTunnel'];
  readonly #domains = new SlotTable(DOMAINS);
  readonly #seen = new Int32Array(DOMAINS * WORDS);
  readonly #set = new Int32Array(DOMAINS);
  readonly #names = new Int32Array(DOMAINS);
  readonly #bytes = new Float64Array(DOMAINS);
  readonly #sinceMs = new Float64Array(DOMAINS);
  readonly #findings = new Int32Array(DOMAINS);
  readonly #question = createQuestion();

  constructor(context: DetectContext, settings: DetectSettings['dnsTunnel']) {
    this.#context = context;
    this.#settings = settings;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.protocol !== UDP || event.port !== DNS_PORT || !event.fromDevice) return;
    if (event.kind === EVENT_END || event.kind === EVENT_GOING) this.#socket(event, nowMs);
    if (event.kind === EVENT_IP && event.payloadLength > 0) this.#asked(event, nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'dnsTunnel.evicted': this.#domains.evicted };
  }

  #asked(event: DetectEvent, nowMs: number): void {
    const question = this.#question;
    if (!readQuestion(question, event.bytes, event.payloadOffset, event.payloadLength)) return;
    if (question.subdomainBytes === 0) return;
    const slot = this.#domains.intern(subjectOf(event), question.domain, 0);
    const isOver = nowMs - (this.#sinceMs[slot] ?? 0) > this.#settings.windowSeconds * 1000;
    if (this.#domains.isNew) this.#findings[slot] = 0;
    if (this.#domains.isNew || isOver || nowMs < (this.#sinceMs[slot] ?? 0)) this.#begin(slot, nowMs);
    const bit = (question.subdomain >>> 7) % BITS;
    const word = slot * WORDS + (bit >> 5);
    const mask = 1 << (bit & 31);
    if (((this.#seen[word] ?? 0) & mask) === 0) {
      this.#seen[word] = (this.#seen[word] ?? 0) | mask;
      this.#set[slot] = (this.#set[slot] ?? 0) + 1;
      this.#names[slot] = (this.#names[slot] ?? 0) + 1;
      this.#bytes[slot] = (this.#bytes[slot] ?? 0) + question.subdomainBytes;
    }
    const names = this.#names[slot] ?? 0;
    const mean = (this.#bytes[slot] ?? 0) / Math.max(1, names);
    const isStrange = question.strangeBytes > 0 && question.subdomainBytes >= STRANGE_NAME_BYTES;
    if (!isStrange && (names < this.#settings.names || mean < this.#settings.meanNameBytes)) return;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#findings[slot] = this.#openNames(slot, event, nowMs);
  }

  #begin(slot: number, nowMs: number): void {
    this.#seen.fill(0, slot * WORDS, (slot + 1) * WORDS);
    this.#set[slot] = 0;
    this.#names[slot] = 0;
    this.#bytes[slot] = 0;
    this.#sinceMs[slot] = nowMs;
  }

  #openNames(slot: number, event: DetectEvent, nowMs: number): number {
    const who = describeSubject(this.#context, event);
    const domain = nameText(event.bytes, this.#question.domainOffset);
    const serial = this.#domains.serial(slot);
    const { windowSeconds } = this.#settings;
    return this.#context.book.openFinding(
      {
        detector: 'dnsTunnel',
        subject: who.text,
        what: `names:${domain}`,
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: QUIET_MS,
        firstMs: this.#sinceMs[slot] ?? nowMs,
        count: this.#names[slot] ?? 1,
        describe: () => {
          if (this.#domains.serial(slot) !== serial) return null;
          const set = this.#set[slot] ?? 0;
          const estimate = set >= BITS ? 3 * BITS : Math.round(-BITS * Math.log(1 - set / BITS));
          const mean = (this.#bytes[slot] ?? 0) / Math.max(1, this.#names[slot] ?? 0);
          return {
            severity: SEVERITY['dnsTunnel.names'].severity,
            title: `${who.text} asks for ${estimate === 1 ? 'a name' : `${estimate} names`} of ${Math.round(mean)} bytes under ${domain}: data in DNS`,
            evidence: {
              domain,
              distinctNames: estimate,
              meanNameBytes: Math.round(mean),
              windowSeconds,
              resolver: addressOr(this.#context, event.peer),
            },
            remedy:
              'It closes 10 min after the last such question. If the domain belongs to a service of the site (telemetry, blocklists), raise detect.dnsTunnel.names; if not, contain the device and permit DNS to the site’s resolver only.',
          };
        },
      },
      nowMs,
    );
  }

  #socket(event: DetectEvent, nowMs: number): void {
    const mean = event.packetsOut === 0 ? 0 : event.bytesOut / event.packetsOut;
    if (event.packetsOut < this.#settings.packetsPerSocket || mean < this.#settings.meanPacketBytes) return;
    // What nobody answers carries nothing back, and is a flood (connection-burst.ts).
    if (event.packetsIn < event.packetsOut * LEAST_ANSWERED) return;
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const { packetsOut, bytesOut, bytesIn, durationMs } = event;
    this.#context.book.openFinding(
      {
        detector: 'dnsTunnel',
        subject: who.text,
        what: `socket:${peer}`,
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: QUIET_MS,
        firstMs: nowMs - durationMs,
        count: 1,
        describe: () => ({
          severity: SEVERITY['dnsTunnel.socket'].severity,
          title: `${who.text} sent ${packetsOut} packets of ${Math.round(mean)} bytes to ${peer} port 53 over one socket: a tunnel in DNS`,
          evidence: {
            packetsOut,
            bytesOut,
            bytesIn,
            meanPacketBytes: Math.round(mean),
            seconds: Math.round(durationMs / 1000),
          },
          remedy:
            'It closes 10 min after the last such connection. A resolver takes another port for each question; what keeps one open for so much is a tunnel, or a forwarder: if it is that, raise detect.dnsTunnel.packetsPerSocket.',
        }),
      },
      nowMs,
    );
  }
}
