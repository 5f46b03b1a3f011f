/**
 * Somebody claims to be somebody else: a source address that is not the device's, ARP for another's address (RFC 826 has no
 * protection), a DHCP server (RFC 2131) or an IPv6 router (RFC 4861 section 4.2) on the device side. The kernel has refused
 * each packet; this says who did it and what was claimed. One finding per MAC and kind; MACs that are too many (mac-flood.ts), one for a
 * side. Memory: MAX_CLAIMERS entries.
 */
import { formatMac } from '../../packet/format.js';
import {
  describeSubject,
  MAX_EXAMPLES,
  ratePerSecond,
  type DetectContext,
  type Detector,
  type Subject,
} from '../detector.js';
import { reasonIndex, VERDICT_REFUSED, type DetectEvent, SEES_IP, SEES_ARP, SEES_OTHER } from '../event.js';
import type { Description, Opening } from '../finding-book.js';
import { MacFlood } from './mac-flood.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';

/** MACs with an open finding, over all kinds; the one that came first makes room. */
const MAX_CLAIMERS = 1_024;

const KINDS = {
  'spoofed-source': {
    claim: 'sends with source addresses that are not its own',
    remedy:
      'If the address is right, add it to identity.addresses of the device (or let its lease renew); if not, the device or what hangs behind it forges packets.',
  },
  'arp-spoof': {
    claim: "claims another host's address in ARP",
    remedy:
      'If the address belongs to this device, add it to its identity.addresses; if not, take the device off the network: it tries to intercept traffic.',
  },
  'rogue-dhcp': {
    claim: 'answers as a DHCP server',
    remedy: 'Switch off the DHCP server behind the box (often an access point or a shared connection).',
  },
  'rogue-ra': {
    claim: 'advertises itself as an IPv6 router',
    remedy: 'Switch off router advertisements behind the box (often a shared connection or an access point).',
  },
} as const;
type SpoofKind = keyof typeof KINDS;

export function createSpoofingDetector(
  context: DetectContext,
  settings: DetectSettings['spoofing'],
): Detector {
  return new Spoofing(context, settings.quietSeconds * 1000);
}

class Spoofing implements Detector {
  readonly name = 'spoofing';
  readonly kinds = SEES_IP | SEES_ARP | SEES_OTHER;
  readonly #context: DetectContext;
  readonly #quietMs: number;
  /** By reason index: the kind, or null. */
  readonly #kinds: readonly (SpoofKind | null)[];
  readonly #claimers = new Map<number, { id: number; readonly opening: SpoofOpening }>();
  readonly #flood: MacFlood;
  #evicted = 0;

  constructor(context: DetectContext, quietMs: number) {
    this.#context = context;
    this.#quietMs = quietMs;
    this.#flood = new MacFlood(context, quietMs);
    const kinds: (SpoofKind | null)[] = [];
    for (const kind of Object.keys(KINDS) as SpoofKind[]) kinds[reasonIndex(kind)] = kind;
    this.#kinds = Array.from(kinds, (kind) => kind ?? null);
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.verdict !== VERDICT_REFUSED || this.#flood.observe(event, nowMs)) return;
    const kind = this.#kinds[event.reason] ?? null;
    if (kind === null) return;
    const { addresses, book } = this.#context;
    const claimed = addresses.text(event.fromDevice ? event.local : event.peer);
    // 48 bits of MAC and the reason: below 2^53, so exact. Without a MAC, the device id stands in.
    const mac = event.macHigh >= 0 ? event.macHigh * 0x1000000 + event.macLow : -event.deviceId;
    const key = mac * 32 + event.reason;
    const known = this.#claimers.get(key);
    if (known) {
      known.opening.claim(claimed);
      if (book.touch(known.id, nowMs)) return;
      this.#claimers.delete(key);
    }
    const opening = new SpoofOpening(
      kind,
      describeSubject(this.#context, event),
      claimerText(event),
      nowMs,
      this.#quietMs,
    );
    opening.claim(claimed);
    const id = book.openFinding(opening, nowMs);
    if (id === 0) return;
    if (this.#claimers.size >= MAX_CLAIMERS) this.#evictOne();
    this.#claimers.set(key, { id, opening });
  }

  counters(): Readonly<Record<string, number>> {
    return { 'spoofing.evicted': this.#evicted };
  }

  #evictOne(): void {
    for (const key of this.#claimers.keys()) {
      this.#claimers.delete(key);
      this.#evicted++;
      return;
    }
  }
}

function claimerText(event: DetectEvent): string | null {
  return event.macHigh >= 0 ? formatMac(event.macHigh, event.macLow) : null;
}

class SpoofOpening implements Opening {
  readonly detector = 'spoofing';
  readonly subject: string;
  readonly what: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  readonly peer = null;
  readonly count = 1;
  readonly firstMs: number;
  readonly quietMs: number;
  readonly #kind: SpoofKind;
  readonly #claimer: string | null;
  readonly #claimed: string[] = [];
  #hasMore = false;

  constructor(kind: SpoofKind, subject: Subject, claimer: string | null, nowMs: number, quietMs: number) {
    this.#kind = kind;
    this.#claimer = claimer;
    this.subject = subject.text;
    this.what = `${kind}:${claimer ?? 'unknown-mac'}`;
    this.device = subject.device;
    this.deviceMac = claimer ?? subject.mac;
    this.firstMs = nowMs;
    this.quietMs = quietMs;
  }

  claim(address: string | null): void {
    if (address === null || this.#claimed.includes(address)) return;
    if (this.#claimed.length < MAX_EXAMPLES) this.#claimed.push(address);
    else this.#hasMore = true;
  }

  describe(count: number, firstMs: number, lastMs: number): Description {
    const { claim, remedy } = KINDS[this.#kind];
    const who =
      this.#claimer === null || this.#claimer === this.subject
        ? this.subject
        : `${this.subject} (${this.#claimer})`;
    const [first] = this.#claimed;
    const more = this.#claimed.length > 1 ? ` and ${this.#claimed.length - 1} more` : '';
    return {
      severity: SEVERITY[`spoofing.${this.#kind}`].severity,
      title: `${who} ${claim}${first === undefined ? '' : `: ${first}${more}`}`,
      evidence: {
        kind: this.#kind,
        ...(this.#claimer === null ? {} : { mac: this.#claimer }),
        claimedAddresses: [...this.#claimed],
        hasMoreAddresses: this.#hasMore,
        packets: count,
        packetsPerSecond: ratePerSecond(count, firstMs, lastMs),
      },
      remedy: `It closes ${this.quietMs / 1000} s after the last such packet. ${remedy}`,
    };
  }
}
