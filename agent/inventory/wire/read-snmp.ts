/**
 * SNMP v1 and v2c responses (RFC 1157, RFC 3416): sysDescr, sysObjectID and sysName (RFC 3418). Never the community, a
 * contact, a location or any other variable, and never a request.
 */
import { u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { hostNameOf, textOf } from '../text.js';
import { integerOf, objectIdOf, readTlv } from './der.js';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const RESPONSE = 0xa2;
const MAX_BINDINGS = 32;
const SYS_DESCRIPTION = '1.3.6.1.2.1.1.1.0';
const SYS_OBJECT_ID = '1.3.6.1.2.1.1.2.0';
const SYS_NAME = '1.3.6.1.2.1.1.5.0';

export function readSnmp(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const message = readTlv(bytes, start, end);
  if (message?.tag !== SEQUENCE) return NO_OBSERVATIONS;
  const version = readTlv(bytes, message.start, message.end);
  if (version?.tag !== INTEGER || (integerOf(bytes, version) ?? 9) > 1) return NO_OBSERVATIONS;
  const community = readTlv(bytes, version.end, message.end);
  if (community?.tag !== OCTET_STRING) return NO_OBSERVATIONS;
  const pdu = readTlv(bytes, community.end, message.end);
  if (pdu?.tag !== RESPONSE) return NO_OBSERVATIONS;
  // Request id, error status, error index, then the bindings.
  let at = pdu.start;
  for (let skipped = 0; skipped < 3; skipped++) {
    const number = readTlv(bytes, at, pdu.end);
    if (number?.tag !== INTEGER) return NO_OBSERVATIONS;
    at = number.end;
  }
  const bindings = readTlv(bytes, at, pdu.end);
  if (bindings?.tag !== SEQUENCE) return NO_OBSERVATIONS;
  const out = new Observations();
  at = bindings.start;
  for (let seen = 0; seen < MAX_BINDINGS; seen++) {
    const binding = readTlv(bytes, at, bindings.end);
    if (binding?.tag !== SEQUENCE) break;
    readBinding(bytes, binding.start, binding.end, out);
    at = binding.end;
  }
  return out.list;
}

function readBinding(bytes: Uint8Array, start: number, end: number, out: Observations): void {
  const name = readTlv(bytes, start, end);
  if (name?.tag !== OBJECT_ID) return;
  const value = readTlv(bytes, name.end, end);
  if (value === null) return;
  const id = objectIdOf(bytes, name);
  if (id === SYS_OBJECT_ID && value.tag === OBJECT_ID) out.hint(objectIdOf(bytes, value), 'snmp.object-id');
  if (value.tag !== OCTET_STRING || u8(bytes, value.start) === 0) return;
  if (id === SYS_DESCRIPTION) out.hint(textOf(bytes, value.start, value.end), 'snmp.description');
  if (id === SYS_NAME)
    out.add('name', hostNameOf(textOf(bytes, value.start, value.end)), 'snmp.name', CONFIDENCE.own);
}
