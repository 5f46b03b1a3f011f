/**
 * Logins that the server itself refuses, read from the first answer of a connection: HTTP and RTSP 401 to a request that carried a password
 * (RFC 9110 section 15.5.2, RFC 7826 section 17.4.2), a login form that is answered alike for one name and ever other passwords, Redis WRONGPASS, a DICOM
 * association that is rejected for its AE titles (PS3.8 section 9.3.4), and what refused-bind.ts reads (LDAP, MQTT). A 401 to a request without one
 * only asks for it, and NTLM takes two. Used by brute-force.ts, whose finding it is. Allocates nothing.
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import { byteAt, connectionHash, subjectOf, type DetectEvent } from '../event.js';
import { BY_BASIC, BY_FORM, BY_REDIS, LoginRequest } from './login-request.js';
import { REFUSED_LOGINS, type Login } from './login-services.js';
import { codes, isWord } from './read-text.js';
import { connectWords, isBind, isRefusedBind, isRefusedConnect } from './refused-bind.js';
import { SlotTable } from '../slot-table.js';

/** Connections whose request carried a password and that were not answered yet; one in the place of another is forgotten. 17 bytes each. */
const ASKED = 4_096;
/** Of a device, a peer and a port; 59 bytes each. */
const PAIRS = 1_024;
const BIND = 8;
const CONNECT = 9;
/** Passwords that were refused last: so many programs with a wrong one may take turns, each with its own. */
const REMEMBERED = 4;
/** For each login that is let in so many that are not are people who mistyped; and how many are put by at most. */
const MISTYPED_PER_LOGIN = 4;
const MOST_MISTYPED = 200;
/** Bytes by which answers of a form differ that say the same: a date, a number. */
const ALIKE_BYTES = 16;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;
/** A-ASSOCIATE-RJ: rejected for good by the service user, as it does not know the calling or the called AE title. */
const REJECT_BYTES = 10;
const CALLING_UNKNOWN = 3;
const CALLED_UNKNOWN = 7;
const HTTP = codes('http');
const RTSP = codes('rtsp');
const WRONG_PASS = codes('-wrongpass');
/** Before Redis 6. */
const INVALID_PASSWORD = codes('-err invalid password');
const OK = codes('+ok');

export class RefusedLogins {
  /** What was refused last was another password than those before, of somebody who is not let in otherwise. */
  isAnother = false;
  /** Bytes of the request that Redis refused just now; else 0. */
  askedBytes = 0;
  /** Hashes of connections; what each carried (BY_…, BIND, CONNECT), whose, the name and password, and its bytes. */
  readonly #asked = new Int32Array(ASKED);
  readonly #kind = new Uint8Array(ASKED);
  readonly #who = new Int32Array(ASKED);
  readonly #words = new Int32Array(ASKED);
  readonly #bytes = new Int32Array(ASKED);
  readonly #request = new LoginRequest();
  /** (device, peer, port): the words that were refused last. */
  readonly #pairs = new SlotTable(PAIRS);
  readonly #refused = new Int32Array(PAIRS * REMEMBERED);
  readonly #next = new Uint8Array(PAIRS);
  /** Refusals that are put down to people who are let in. */
  readonly #mistyped = new Uint8Array(PAIRS);
  /** The last form: whose, its answer's status and bytes. */
  readonly #formWho = new Int32Array(PAIRS);
  readonly #formStatus = new Int16Array(PAIRS);
  readonly #formBytes = new Int32Array(PAIRS);

  /** Looks at EVENT_PAYLOAD; null where nothing was refused. */
  observe(event: DetectEvent): Login | null {
    if (event.protocol !== PROTOCOL_TCP) return null;
    const connection = connectionHash(event);
    const at = connection & (ASKED - 1);
    if (!event.isReply) {
      this.#ask(event, connection, at);
      return null;
    }
    this.isAnother = false;
    this.askedBytes = 0;
    if (isRejectedAssociation(event)) return REFUSED_LOGINS.DICOM;
    if (this.#asked[at] !== connection) return null;
    this.#asked[at] = 0;
    const words = this.#words[at] ?? 0;
    switch (this.#kind[at]) {
      case BIND:
        return isRefusedBind(event) ? REFUSED_LOGINS.LDAP : null;
      case CONNECT:
        return isRefusedConnect(event) && this.#isOther(this.#pair(event), words)
          ? REFUSED_LOGINS.MQTT
          : null;
      case BY_REDIS:
        return this.#redis(event, at, words);
      case BY_FORM:
        return this.#form(event, at, words);
      default:
        return this.#header(event, at, words);
    }
  }

  get evicted(): number {
    return this.#pairs.evicted;
  }

  #ask(event: DetectEvent, connection: number, at: number): void {
    const request = this.#request;
    const connect = connectWords(event);
    if (isBind(event)) this.#kind[at] = BIND;
    else if (connect !== 0) this.#kind[at] = CONNECT;
    else if (request.read(event)) this.#kind[at] = request.kind;
    else return;
    this.#asked[at] = connection;
    this.#who[at] = request.who;
    this.#words[at] = connect === 0 ? request.words : connect;
    this.#bytes[at] = event.payloadLength;
  }

