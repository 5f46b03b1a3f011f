/**
 * What the end that was contacted speaks, from its first bytes: who answers DICOM with DICOM keeps what its port promises, whatever was
 * seen of the question. DICOM PS3.8 section 9.3.1; RFC 8446 section 5.1; RFC 9112 section 4; RFC 4253 section 4.2; RFC 1002 section 4.3;
 * T.123 (RFC 1006 section 6); HL7 MLLP release 2 section 3. Called by protocol-mismatch.ts. Pure.
 */
import { u32 } from '../../packet/read.js';
import { isHl7, LEAST_BYTES, SSH, word, type Recognised } from './recognise-protocol.js';

/** P-DATA and what opens, refuses or ends an association: types 1 to 7, with a length below 16 MB. */
const LAST_PDU = 7;
/** Change cipher spec, alert, handshake, application data. */
const FIRST_RECORD = 0x14;
const LAST_RECORD = 0x17;
/** Of a server that never got a hello, and so has no version to answer with. */
const ALERT = 0x15;
/** Of the session service: a message, and positive, negative and redirecting answers. */
const SESSION_ANSWERS: readonly number[] = [0x82, 0x83, 0x84];
const HTTP = word('HTTP');
/** A block that is taken or not (MLLP release 2). */
const HL7_ACKS = ['\x0b\x06\x1c\x0d', '\x0b\x15\x1c\x0d'].map(word);

/** Null for what it does not know. Allocates nothing. */
export function recogniseAnswer(bytes: Uint8Array, offset: number, length: number): Recognised | null {
  if (length < LEAST_BYTES) return null;
  const at = (index: number): number => (index < length ? (bytes[offset + index] ?? 0) : 0);
  const first = u32(bytes, offset);
  if (at(0) >= FIRST_RECORD && at(0) <= LAST_RECORD && at(1) === 3 && at(2) <= 4) return 'TLS';
  if (at(0) === ALERT && at(1) === 0 && at(2) === 0 && at(3) === 0 && at(4) === 2) return 'TLS';
  if (first === HTTP) return 'HTTP';
  if (first === SSH) return 'SSH';
  if (SESSION_ANSWERS.includes(at(0)) && at(1) === 0) return 'SMB';
  if (at(0) === 0 && at(4) >= 0xfc && at(5) === 0x53 && at(6) === 0x4d && at(7) === 0x42) return 'SMB';
  if (at(0) === 3 && at(1) === 0 && length >= 6 && (at(5) & 0xf0) === 0xd0) return 'RDP';
  if (at(0) >= 1 && at(0) <= LAST_PDU && at(1) === 0 && at(2) === 0 && length >= 6) return 'DICOM';
  return isHl7(bytes, offset, length) || HL7_ACKS.includes(first) ? 'HL7 MLLP' : null;
}
