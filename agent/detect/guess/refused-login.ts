/**
 * Logins that the server itself refuses, read from the first answer of a connection: HTTP and RTSP 401 to a request that carried a password
 * (RFC 9110 section 15.5.2, RFC 7826 section 17.4.2), a DICOM association that is rejected for its AE titles (PS3.8 section 9.3.4), and what
 * refused-bind.ts reads (LDAP, MQTT). A 401 to a request without one only asks for it, and NTLM takes two. Used by brute-force.ts, whose finding it
 * is. Allocates nothing.
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import { byteAt, connectionHash, subjectOf, type DetectEvent } from '../event.js';
import { REFUSED_LOGINS, type Login } from './login-services.js';
import { connectWords, isBind, isRefusedBind, isRefusedConnect } from './refused-bind.js';
import { SlotTable } from '../slot-table.js';

/** Connections whose request carried a password and that were not answered yet; one in the place of another is forgotten. */
const ASKED = 4_096;
/** Of a device and a broker that refused it; 33 bytes each. */
const PAIRS = 1_024;
const BIND = 1;
/** The header stands near the beginning of a request. */
const MOST_HEADER_BYTES = 1_200;
const AUTHORIZATION = codes('authorization:');
const BASIC = codes('basic ');
const DIGEST = codes('digest ');
const SPACE = 0x20;
const LINE_FEED = 0x0a;
const LOWER_CASE = 0x20;
/** A-ASSOCIATE-RJ: rejected for good by the service user, as it does not know the calling or the called AE title. */
const REJECT_BYTES = 10;
const CALLING_UNKNOWN = 3;
const CALLED_UNKNOWN = 7;

export class RefusedLogins {
  /** Hashes of connections; and of the name and password by MQTT, BIND, or 0 for a request with a header. */
  readonly #asked = new Int32Array(ASKED);
  readonly #words = new Int32Array(ASKED);
  /** (device, peer, port): the words that were refused last. */
  readonly #pairs = new SlotTable(PAIRS);
  readonly #refused = new Int32Array(PAIRS);

  /** Looks at EVENT_PAYLOAD; null where nothing was refused. */
  observe(event: DetectEvent): Login | null {
    if (event.protocol !== PROTOCOL_TCP) return null;
    const connection = connectionHash(event);
    const at = connection & (ASKED - 1);
    if (!event.isReply) {
      const words = isBind(event) ? BIND : connectWords(event);
      if (words === 0 && !carriesPassword(event)) return null;
      this.#asked[at] = connection;
      this.#words[at] = words;
      return null;
    }
    if (isRejectedAssociation(event)) return REFUSED_LOGINS.DICOM;
    if (this.#asked[at] !== connection) return null;
    this.#asked[at] = 0;
    const words = this.#words[at] ?? 0;
    if (words === BIND) return isRefusedBind(event) ? REFUSED_LOGINS.LDAP : null;
    if (words !== 0) return this.#connect(event, words);
    if (startsWith(event, 'HTTP')) return REFUSED_LOGINS.HTTP;
    return startsWith(event, 'RTSP') ? REFUSED_LOGINS.RTSP : null;
  }

  /** A device with a wrong password tries it again every few seconds for weeks, always the same: only who says something else guesses. */
  #connect(event: DetectEvent, words: number): Login | null {
    if (!isRefusedConnect(event)) return null;
    const slot = this.#pairs.intern(subjectOf(event), event.peer, event.port);
    const isSame = !this.#pairs.isNew && this.#refused[slot] === words;
    this.#refused[slot] = words;
    return isSame ? null : REFUSED_LOGINS.MQTT;
  }

  get evicted(): number {
    return this.#pairs.evicted;
  }
}

/** `HTTP/1.1 401` and the like. */
function startsWith(event: DetectEvent, name: 'HTTP' | 'RTSP'): boolean {
  if (event.payloadLength < 12) return false;
  for (let index = 0; index < name.length; index++)
    if (byteAt(event, index) !== name.charCodeAt(index)) return false;
  return byteAt(event, 9) === 0x34 && byteAt(event, 10) === 0x30 && byteAt(event, 11) === 0x31;
}

function isRejectedAssociation(event: DetectEvent): boolean {
  if (event.payloadLength < REJECT_BYTES) return false;
  if (byteAt(event, 0) !== 3 || byteAt(event, 1) !== 0 || byteAt(event, 4) !== 0 || byteAt(event, 5) !== 4)
    return false;
  const reason = byteAt(event, 9);
  return (
    byteAt(event, 2) === 0 &&
    byteAt(event, 3) === 0 &&
    byteAt(event, 7) === 1 &&
    byteAt(event, 8) === 1 &&
    (reason === CALLING_UNKNOWN || reason === CALLED_UNKNOWN)
  );
}

/** A method in capitals, and a header that says who asks. */
function carriesPassword(event: DetectEvent): boolean {
  const length = Math.min(event.payloadLength, MOST_HEADER_BYTES);
  for (let index = 0; index < 3; index++) if (!isCapital(byteAt(event, index))) return false;
  for (let index = 0; index + AUTHORIZATION.length < length; index++) {
    if (byteAt(event, index) !== LINE_FEED || !isWord(event, index + 1, AUTHORIZATION)) continue;
    const value = index + 1 + AUTHORIZATION.length;
    const scheme = byteAt(event, value) === SPACE ? value + 1 : value;
    return isWord(event, scheme, BASIC) || isWord(event, scheme, DIGEST);
  }
  return false;
}

/** In either case; nothing but letters differ by it. */
function isWord(event: DetectEvent, from: number, word: readonly number[]): boolean {
  for (let index = 0; index < word.length; index++)
    if ((byteAt(event, from + index) | LOWER_CASE) !== word[index]) return false;
  return true;
}

function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

function codes(text: string): readonly number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}