  #header(event: DetectEvent, at: number, words: number): Login | null {
    const isHttp = isWord(event, 0, HTTP);
    if (!isHttp && !isWord(event, 0, RTSP)) return null;
    const slot = this.#pair(event);
    const status = statusOf(event);
    if (status !== UNAUTHORIZED) {
      this.#letIn(slot, status);
      return null;
    }
    if (this.#kind[at] === BY_BASIC) {
      this.isAnother = this.#isOther(slot, words) && !this.#isMistyped(slot);
    }
    return isHttp ? REFUSED_LOGINS.HTTP : REFUSED_LOGINS.RTSP;
  }

  /** Other answers than 401 and 403 say nothing of themselves: the page with the form, or a way to it, comes again. */
  #form(event: DetectEvent, at: number, words: number): Login | null {
    if (!isWord(event, 0, HTTP)) return null;
    const slot = this.#pair(event);
    const status = statusOf(event);
    const isRefused = status === UNAUTHORIZED || status === FORBIDDEN;
    const who = this.#who[at] ?? 0;
    const isAlike =
      this.#formWho[slot] === who &&
      this.#formStatus[slot] === status &&
      Math.abs((this.#formBytes[slot] ?? 0) - event.payloadLength) <= ALIKE_BYTES;
    this.#formWho[slot] = who;
    this.#formStatus[slot] = status;
    this.#formBytes[slot] = event.payloadLength;
    if (!isRefused) this.#letIn(slot, status);
    // A program logs in with its own password each time.
    if (!this.#isOther(slot, words)) return null;
    if (!isRefused) return isAlike && status >= 200 && status < 400 ? REFUSED_LOGINS.FORM : null;
    this.isAnother = !this.#isMistyped(slot);
    return REFUSED_LOGINS.HTTP;
  }

  /** A program with a wrong password connects again each second or two, always with the same. */
  #redis(event: DetectEvent, at: number, words: number): Login | null {
    const isRefused = isWord(event, 0, WRONG_PASS) || isWord(event, 0, INVALID_PASSWORD);
    const slot = this.#pair(event);
    if (!isRefused) {
      if (isWord(event, 0, OK)) this.#letIn(slot, 200);
      return null;
    }
    this.askedBytes = this.#bytes[at] ?? 0;
    const isOther = this.#isOther(slot, words);
    this.isAnother = isOther && !this.#isMistyped(slot);
    return isOther ? REFUSED_LOGINS.REDIS : null;
  }

  #pair(event: DetectEvent): number {
    const slot = this.#pairs.intern(subjectOf(event), event.peer, event.port);
    if (!this.#pairs.isNew) return slot;
    this.#refused.fill(0, slot * REMEMBERED, (slot + 1) * REMEMBERED);
    this.#next[slot] = this.#mistyped[slot] = 0;
    this.#formWho[slot] = this.#formStatus[slot] = this.#formBytes[slot] = 0;
    return slot;
  }

  /** A device with a wrong password tries it again every few seconds for weeks, always the same: only who says something else guesses. */
  #isOther(slot: number, words: number): boolean {
    const first = slot * REMEMBERED;
    for (let at = first; at < first + REMEMBERED; at++) if (this.#refused[at] === words) return false;
    const next = this.#next[slot] ?? 0;
    this.#refused[first + next] = words;
    this.#next[slot] = (next + 1) % REMEMBERED;
    return true;
  }

  #letIn(slot: number, status: number): void {
    if (status < 200 || status >= 400) return;
    this.#mistyped[slot] = Math.min(MOST_MISTYPED, (this.#mistyped[slot] ?? 0) + MISTYPED_PER_LOGIN);
  }

  #isMistyped(slot: number): boolean {
    const left = this.#mistyped[slot] ?? 0;
    if (left > 0) this.#mistyped[slot] = left - 1;
    return left > 0;
  }
}

/** `HTTP/1.1 401` and the like; 0 for what is no number. */
function statusOf(event: DetectEvent): number {
  const status = digitAt(event, 9) * 100 + digitAt(event, 10) * 10 + digitAt(event, 11);
  return status >= 100 && status < 600 ? status : 0;
}

function digitAt(event: DetectEvent, index: number): number {
  return byteAt(event, index) - 0x30;
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
