/**
 * LDAP binds (RFC 4511 section 4.2) and MQTT sessions (MQTT 3.1.1 and 5.0, section 3.1), from the first words of each end: whether a login was tried,
 * and whether the answer says no. Read by refused-login.ts. Pure, allocates nothing.
 */
import { byteAt, type DetectEvent } from '../event.js';
import { hashBytes } from '../slot-table.js';

/** LDAP in BER: a message is a SEQUENCE of its number (INTEGER) and an operation. */
const SEQUENCE = 0x30;
const INTEGER = 0x02;
const ENUMERATED = 0x0a;
const BIND_REQUEST = 0x60;
const BIND_RESPONSE = 0x61;
/** RFC 4511 appendix A.1. */
const INVALID_CREDENTIALS = 49;
const LONG_LENGTH = 0x80;

const CONNECT = 0x10;
const CONNACK = 0x20;
/** Bytes of a variable byte integer at most (MQTT 5.0 section 1.5.5). */
const MOST_VARIABLE = 4;
const MQTT_5 = 5;
const NAME_OR_PASSWORD = 0xc0;
/** "MQTT", and "MQIsdp" of 3.1, as their first two letters. */
const LETTER_M = 0x4d;
const LETTER_Q = 0x51;
/** Bad user name or password, not authorized: MQTT 3.1.1 section 3.2.2.3, MQTT 5.0 section 3.2.2.2. */
const isRefusal = (code: number): boolean => code === 4 || code === 5 || code === 0x86 || code === 0x87;

/** Of names and passwords no more is compared. */
const MOST_WORDS = 512;

export function isBind(event: DetectEvent): boolean {
  const at = operationAt(event);
  return at >= 0 && byteAt(event, at) === BIND_REQUEST;
}

export function isRefusedBind(event: DetectEvent): boolean {
  const at = operationAt(event);
  if (at < 0 || byteAt(event, at) !== BIND_RESPONSE) return false;
  const result = afterLength(event, at + 1);
  return (
    byteAt(event, result) === ENUMERATED &&
    byteAt(event, result + 1) === 1 &&
    byteAt(event, result + 2) === INVALID_CREDENTIALS
  );
}

/** Name and password of a CONNECT as a number; 0 where it is none, or has none: it is only told then that it needs some. */
export function connectWords(event: DetectEvent): number {
  if (byteAt(event, 0) !== CONNECT) return 0;
  const name = afterVariable(event, 1);
  if (byteAt(event, name + 2) !== LETTER_M || byteAt(event, name + 3) !== LETTER_Q) return 0;
  const level = name + 2 + lengthAt(event, name);
  if ((byteAt(event, level + 1) & NAME_OR_PASSWORD) === 0) return 0;
  const afterKeepAlive = level + 4;
  // Many clients call themselves something else each time, so what counts stands behind that.
  const client = byteAt(event, level) === MQTT_5 ? afterProperties(event, afterKeepAlive) : afterKeepAlive;
  return wordsFrom(event, client + 2 + lengthAt(event, client));
}

export function isRefusedConnect(event: DetectEvent): boolean {
  return byteAt(event, 0) === CONNACK && isRefusal(byteAt(event, afterVariable(event, 1) + 1));
}

/** Where the operation of an LDAP message begins; -1 for another protocol. */
function operationAt(event: DetectEvent): number {
  if (byteAt(event, 0) !== SEQUENCE) return -1;
  const number = afterLength(event, 1);
  if (byteAt(event, number) !== INTEGER) return -1;
  return number + 2 + byteAt(event, number + 1);
}

/** A length in BER: one byte, or one that says how many follow (X.690 section 8.1.3). */
function afterLength(event: DetectEvent, at: number): number {
  const first = byteAt(event, at);
  return first < LONG_LENGTH ? at + 1 : at + 1 + (first & ~LONG_LENGTH);
}

function afterVariable(event: DetectEvent, at: number): number {
  let end = at;
  while (end - at < MOST_VARIABLE - 1 && byteAt(event, end) >= 0x80) end++;
  return end + 1;
}

function afterProperties(event: DetectEvent, at: number): number {
  let length = 0;
  const end = afterVariable(event, at);
  for (let index = end - 1; index >= at; index--) length = length * 0x80 + (byteAt(event, index) & 0x7f);
  return end + length;
}

function lengthAt(event: DetectEvent, at: number): number {
  return byteAt(event, at) * 256 + byteAt(event, at + 1);
}

/** Never 0. */
function wordsFrom(event: DetectEvent, from: number): number {
  const start = event.payloadOffset;
  const end = Math.min(event.payloadLength, from + MOST_WORDS);
  return hashBytes(event.bytes, start + from, start + end) || 1;
}
