/**
 * HL7 v2 over MLLP (HL7 v2.5.1 section 2.14.9, MLLP release 1): of the header segment MSH-3 to 6, 9 and 12. Never another field and never
 * another segment: the next one holds the patient.
 */
import { u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { startsWithAscii, textOf } from '../text.js';

const MLLP_START = 0x0b;
/** The header of real senders is below 200 bytes; MSH-12 has come by then. */
const MAX_HEADER_BYTES = 512;
const LAST_FIELD = 12;
const MESSAGE_TYPE = /^[A-Z0-9]{3}(\^[A-Z0-9]{2,3}(\^[A-Z0-9_]{3,8})?)?$/;
const VERSION = /^2\.\d(\.\d)?(\^[A-Z]{0,3})?$/;

export function isHl7(bytes: Uint8Array, start: number, end: number): boolean {
  return startsWithAscii(bytes, 'MSH', u8(bytes, start) === MLLP_START ? start + 1 : start, end);
}

/**
 * Nothing is told unless MSH-9 and MSH-12 both are what they must be: a message without separators between its segments could
 * otherwise pass a patient's field off as the header's.
 */
export function readHl7(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (!isHl7(bytes, start, end)) return NO_OBSERVATIONS;
  const header = start + (u8(bytes, start) === MLLP_START ? 1 : 0);
  const separator = u8(bytes, header + 3);
  if (separator < 0x21 || separator > 0x7e) return NO_OBSERVATIONS;
  const fields = headerFields(bytes, header, Math.min(end, header + MAX_HEADER_BYTES), separator);
  const type = fields[9] ?? '';
  const version = fields[12] ?? '';
  if (!MESSAGE_TYPE.test(type) || !VERSION.test(version)) return NO_OBSERVATIONS;
  const out = new Observations();
  out.add('software', nameOf(fields[3]), 'hl7.application', CONFIDENCE.told);
  out.hint(nameOf(fields[3]), 'hl7.application');
  out.hint(nameOf(fields[4]), 'hl7.facility');
  out.add('software', nameOf(fields[5]), 'hl7.application', CONFIDENCE.hearsay, 'receiver');
  out.hint(type, 'hl7.message-type');
  out.add('role', `HL7 sender (${type.slice(0, 3)})`, 'hl7.message-type', CONFIDENCE.declared);
  out.add('role', 'HL7 receiver', 'hl7.message-type', CONFIDENCE.told, 'receiver');
  out.hint(version, 'hl7.version');
  return out.list;
}

/** Indexed as HL7 counts: the separator itself is MSH-1. Ends where the segment does, whatever a sender uses for that. */
function headerFields(bytes: Uint8Array, header: number, end: number, separator: number): string[] {
  const fields: string[] = ['MSH', ''];
  let from = header + 4;
  for (let at = from; fields.length <= LAST_FIELD; at++) {
    const byte = at < end ? u8(bytes, at) : -1;
    if (byte >= 0x20 && byte !== separator) continue;
    const isSegmentEnd = byte < 0x20;
    // A header cut by the capture may end inside a field.
    if (byte === -1) return fields;
    fields.push(textOf(bytes, from, at) ?? '');
    if (isSegmentEnd) return fields;
    from = at + 1;
  }
  return fields;
}

/** HD data type: the namespace, without universal ID. */
function nameOf(field: string | undefined): string | null {
  const name = (field ?? '').split('^')[0] ?? '';
  return /^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,47}$/.test(name) ? name : null;
}
