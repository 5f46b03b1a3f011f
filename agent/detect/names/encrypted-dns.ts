/**
 * A device asks a public resolver over TLS, HTTPS or QUIC (RFC 7858, RFC 8484, RFC 9250): what it looks up, and what is carried in the
 * questions, can be seen by nobody any more. How command channels hide (MITRE ATT&CK T1572, T1071.004); browsers and consumer devices
 * do it by themselves. Known by port 853, and on port 443 by the published addresses of public resolvers or the server name.
 */
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../../packet/view.js';
import { addressOr, describeSubject, type DetectContext, type Detector } from '../detector.js';
import {
  EVENT_IP,
  EVENT_PAYLOAD,
  subjectOf,
  VERDICT_ALLOWED,
  type DetectEvent,
  SEES_IP,
  SEES_PAYLOAD,
} from '../event.js';
import { isInside } from '../inside.js';
import { looksLikeAnswer, serviceText } from '../probes.js';
import type { DetectSettings } from '../settings.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

/** (device, resolver). */
const PAIRS = 4_096;
const DOT_PORT = 853;
const HTTPS_PORT = 443;

/** Cloudflare, Google, Quad9, OpenDNS, AdGuard, Control D, Mullvad: as each publishes them. */
const RESOLVERS_IPV4: ReadonlySet<number> = new Set(
  [
    [1, 1, 1, 1],
    [1, 0, 0, 1],
    [1, 1, 1, 2],
    [1, 0, 0, 2],
    [1, 1, 1, 3],
    [1, 0, 0, 3],
    [8, 8, 8, 8],
    [8, 8, 4, 4],
    [9, 9, 9, 9],
    [149, 112, 112, 112],
    [208, 67, 222, 222],
    [208, 67, 220, 220],
    [94, 140, 14, 14],
    [94, 140, 15, 15],
    [76, 76, 2, 0],
    [76, 76, 10, 0],
    [194, 242, 2, 2],
  ].map(([a = 0, b = 0, c = 0, d = 0]) => a * 0x1000000 + b * 0x10000 + c * 0x100 + d),
);
/** First two words of the same resolvers' IPv6 addresses, and the last: nobody else lives in those networks. */
const RESOLVERS_IPV6: readonly (readonly [number, number, number])[] = [
  [0x26064700, 0x47000000, 0x1111],
  [0x26064700, 0x47000000, 0x1001],
  [0x20014860, 0x48600000, 0x8888],
  [0x20014860, 0x48600000, 0x8844],
  [0x262000fe, 0, 0xfe],
  [0x2620011a, 0x9, 0x35],
];
/** Server names in a TLS greeting (RFC 6066 section 3), as bytes. In each is `dns`, which is what is looked for. */
const NAMES = [
  'cloudflare-dns.com',
  'dns.google',
  'dns.quad9.net',
  'doh.opendns.com',
  'dns.adguard-dns.com',
].map((name) => ({
  bytes: Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
  dnsAt: name.indexOf('dns'),
}));
const LETTER_D = 0x64;
const LETTER_N = 0x6e;
const LETTER_S = 0x73;
const DNS_LETTERS = 3;
const TLS_HANDSHAKE = 0x16;
/** A greeting's extensions are within this. */
const SEARCHED_BYTES = 512;

export function createEncryptedDnsDetector(
  context: DetectContext,
  settings: DetectSettings['encryptedDns'],
): Detector {
  return new EncryptedDns(context, settings);
}

class EncryptedDns implements Detector {
  readonly name = 'encryptedDns';
  readonly kinds = SEES_IP | SEES_PAYLOAD;
  readonly #context: DetectContext;
  readonly #quietMs: number;
  readonly #pairs = new SlotTable(PAIRS);
  readonly #findings = new Int32Array(PAIRS);

