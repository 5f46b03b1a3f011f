/**
 * Data carried in DNS: many different names under one registered domain that are long and look drawn by lot (Born and Gustafson, "Detecting
 * DNS Tunnels Using Character Frequency Analysis", 2010; Farnham, "Detecting DNS Tunneling", SANS 2013), or that ask for text; very long
 * ones, and few a day (dns-day-names.ts); or a tunnel's counters on one socket (dns-socket.ts). Names that people give their devices, with
 * all their search domains, are none. Bounded; text is made only when a finding opens.
 */
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector } from '../detector.js';
import { DayNames, type DayOfNames } from './dns-day-names.js';
import {
  createQuestion,
  isLabel,
  isUnder,
  nameText,
  OWN_NAMES,
  readQuestion,
  type DnsQuestion,
} from './dns-question.js';
import { DnsSockets } from './dns-socket.js';
import {
  EVENT_END,
  EVENT_GOING,
  EVENT_IP,
  SEES_END,
  SEES_GOING,
  SEES_IP,
  SEES_PAYLOAD,
  subjectOf,
  type DetectEvent,
} from '../event.js';
import { looksGenerated } from './generated-name.js';
import { isInside } from '../inside.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

/** (device, domain); 140 bytes each: 1.2 MB. */
const DOMAINS = 8_192;
/** Linear counting (Whang et al. 1990) of distinct names: 512 bits tell up to about 1,500 apart. */
const BITS = 512;
const WORDS = BITS / 32;
const DNS_PORT = 53;
/** RFC 1035 section 4.2.2: over TCP, a length stands before a message. */
const TCP_LENGTH_BYTES = 2;
/** So long, with bytes that no host name has: encoded data, and one such name is enough. */
const STRANGE_NAME_BYTES = 50;
/** Share of a domain's names that look drawn by lot, at least: of what people visit, a tenth does. */
const DRAWN_SHARE = 0.25;
/** Answers that hold anything: NULL, TXT (RFC 1035 section 3.3), and the private types (RFC 6895 section 3.1). */
const TYPE_NULL = 10;
const TYPE_TXT = 16;
const PRIVATE_TYPES = 0xff00;
/** Labels of addresses, as blocklists are asked (RFC 5782), have three digits at most. */
const ADDRESS_LABEL = 3;
/**
 * Security products look up hashes and keys under these, as their vendors document: Sophos SXL, McAfee GTI, ESET LiveGrid, Team Cymru,
 * Spamhaus DQS, Abusix. Through the site's resolver nobody else can answer below them, so nothing gets out.
 */
const REPUTATION: readonly (readonly [string, string])[] = [
  ['sophosxl', 'net'],
  ['mcafee', 'com'],
  ['e5', 'sk'],
  ['cymru', 'com'],
  ['spamhaus', 'net'],
  ['abusix', 'zone'],
];
/** Who asks a reputation service that is not listed does so whenever it opens files: told once, not with each burst, nor after a weekend. */
const NAMES_QUIET_MS = 4 * 86_400_000;
const SOCKET_QUIET_MS = 600_000;
const DAY_SECONDS = 86_400;

export function createDnsTunnelDetector(
  context: DetectContext,
  settings: DetectSettings['dnsTunnel'],
): Detector {
  return new DnsTunnel(context, settings);
}

class DnsTunnel implements Detector {
  readonly name = 'dnsTunnel';
  readonly kinds = SEES_IP | SEES_PAYLOAD | SEES_END | SEES_GOING;
  readonly #context: DetectContext;
  readonly #settings: DetectSettings['dnsTunnel'];
  readonly #domains = new SlotTable(DOMAINS);
  readonly #seen = new Int32Array(DOMAINS * WORDS);
  readonly #set = new Int32Array(DOMAINS);
  readonly #names = new Int32Array(DOMAINS);
  readonly #bytes = new Float64Array(DOMAINS);
  /** Of these names: that look drawn by lot, and how long those are; that ask for text. */
  readonly #drawn = new Int32Array(DOMAINS);
  readonly #drawnBytes = new Float64Array(DOMAINS);
  readonly #texts = new Int32Array(DOMAINS);
  readonly #sinceMs = new Float64Array(DOMAINS);
  readonly #findings = new Int32Array(DOMAINS);
  /** How grave it is: 1 as few a day are, 2 as many or very long ones are. */
  readonly #told = new Uint8Array(DOMAINS);
  readonly #question = createQuestion();
  readonly #dayNames: DayNames;
  readonly #sockets: DnsSockets;

