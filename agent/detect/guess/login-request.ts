/**
 * Requests that carry a password, from the first words of a connection: HTTP Basic (RFC 7617) and Digest (RFC 7616), a login form or JSON that is posted,
 * and Redis AUTH (its ACL documentation; RESP). Passwords are made numbers at once, so that it can be told whether the next is another one; none is
 * kept. Read by refused-login.ts. Pure, allocates nothing.
 */
import { byteAt, type DetectEvent } from '../event.js';
import {
  CARRIAGE_RETURN,
  codes,
  hashOf,
  isWord,
  LINE_FEED,
  MOST_READ_BYTES,
  placeOf,
  SPACE,
} from './read-text.js';

export const NO_LOGIN = 0;
/** A password that is another text each time. */
export const BY_DIGEST = 1;
export const BY_BASIC = 2;
export const BY_FORM = 3;
export const BY_REDIS = 4;

/** The header stands near the beginning of a request. */
const MOST_HEADER_BYTES = 1_200;
const AUTHORIZATION = codes('authorization:');
const BASIC = codes('basic ');
const DIGEST = codes('digest ');
const POST = codes('post');
const PASS = codes('pass');
const PWD = codes('pwd');
const AUTH = codes('auth');
const AMPERSAND = 0x26;
const COMMA = 0x2c;
const OPENING_BRACE = 0x7b;
const EQUALS = 0x3d;
const COLON = 0x3a;
const QUOTE = 0x22;
const ASTERISK = 0x2a;
const DOLLAR = 0x24;
const ZERO = 0x30;
/** `password_confirmation` and the like. */
const MOST_KEY_BYTES = 32;
/** HELLO 3 AUTH and its lengths: behind that no other command's AUTH is looked for. */
const MOST_BEFORE_AUTH = 40;

/** What a request said, filled by `read`. */
export class LoginRequest {
  /** NO_LOGIN, BY_… */
  kind = NO_LOGIN;
  /** Whose password it is and where it is asked for, as a number. BY_FORM only. */
  who = 0;
  /** Name and password (BY_BASIC, BY_REDIS) or the password (BY_FORM) as a number. */
  words = 0;

  /** EVENT_PAYLOAD of who opened. False: it carries no password. */
  read(event: DetectEvent): boolean {
    this.kind = NO_LOGIN;
    this.who = this.words = 0;
    const first = byteAt(event, 0);
    if (first === ASTERISK || (isWord(event, 0, AUTH) && byteAt(event, 4) === SPACE)) this.#redis(event);
    else if (isCapital(first) && isCapital(byteAt(event, 1)) && isCapital(byteAt(event, 2))) {
      this.#header(event);
      if (this.kind === NO_LOGIN && isWord(event, 0, POST)) this.#form(event);
    }
    return this.kind !== NO_LOGIN;
  }

  #header(event: DetectEvent): void {
    const length = Math.min(event.payloadLength, MOST_HEADER_BYTES);
    for (let index = 0; index + AUTHORIZATION.length < length; index++) {
      if (byteAt(event, index) !== LINE_FEED || !isWord(event, index + 1, AUTHORIZATION)) continue;
      const value = index + 1 + AUTHORIZATION.length;
      const scheme = byteAt(event, value) === SPACE ? value + 1 : value;
      if (isWord(event, scheme, DIGEST)) this.kind = BY_DIGEST;
      else if (isWord(event, scheme, BASIC)) {
        this.kind = BY_BASIC;
        this.words = hashOf(event, scheme, placeOf(event, CARRIAGE_RETURN, scheme));
      }
      return;
    }
  }

  /** `user=a&password=b` or `{"user":"a","password":"b"}`: what stands before the password says whose it is. */
  #form(event: DetectEvent): void {
    const end = Math.min(event.payloadLength, MOST_READ_BYTES);
    const body = bodyOf(event, end);
    for (let at = body, field = body; at < end; at++) {
      const byte = byteAt(event, at);
      if (byte === AMPERSAND || byte === COMMA || byte === OPENING_BRACE) field = at;
      if (!isWord(event, at, PASS) && !isWord(event, at, PWD)) continue;
      const value = valueOf(event, at, end);
      if (value < 0) continue;
      const isText = byteAt(event, value - 1) === QUOTE;
      const valueEnd = Math.min(end, placeOf(event, isText ? QUOTE : AMPERSAND, value));
      if (valueEnd === value) return;
      this.kind = BY_FORM;
      this.words = hashOf(event, value, valueEnd);
      const name = startOfField(event, field, body);
      const place = hashOf(event, 0, placeOf(event, SPACE, 5));
      this.who = place ^ (field > body + 1 ? hashOf(event, name, field) : hashOf(event, valueEnd, end));
      return;
    }
  }

  /** As an array of strings, alone or behind HELLO, or in a line. */
  #redis(event: DetectEvent): void {
    if (byteAt(event, 0) !== ASTERISK) {
      this.kind = BY_REDIS;
      this.words = hashOf(event, 4, placeOf(event, CARRIAGE_RETURN, 4));
      return;
    }
    const count = byteAt(event, 1) - ZERO;
    for (let at = 2; at < MOST_BEFORE_AUTH; at++) {
      if (byteAt(event, at) !== LINE_FEED || !isWord(event, at + 1, AUTH)) continue;
      if (byteAt(event, at + 5) !== CARRIAGE_RETURN) continue;
      const from = at + 7;
      // AUTH password, AUTH name password, HELLO 3 AUTH name password.
      const end = count === 2 ? afterText(event, from) : afterText(event, afterText(event, from));
      this.kind = BY_REDIS;
      this.words = hashOf(event, from, end);
      return;
    }
  }
}

/** Where the empty line ends (RFC 9112 section 2.1); `end` where it is not seen. */
function bodyOf(event: DetectEvent, end: number): number {
  for (let at = 0; at + 3 < end; at++)
    if (
      byteAt(event, at) === CARRIAGE_RETURN &&
      byteAt(event, at + 2) === CARRIAGE_RETURN &&
      byteAt(event, at + 3) === LINE_FEED
    )
      return at + 4;
  return end;
}

/** Behind `=`, or `:` and a quote, of the key that goes on at `at`; -1 where it is none. */
function valueOf(event: DetectEvent, at: number, end: number): number {
  const most = Math.min(end, at + MOST_KEY_BYTES);
  for (let index = at; index < most; index++) {
    const byte = byteAt(event, index);
    if (byte === EQUALS) return index + 1;
    if (byte === AMPERSAND || byte === COMMA) return -1;
    if (byte !== COLON) continue;
    const quote = byteAt(event, index + 1) === SPACE ? index + 2 : index + 1;
    return byteAt(event, quote) === QUOTE ? quote + 1 : -1;
  }
  return -1;
}

/** Of the field before the one that begins at `field`. */
function startOfField(event: DetectEvent, field: number, body: number): number {
  let at = field - 1;
  while (at > body && byteAt(event, at) !== AMPERSAND && byteAt(event, at) !== COMMA) at--;
  return Math.max(at, body);
}

/** Behind a string of RESP: `$3`, its bytes, and the ends of both lines. */
function afterText(event: DetectEvent, at: number): number {
  if (byteAt(event, at) !== DOLLAR) return at;
  let length = 0;
  let index = at + 1;
  for (; byteAt(event, index) !== CARRIAGE_RETURN && index < at + 6; index++)
    length = length * 10 + byteAt(event, index) - ZERO;
  return index + 2 + Math.min(MOST_READ_BYTES, Math.max(0, length)) + 2;
}

function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
