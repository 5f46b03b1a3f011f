/**
 * One host answers for the names of others: LLMNR (RFC 4795) and NetBIOS names (RFC 1002 section 4.2) are asked of the whole link, each host answers
 * for its own name alone, and nobody checks who does. Whoever answers for several, or for `wpad`, wants the log-ons that follow (MITRE ATT&CK
 * T1557.001). One finding for each such host; a part of rogueServer.
 */
import { addressOr, describeSubject, MAX_EXAMPLES, type DetectContext } from '../detector.js';
import { EVENT_IP, VERDICT_ALLOWED, type DetectEvent } from '../event.js';
import { decodeNetbiosName } from '../../packet/netbios-name.js';
import { u16 } from '../../packet/read.js';
import { PROTOCOL_UDP } from '../../packet/view.js';
import { SEVERITY } from '../severity.js';
import { SlotTable } from '../slot-table.js';

const LLMNR = 5355;
const NETBIOS_NAMES = 137;
/** A host has its name, and perhaps its domain's (RFC 1001 section 15.1.6: a browser's). */
const OWN_NAMES = 2;
/** Asked for by every Windows host that looks for a proxy; served by DNS where there is one (Microsoft MS16-077 ended the rest). */
const BAIT = 'wpad';
const HOSTS = 256;
const WINDOW_MS = 86_400_000;
const QUIET_MS = 3_600_000;
/** RFC 1035 section 4.1.1: a response, to a query, without an error. RFC 1002 section 4.2.1.1 has the same bits. */
const FLAGS_MASK = 0xf80f;
const ANSWER = 0x8000;
const HEADER_BYTES = 12;
const MAX_LABEL = 63;
/** RFC 1035 section 3.3.12: an address was asked for, and every host answers for each of its own (RFC 4795 section 2.3). */
const TYPE_PTR = 12;

export class NameAnswers {
  readonly #context: DetectContext;
  readonly #hosts = new SlotTable(HOSTS);
  readonly #firstMs = new Float64Array(HOSTS);
  readonly #findings = new Int32Array(HOSTS);
  readonly #names: string[][] = Array.from({ length: HOSTS }, () => []);

  constructor(context: DetectContext) {
    this.#context = context;
  }

  get evicted(): number {
    return this.#hosts.evicted;
  }

  observe(event: DetectEvent, nowMs: number): void {
    if (event.kind !== EVENT_IP || event.protocol !== PROTOCOL_UDP || event.verdict === VERDICT_ALLOWED)
      return;
    if (event.srcPort !== LLMNR && event.srcPort !== NETBIOS_NAMES) return;
    const name = answeredName(event);
    if (name === null) return;
    const answers = event.fromDevice ? event.local : event.peer;
    const slot = this.#hosts.intern(answers, event.fromDevice ? 1 : 0, 0);
    const names = this.#names[slot] ?? [];
    if (this.#hosts.isNew || nowMs - (this.#firstMs[slot] ?? 0) > WINDOW_MS) {
      this.#firstMs[slot] = nowMs;
      names.length = 0;
      if (this.#hosts.isNew) this.#findings[slot] = 0;
    }
    if (!names.includes(name) && names.length < MAX_EXAMPLES) names.push(name);
    const id = this.#findings[slot] ?? 0;
    if (id !== 0 && this.#context.book.touch(id, nowMs)) return;
    if (names.length > OWN_NAMES || names.includes(BAIT))
      this.#findings[slot] = this.#open(slot, names, event, nowMs);
  }

  #open(slot: number, names: readonly string[], event: DetectEvent, nowMs: number): number {
    const { fromDevice } = event;
    const address = addressOr(this.#context, fromDevice ? event.local : event.peer);
    const who = fromDevice
      ? describeSubject(this.#context, event)
      : { text: address, device: null, mac: null };
    const serial = this.#hosts.serial(slot);
    const by = event.srcPort === LLMNR ? 'LLMNR' : 'NetBIOS';
    return this.#context.book.openFinding(
      {
        detector: 'rogueServer',
        subject: who.text,
        what: 'names',
        device: who.device,
        deviceMac: who.mac,
        peer: address,
        quietMs: QUIET_MS,
        firstMs: this.#firstMs[slot] ?? nowMs,
        count: names.length,
        describe: (count) => {
          if (this.#hosts.serial(slot) !== serial) return null;
          return {
            severity: SEVERITY['rogueServer.names'].severity,
            title: `${who.text} answers for ${names.length === 1 ? `the name ${names[0] ?? ''}` : `${names.length} names`} by ${by}`,
            evidence: {
              kind: 'answers for names of others',
              from: fromDevice ? 'device' : 'network',
              server: address,
              protocol: by,
              names: [...names],
              answers: count,
            },
            remedy:
              'It closes an hour after the last answer. Find that host: who asks it sends it log-ons. LLMNR and NetBIOS names can be switched off where DNS has all names; a WINS proxy answers so too.',
          };
        },
      },
      nowMs,
    );
  }
}

/** In lower case; null: no answer with a name. */
function answeredName({ bytes, payloadOffset: at, payloadLength, srcPort }: DetectEvent): string | null {
  if (payloadLength < HEADER_BYTES + 2) return null;
  const answers = u16(bytes, at + 6);
  if ((u16(bytes, at + 2) & FLAGS_MASK) !== ANSWER || answers === 0) return null;
  const length = bytes[at + HEADER_BYTES] ?? 0;
  const start = at + HEADER_BYTES + 1;
  if (length === 0 || length > MAX_LABEL || start + length > at + payloadLength) return null;
  if (typeBehind(bytes, start + length, at + payloadLength) === TYPE_PTR) return null;
  const label = String.fromCharCode(...bytes.subarray(start, start + length));
  const name = (srcPort === LLMNR ? label : (decodeNetbiosName(label)?.text ?? '')).trim().toLowerCase();
  return /^[\w.-]{1,63}$/.test(name) ? name : null;
}

/** The type behind the rest of a name; 0 where it was not captured. */
function typeBehind(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at + 2 < end && bytes[at] !== 0) at += 1 + (bytes[at] ?? 0);
  return at + 2 < end ? u16(bytes, at + 1) : 0;
}
