/**
 * TLS up to 1.2 in the clear (RFC 5246 section 7.4, record layer 6.2; server name RFC 6066 section 3): the name that a client
 * asks for, and subject and issuer of a server's certificate (RFC 5280 section 4.1). A certificate is read only behind a ServerHello: a
 * client's may name a person. Where it begins a segment that comes from a service's port, the organization and the issuer alone are read. Names of TLS 1.3 certificates are encrypted.
 */
import { u16, u24, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { hostNameOf, shortDomainOf, textOf } from '../text.js';
import { objectIdOf, readTlv, type Tlv } from './der.js';

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const CERTIFICATE = 11;
const MAX_EXTENSIONS = 48;
const MAX_NAME_PARTS = 16;
const MAX_MESSAGES = 4;

export function isTlsHandshake(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 9 && u8(bytes, start) === HANDSHAKE && u8(bytes, start + 1) === 3;
}

/** `isFromServer`: by the ports, the sender was contacted. */
export function readTls(
  bytes: Uint8Array,
  start: number,
  end: number,
  isFromServer = false,
): readonly Observation[] {
  if (!isTlsHandshake(bytes, start, end)) return NO_OBSERVATIONS;
  const first = u8(bytes, start + 5);
  if (first === CLIENT_HELLO) return readClientHello(bytes, start + 9, end);
  if (first === SERVER_HELLO || (first === CERTIFICATE && isFromServer))
    return readServerFlight(bytes, start, end);
  return NO_OBSERVATIONS;
}

function readClientHello(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  // Version and random, then session id, cipher suites and compression methods, each with its length.
  let at = start + 34;
  at += 1 + u8(bytes, at);
  at += 2 + u16(bytes, at);
  at += 1 + u8(bytes, at);
  if (at + 2 > end) return NO_OBSERVATIONS;
  const last = Math.min(end, at + 2 + u16(bytes, at));
  at += 2;
  const out = new Observations();
  for (let seen = 0; seen < MAX_EXTENSIONS && at + 4 <= last; seen++) {
    const type = u16(bytes, at);
    const stop = at + 4 + u16(bytes, at + 2);
    if (type === 0 && stop <= last && stop - at > 9 && u8(bytes, at + 6) === 0) {
      const name = hostNameOf(textOf(bytes, at + 9, Math.min(stop, at + 9 + u16(bytes, at + 7))));
      if (name !== null) out.hint(shortDomainOf(name), 'tls.server-name');
      return out.list;
    }
    at = stop;
  }
  return out.list;
}

/** ServerHello and Certificate in one record or in two: the first certificate's names come early enough for one segment. */
function readServerFlight(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  let record = start;
  let at = start + 5;
  for (let seen = 0; seen < MAX_MESSAGES && at + 4 <= end; seen++) {
    if (at >= record + 5 + u16(bytes, record + 3)) {
      record = at;
      if (!isTlsHandshake(bytes, record, end)) return NO_OBSERVATIONS;
      at += 5;
    }
    if (u8(bytes, at) === CERTIFICATE) return readCertificate(bytes, at + 10, end, seen > 0);
    at += 4 + u24(bytes, at + 1);
  }
  return NO_OBSERVATIONS;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;

/** `withName`: it is a server's for certain. */
function readCertificate(
  bytes: Uint8Array,
  start: number,
  end: number,
  withName: boolean,
): readonly Observation[] {
  const certificate = readTlv(bytes, start, end);
  if (certificate?.tag !== SEQUENCE) return NO_OBSERVATIONS;
  const body = readTlv(bytes, certificate.start, certificate.end);
  if (body?.tag !== SEQUENCE) return NO_OBSERVATIONS;
  let at = body.start;
  const version = readTlv(bytes, at, body.end);
  if (version?.tag === VERSION) at = version.end;
  // Serial number, signature algorithm, issuer, validity, subject.
  const parts: Tlv[] = [];
  for (let index = 0; index < 5; index++) {
    const part = readTlv(bytes, at, body.end);
    if (part === null) break;
    parts.push(part);
    at = part.end;
  }
  const [, , issuer, , subject] = parts;
  const out = new Observations();
  if (issuer?.tag === SEQUENCE) {
    const names = distinguishedName(bytes, issuer);
    out.hint(names.organization ?? (withName ? names.common : null), 'tls.certificate-issuer');
  }
  if (subject?.tag === SEQUENCE && subject.end < end) {
    const names = distinguishedName(bytes, subject);
    if (withName) {
      out.add('name', machineNameOf(names.common), 'tls.certificate-subject', CONFIDENCE.hearsay);
      out.hint(names.common, 'tls.certificate-subject');
    }
    out.hint(names.organization, 'tls.certificate-organization');
  }
  return out.list;
}

/** A MAC or a serial number in hex is a common name, but nobody's name. */
function machineNameOf(common: string | null): string | null {
  return common !== null && /^[0-9A-F:-]{8,}$/i.test(common) ? null : hostNameOf(common);
}

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';

function distinguishedName(
  bytes: Uint8Array,
  name: Tlv,
): { common: string | null; organization: string | null } {
  const found: { common: string | null; organization: string | null } = { common: null, organization: null };
  let at = name.start;
  for (let seen = 0; seen < MAX_NAME_PARTS; seen++) {
    const set = readTlv(bytes, at, name.end);
    if (set?.tag !== SET) return found;
    at = set.end;
    const pair = readTlv(bytes, set.start, set.end);
    const type = pair && readTlv(bytes, pair.start, pair.end);
    const value = pair && type && readTlv(bytes, type.end, pair.end);
    if (!type || !value) continue;
    const id = objectIdOf(bytes, type);
    if (id === COMMON_NAME) found.common = textOf(bytes, value.start, value.end);
    if (id === ORGANIZATION) found.organization = textOf(bytes, value.start, value.end);
  }
  return found;
}
