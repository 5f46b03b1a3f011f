/**
 * SNMP v1 and v2c responses and traps (RFC 1157, RFC 3416): sysDescr, sysObjectID and sysName (RFC 3418), a printer's or a host's own description
 * (hrDeviceDescr, RFC 2790), make, model, serial and revision of the first physical entity (RFC 6933), and whose private variables were answered. Of
 * SNMP v3 the maker in the engine id (RFC 3411 section 5). Never the community, a contact, a location or any other value, and never a request.
 */
import { s32, u8 } from '../../packet/read.js';
import {
  CONFIDENCE,
  NO_OBSERVATIONS,
  Observations,
  type DeviceField,
  type Observation,
} from '../observation.js';
import { hostNameOf, textOf } from '../text.js';
import { integerOf, objectIdOf, readTlv, type Tlv } from './der.js';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const RESPONSE = 0xa2;
const TRAP_V1 = 0xa4;
const TRAP_V2 = 0xa7;
const VERSION_3 = 3;
const MAX_BINDINGS = 32;
const SYS_DESCRIPTION = '1.3.6.1.2.1.1.1.0';
const SYS_OBJECT_ID = '1.3.6.1.2.1.1.2.0';
const SYS_NAME = '1.3.6.1.2.1.1.5.0';
const DEVICE_DESCRIPTION = '1.3.6.1.2.1.25.3.2.1.3.1';
const TRAP_ENTERPRISE = '1.3.6.1.6.3.1.1.4.3.0';
/** entPhysical… of index 1: the chassis. */
const ENTITY: Readonly<Record<string, DeviceField>> = {
  '1.3.6.1.2.1.47.1.1.1.1.9.1': 'version',
  '1.3.6.1.2.1.47.1.1.1.1.11.1': 'serial',
  '1.3.6.1.2.1.47.1.1.1.1.12.1': 'make',
  '1.3.6.1.2.1.47.1.1.1.1.13.1': 'model',
};
const PRIVATE = /^1\.3\.6\.1\.4\.1\.(\d{1,6})\./;

export function readSnmp(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const message = readTlv(bytes, start, end);
  if (message?.tag !== SEQUENCE) return NO_OBSERVATIONS;
  const version = readTlv(bytes, message.start, message.end);
  const number = version === null ? null : integerOf(bytes, version);
  if (version?.tag !== INTEGER || number === null) return NO_OBSERVATIONS;
  if (number === VERSION_3) return readEngine(bytes, version.end, message.end);
  if (number > 1) return NO_OBSERVATIONS;
  const community = readTlv(bytes, version.end, message.end);
  if (community?.tag !== OCTET_STRING) return NO_OBSERVATIONS;
  const pdu = readTlv(bytes, community.end, message.end);
  if (pdu?.tag === TRAP_V1) return readTrap(bytes, pdu);
  if (pdu?.tag !== RESPONSE && pdu?.tag !== TRAP_V2) return NO_OBSERVATIONS;
  // Request id, error status, error index, then the bindings.
  let at = pdu.start;
  for (let skipped = 0; skipped < 3; skipped++) {
    const field = readTlv(bytes, at, pdu.end);
    if (field?.tag !== INTEGER) return NO_OBSERVATIONS;
    at = field.end;
  }
  const bindings = readTlv(bytes, at, pdu.end);
  if (bindings?.tag !== SEQUENCE) return NO_OBSERVATIONS;
  const out = new Observations();
  const enterprises = new Set<string>();
  at = bindings.start;
  for (let seen = 0; seen < MAX_BINDINGS; seen++) {
    const binding = readTlv(bytes, at, bindings.end);
    if (binding?.tag !== SEQUENCE) break;
    readBinding(bytes, binding.start, binding.end, out, enterprises);
    at = binding.end;
  }
  for (const enterprise of enterprises) out.hint(enterprise, 'snmp.enterprise');
  return out.list;
}

/** RFC 1157 section 4.1.6: sysObjectID of the sender comes first. */
function readTrap(bytes: Uint8Array, pdu: Tlv): readonly Observation[] {
  const enterprise = readTlv(bytes, pdu.start, pdu.end);
  if (enterprise?.tag !== OBJECT_ID) return NO_OBSERVATIONS;
  const out = new Observations();
  out.hint(PRIVATE.exec(`${objectIdOf(bytes, enterprise) ?? ''}.`)?.[1] ?? null, 'snmp.enterprise');
  return out.list;
}

/** RFC 3412 section 6, RFC 3414 section 2.4: global data, then the security parameters as a string that holds the engine's id. */
function readEngine(bytes: Uint8Array, from: number, end: number): readonly Observation[] {
  const global = readTlv(bytes, from, end);
  const parameters = global && readTlv(bytes, global.end, end);
  const inner = parameters && readTlv(bytes, parameters.start, parameters.end);
  const engine = inner && readTlv(bytes, inner.start, inner.end);
  if (inner?.tag !== SEQUENCE || engine?.tag !== OCTET_STRING || engine.end - engine.start < 5)
    return NO_OBSERVATIONS;
  const out = new Observations();
  // The first bit says that the form is this one; then the enterprise.
  if ((u8(bytes, engine.start) & 0x80) !== 0)
    out.hint(String(s32(bytes, engine.start) & 0x7fffffff), 'snmp.enterprise');
  return out.list;
}

function readBinding(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Observations,
  enterprises: Set<string>,
): void {
  const name = readTlv(bytes, start, end);
  if (name?.tag !== OBJECT_ID) return;
  const value = readTlv(bytes, name.end, end);
  if (value === null) return;
  const id = objectIdOf(bytes, name);
  const enterprise = PRIVATE.exec(id ?? '')?.[1];
  // A value that is there: noSuchObject and its kin (RFC 3416 section 3) have no contents.
  if (enterprise !== undefined && value.end > value.start) enterprises.add(enterprise);
  if (id === TRAP_ENTERPRISE && value.tag === OBJECT_ID)
    out.hint(PRIVATE.exec(`${objectIdOf(bytes, value) ?? ''}.`)?.[1] ?? null, 'snmp.enterprise');
  if (id === SYS_OBJECT_ID && value.tag === OBJECT_ID) out.hint(objectIdOf(bytes, value), 'snmp.object-id');
  if (value.tag !== OCTET_STRING || u8(bytes, value.start) === 0) return;
  if (id === SYS_DESCRIPTION || id === DEVICE_DESCRIPTION)
    out.hint(textOf(bytes, value.start, value.end), 'snmp.description');
  if (id === SYS_NAME)
    out.add('name', hostNameOf(textOf(bytes, value.start, value.end)), 'snmp.name', CONFIDENCE.own);
  const field = ENTITY[id ?? ''];
  if (field !== undefined)
    out.add(field, textOf(bytes, value.start, value.end), 'snmp.entity', CONFIDENCE.declared);
}
