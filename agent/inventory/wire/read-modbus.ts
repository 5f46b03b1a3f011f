/**
 * Modbus/TCP responses (MODBUS Messaging on TCP/IP 1.0b section 3.1.3), of them the device identification (MODBUS Application Protocol 1.1b3 section
 * 6.21, function 43, MEI 14). Never a register's value.
 */
import { u16, u8 } from '../../packet/read.js';
import {
  CONFIDENCE,
  NO_OBSERVATIONS,
  Observations,
  type Observation,
  type DeviceField,
  type Source,
} from '../observation.js';
import { textOf } from '../text.js';

const HEADER_BYTES = 7;
const MAX_UNIT_BYTES = 254;
const ENCAPSULATED = 43;
const DEVICE_IDENTIFICATION = 14;
const MAX_OBJECTS = 8;
const OBJECTS: Readonly<Record<number, readonly [DeviceField | 'hint', Source]>> = {
  0: ['make', 'modbus.vendor'],
  1: ['hint', 'modbus.product-code'],
  2: ['version', 'modbus.revision'],
  4: ['hint', 'modbus.product-name'],
  5: ['model', 'modbus.model'],
};

export function isModbus(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < HEADER_BYTES + 1) return false;
  const length = u16(bytes, start + 4);
  return u16(bytes, start + 2) === 0 && length >= 2 && length <= MAX_UNIT_BYTES;
}

/** Of a response: from the server's port. */
export function readModbus(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (!isModbus(bytes, start, end)) return NO_OBSERVATIONS;
  const out = new Observations();
  out.add('role', 'Modbus server', 'modbus.server', CONFIDENCE.declared);
  out.hint('yes', 'modbus.server');
  const pdu = start + HEADER_BYTES;
  const last = Math.min(end, start + 6 + u16(bytes, start + 4));
  if (u8(bytes, pdu) !== ENCAPSULATED || u8(bytes, pdu + 1) !== DEVICE_IDENTIFICATION) return out.list;
  const count = Math.min(u8(bytes, pdu + 6), MAX_OBJECTS);
  let at = pdu + 7;
  for (let seen = 0; seen < count && at + 2 <= last; seen++) {
    const next = at + 2 + u8(bytes, at + 1);
    if (next > last) break;
    const object = OBJECTS[u8(bytes, at)];
    const value = textOf(bytes, at + 2, next);
    if (object !== undefined) out.add(object[0], value, object[1], CONFIDENCE.declared);
    if (object !== undefined && object[0] !== 'hint') out.hint(value, object[1]);
    at = next;
  }
  return out.list;
}