  constructor(context: DetectContext, settings: DetectSettings['encryptedDns']) {
    this.#context = context;
    this.#quietMs = settings.quietSeconds * 1000;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (!event.fromDevice || event.verdict === VERDICT_ALLOWED || !this.#isResolving(event)) return;
    const slot = this.#pairs.intern(subjectOf(event), event.peer, event.port);
    if (this.#pairs.isNew) this.#findings[slot] = 0;
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    this.#findings[slot] = this.#open(event, nowMs);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'encryptedDns.evicted': this.#pairs.evicted };
  }

  #isResolving(event: DetectEvent): boolean {
    if (event.protocol !== PROTOCOL_TCP && event.protocol !== PROTOCOL_UDP) return false;
    const { addresses } = this.#context;
    if (event.kind === EVENT_PAYLOAD)
      return !event.isReply && event.port === HTTPS_PORT && namesResolver(event);
    if (event.kind !== EVENT_IP || looksLikeAnswer(event) || !addresses.isHost(event.peer)) return false;
    if (event.port === DOT_PORT) return !isInside(addresses, event.peer);
    return event.port === HTTPS_PORT && this.#isPublicResolver(event.peer);
  }

  #isPublicResolver(ticket: number): boolean {
    const { addresses } = this.#context;
    const first = addresses.word(ticket, 0);
    if (addresses.family(ticket) === 4) return RESOLVERS_IPV4.has(first);
    for (const [high, low, last] of RESOLVERS_IPV6)
      if (first === high && addresses.word(ticket, 1) === low && addresses.word(ticket, 3) === last)
        return true;
    return false;
  }

  #open(event: DetectEvent, nowMs: number): number {
    const who = describeSubject(this.#context, event);
    const peer = addressOr(this.#context, event.peer);
    const { protocol, port } = event;
    const service = serviceText((protocol << 16) | port);
    return this.#context.book.openFinding(
      {
        detector: 'encryptedDns',
        subject: who.text,
        what: `${peer}:${port}`,
        device: who.device,
        deviceMac: who.mac,
        peer: this.#context.addresses.text(event.peer),
        quietMs: this.#quietMs,
        firstMs: nowMs,
        count: 1,
        describe: (count) => ({
          severity: SEVERITY['encryptedDns.publicResolver'].severity,
          title: `${who.text} asks the public resolver ${peer} by encrypted DNS (${service})`,
          evidence: { resolver: peer, service, connections: count, from: 'device' },
          remedy:
            'It closes a day after the last such connection. If the device is meant to resolve there, permit it with an allow entry; if not, permit DNS to the site’s resolver only: what goes over this cannot be looked into.',
        }),
      },
      nowMs,
    );
  }
}

/** A TLS greeting that names a public resolver. Compares bytes: no text is made. */
function namesResolver(event: DetectEvent): boolean {
  const { bytes, payloadOffset } = event;
  if (bytes[payloadOffset] !== TLS_HANDSHAKE) return false;
  const end = Math.min(payloadOffset + event.payloadLength, bytes.length, payloadOffset + SEARCHED_BYTES);
  // By the last letter, every third byte is enough (Horspool 1980).
  for (let last = payloadOffset + DNS_LETTERS - 1; last < end;) {
    const letter = bytes[last];
    if (letter === LETTER_N) last += 1;
    else if (letter === LETTER_D) last += 2;
    else {
      const isDns = letter === LETTER_S && bytes[last - 1] === LETTER_N && bytes[last - 2] === LETTER_D;
      if (isDns && isResolverAround(bytes, last - 2, payloadOffset, end)) return true;
      last += DNS_LETTERS;
    }
  }
  return false;
}

function isResolverAround(bytes: Uint8Array, dnsAt: number, start: number, end: number): boolean {
  return NAMES.some((name) => {
    const first = dnsAt - name.dnsAt;
    if (first < start || first + name.bytes.length > end) return false;
    return name.bytes.every((byte, index) => bytes[first + index] === byte);
  });
}
