/**
 * What answers on the ports of plants and buildings, and what it says it is: S7 (TPKT of RFC 1006, order number in a system state list), DNP3 (IEEE 1815
 * clause 9), HART-IP (HCF_SPEC-085) and EtherNet/IP (ODVA, volume 2 section 2-4.2: the identity object in a list-identity reply). Never a
 * measured value.
 */
import { le16, u16, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { hexOf, indexOfAscii, startsWithAscii, textOf } from '../text.js';

export const S7_PORT = 102;
export const HART_IP_PORT = 5_094;
export const DNP3_PORT = 20_000;
export const ENIP_PORT = 44_818;

const MAX_SEARCH_BYTES = 512;
/** `6ES7 315-2EH14-0AB0`: article numbers of SIMATIC. */
const ORDER_NUMBER_CHARACTERS = 19;
const ORDER_NUMBER = /^6ES7 ?[0-9A-Z]{3}-[0-9A-Z]{5}-[0-9A-Z]{4}/;

/** From the server's port: TPKT version 3 and COTP behind it. MMS is spoken there, too. */
export function readS7(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 7 || u8(bytes, start) !== 3 || u8(bytes, start + 1) !== 0) return NO_OBSERVATIONS;
  const out = new Observations();
  out.hint('S7 or MMS', 'plant.protocol');
  const at = indexOfAscii(bytes, '6ES7', start, Math.min(end, start + MAX_SEARCH_BYTES));
  if (at === -1) return out.list;
  const number = ORDER_NUMBER.exec(textOf(bytes, at, Math.min(end, at + ORDER_NUMBER_CHARACTERS + 1)) ?? '');
  out.add('model', number?.[0] ?? null, 's7.order-number', CONFIDENCE.declared);
  out.hint(number?.[0] ?? null, 's7.order-number');
  return out.list;
}

/** Start bytes 05 64; the bit DIR of the control byte says that a master sent it. */
export function readDnp3(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 10 || u16(bytes, start) !== 0x0564) return NO_OBSERVATIONS;
  const out = new Observations();
  if ((u8(bytes, start + 3) & 0x80) === 0) out.hint('DNP3', 'plant.protocol');
  return out.list;
}

/** Version 1, message type response or publish, and a length that fits. */
export function readHartIp(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 8 || u8(bytes, start) !== 1 || u16(bytes, start + 6) > end - start)
    return NO_OBSERVATIONS;
  if (u8(bytes, start + 1) !== 1 && u8(bytes, start + 1) !== 2) return NO_OBSERVATIONS;
  const out = new Observations();
  out.hint('HART-IP', 'plant.protocol');
  return out.list;
}

const LIST_IDENTITY = 0x63;
const IDENTITY_ITEM = 0x0c;
const ENIP_HEADER_BYTES = 24;
/** Item count, type and length, then protocol version and socket address. */
const VENDOR_OFFSET = ENIP_HEADER_BYTES + 6 + 18;

export function readEnip(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < ENIP_HEADER_BYTES || le16(bytes, start + 2) > end - start) return NO_OBSERVATIONS;
  const out = new Observations();
  if (le16(bytes, start) !== LIST_IDENTITY) return out.list;
  const at = start + VENDOR_OFFSET;
  const name = at + 15;
  if (name > end || le16(bytes, start + ENIP_HEADER_BYTES + 2) !== IDENTITY_ITEM) return out.list;
  out.hint('EtherNet/IP', 'plant.protocol');
  out.hint(String(le16(bytes, at)), 'enip.vendor');
  out.hint(String(le16(bytes, at + 2)), 'enip.device-type');
  out.add('version', `${u8(bytes, at + 6)}.${u8(bytes, at + 7)}`, 'enip.revision', CONFIDENCE.declared);
  out.add('serial', hexOf(reversed(bytes, at + 10), 0, 4), 'enip.serial', CONFIDENCE.declared);
  const last = name + u8(bytes, at + 14);
  if (last <= end) out.add('model', textOf(bytes, name, last), 'enip.product', CONFIDENCE.declared);
  return out.list;
}

function reversed(bytes: Uint8Array, at: number): Uint8Array {
  return Uint8Array.of(u8(bytes, at + 3), u8(bytes, at + 2), u8(bytes, at + 1), u8(bytes, at));
}

/** CONNECT of MQTT (3.1 and 3.1.1: section 3.1): the protocol's name behind the fixed header. */
export function isMqttConnect(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 10 || u8(bytes, start) !== 0x10) return false;
  // A remaining length of one or two bytes.
  const name = start + ((u8(bytes, start + 1) & 0x80) !== 0 ? 3 : 2) + 2;
  return startsWithAscii(bytes, 'MQTT', name, end) || startsWithAscii(bytes, 'MQIsdp', name, end);
}