  constructor(context: DetectContext, settings: DetectSettings['dnsTunnel']) {
    this.#context = context;
    this.#settings = settings;
    this.#dayNames = new DayNames(settings);
    this.#sockets = new DnsSockets(settings);
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.port !== DNS_PORT || !event.fromDevice) return;
    if (event.protocol !== PROTOCOL_UDP && event.protocol !== PROTOCOL_TCP) return;
    if (event.kind === EVENT_END || event.kind === EVENT_GOING) {
      if (this.#sockets.isTunnel(event)) this.#openSocket(event, nowMs);
    } else if (!event.isReply && event.payloadLength > 0) this.#asked(event, nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      'dnsTunnel.evicted': this.#domains.evicted + this.#dayNames.evicted + this.#sockets.evicted,
    };
  }

  #asked(event: DetectEvent, nowMs: number): void {
    const question = this.#question;
    const skipped = event.protocol === PROTOCOL_TCP ? TCP_LENGTH_BYTES : 0;
    const length = event.payloadLength - skipped;
    if (!readQuestion(question, event.bytes, event.payloadOffset + skipped, length)) return;
    // No registry delegates names of the own network: nobody outside could answer below them, unless he is asked himself.
    const isToSite = isInside(this.#context.addresses, event.peer);
    const isSubdomain =
      question.subdomainBytes > 0 && !(isToSite && isUnder(OWN_NAMES, event.bytes, question.domainOffset));
    const drawn = isSubdomain ? drawnBytes(question, event.bytes) : 0;
    if (event.kind === EVENT_IP) this.#sockets.noteFirst(event, drawn > 0);
    if (!isSubdomain) return;
    const slot = this.#domains.intern(subjectOf(event), question.domain, 0);
    const isOver = nowMs - (this.#sinceMs[slot] ?? 0) > this.#settings.windowSeconds * 1000;
    if (this.#domains.isNew) this.#findings[slot] = 0;
    if (this.#domains.isNew || isOver || nowMs < (this.#sinceMs[slot] ?? 0)) this.#begin(slot, nowMs);
    this.#count(slot, drawn > 0);
    const isMany = isStrange(question) || this.#isMany(slot);
    const day = this.#dayNames.add(question, subjectOf(event), drawn, asksForText(question), nowMs);
    if (!isMany && day === null) return;
    if (isToSite && isReputation(event.bytes, question.domainOffset)) return;
    this.#tell(slot, event, isMany ? null : day, nowMs);
  }

  /** `day`: few, within a day; null: many within the window. */
  #tell(slot: number, event: DetectEvent, day: DayOfNames | null, nowMs: number): void {
    const id = this.#findings[slot] ?? 0;
    const gravity = isGrave(day) ? 2 : 1;
    const isGraver = gravity > (this.#told[slot] ?? 0);
    if (id !== 0 && !isGraver && this.#context.book.touch(id, nowMs)) return;
    this.#told[slot] = gravity;
    this.#findings[slot] = this.#openNames(slot, event, day, nowMs);
  }

  #count(slot: number, isDrawn: boolean): void {
    const { subdomain, subdomainBytes } = this.#question;
    const bit = (subdomain >>> 7) % BITS;
    const word = slot * WORDS + (bit >> 5);
    const mask = 1 << (bit & 31);
    if (((this.#seen[word] ?? 0) & mask) !== 0) return;
    this.#seen[word] = (this.#seen[word] ?? 0) | mask;
    this.#set[slot] = (this.#set[slot] ?? 0) + 1;
    this.#names[slot] = (this.#names[slot] ?? 0) + 1;
    this.#bytes[slot] = (this.#bytes[slot] ?? 0) + subdomainBytes;
    if (asksForText(this.#question)) this.#texts[slot] = (this.#texts[slot] ?? 0) + 1;
    if (!isDrawn) return;
    this.#drawn[slot] = (this.#drawn[slot] ?? 0) + 1;
    this.#drawnBytes[slot] = (this.#drawnBytes[slot] ?? 0) + subdomainBytes;
  }

  #isMany(slot: number): boolean {
    const { names, meanNameBytes } = this.#settings;
    if ((this.#texts[slot] ?? 0) >= names) return true;
    const drawn = this.#drawn[slot] ?? 0;
    if (drawn < names || drawn < (this.#names[slot] ?? 0) * DRAWN_SHARE) return false;
    return (this.#drawnBytes[slot] ?? 0) >= drawn * meanNameBytes;
  }

  #begin(slot: number, nowMs: number): void {
    this.#seen.fill(0, slot * WORDS, (slot + 1) * WORDS);
    this.#set[slot] = 0;
    this.#names[slot] = 0;
    this.#bytes[slot] = 0;
    this.#drawn[slot] = 0;
    this.#drawnBytes[slot] = 0;
    this.#texts[slot] = 0;
    this.#sinceMs[slot] = nowMs;
  }

  #openNames(slot: number, event: DetectEvent, day: DayOfNames | null, nowMs: number): number {
    const who = describeSubject(this.#context, event);
    const domain = nameText(event.bytes, this.#question.domainOffset);
    const serial = this.#domains.serial(slot);
    const windowSeconds = day === null ? this.#settings.windowSeconds : DAY_SECONDS;
    const { severity } = SEVERITY[isGrave(day) ? 'dnsTunnel.names' : 'dnsTunnel.slow'];
    let most = 0;
    let mean = 0;
    return this.#context.book.openFinding(
      {
        detector: 'dnsTunnel',
        subject: who.text,
        what: `names:${domain}`,
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: NAMES_QUIET_MS,
        firstMs: day?.sinceMs ?? this.#sinceMs[slot] ?? nowMs,
        count: day?.count ?? this.#names[slot] ?? 1,
        describe: (count) => {
          if (this.#domains.serial(slot) !== serial) return null;
          const set = this.#set[slot] ?? 0;
          const inWindow = set >= BITS ? 3 * BITS : Math.round(-BITS * Math.log(1 - set / BITS));
          // Few ones are hardly ever asked twice, and a day is longer than what is counted.
          const estimate = day === null ? inWindow : count;
          if (estimate > most) {
            most = estimate;
            mean = Math.round((this.#bytes[slot] ?? 0) / Math.max(1, this.#names[slot] ?? 0));
          }
          return {
            severity,
            title: `${who.text} asks for ${most === 1 ? 'a name' : `${most} names`} of ${mean} bytes under ${domain}: data in DNS`,
            evidence: {
              domain,
              distinctNames: most,
              meanNameBytes: mean,
              windowSeconds,
              resolver: addressOr(this.#context, event.peer),
            },
            remedy: `It closes four days after the last such question. If the domain belongs to a service of the site (telemetry, blocklists), raise detect.dnsTunnel.${isGrave(day) ? 'names' : 'textNamesPerDay and drawnNamesPerDay'}; if not, contain the device and permit DNS to the site’s resolver only.`,
          };
        },
      },
      nowMs,
    );
  }

  /** What a connection's counters say, at its end or so far. */
  #openSocket(event: DetectEvent, nowMs: number): void {
    const mean = event.bytesOut / event.packetsOut;
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
        quietMs: SOCKET_QUIET_MS,
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

/** Many within the window, or very long ones. */
function isGrave(day: DayOfNames | null): boolean {
  return day === null || day.isLong;
}

/** Of labels that look drawn by lot, or of the whole name with bytes that no host name has: data, not a name that somebody gave. */
function drawnBytes(question: DnsQuestion, bytes: Uint8Array): number {
  if (question.isService) return 0;
  if (question.strangeBytes > 0) return question.subdomainBytes;
  let drawn = 0;
  let at = question.domainOffset - question.subdomainBytes;
  while (at < question.domainOffset) {
    const length = bytes[at] ?? 0;
    if (looksGenerated(bytes, at + 1, length)) drawn += length;
    at += length + 1;
  }
  return drawn;
}

function isStrange(question: DnsQuestion): boolean {
  return question.strangeBytes > 0 && !question.isService && question.subdomainBytes >= STRANGE_NAME_BYTES;
}

function asksForText({ type, longestLabel, isService }: DnsQuestion): boolean {
  const holdsAnything = type === TYPE_TXT || type === TYPE_NULL || type >= PRIVATE_TYPES;
  return holdsAnything && longestLabel > ADDRESS_LABEL && !isService;
}

function isReputation(bytes: Uint8Array, domainOffset: number): boolean {
  const next = domainOffset + 1 + (bytes[domainOffset] ?? 0);
  for (const [name, top] of REPUTATION)
    if (isLabel(name, bytes, domainOffset) && isLabel(top, bytes, next)) return true;
  return false;
}
