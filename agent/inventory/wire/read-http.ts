/**
 * HTTP/1.1 (RFC 9112) and SSDP, which is HTTP over UDP (UPnP Device Architecture 2.0 section 1): the User-Agent and Server headers; of SSDP
 * also NT and ST. Never the request target, a host, a cookie, another header or the body: those carry the patients.
 */
import { u8 } from '../../packet/read.js';
import { NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { startsWithAscii, textOf } from '../text.js';

const MAX_HEADER_BYTES = 4_096;
const MAX_LINES = 64;
/** A product line is short; a longer one is something else put into the field. */
const MAX_PRODUCT_CHARACTERS = 128;
const METHODS = ['GET ', 'POST ', 'PUT ', 'HEAD ', 'DELETE ', 'OPTIONS ', 'PATCH ', 'PROPFIND '];
const SSDP_METHODS = ['NOTIFY ', 'M-SEARCH '];
const STATUS = 'HTTP/1.';

export function isHttp(bytes: Uint8Array, start: number, end: number): boolean {
  return startsWithAscii(bytes, STATUS, start, end) || beginsWithOne(bytes, METHODS, start, end);
}

export function readHttp(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (!isHttp(bytes, start, end)) return NO_OBSERVATIONS;
  const isResponse = startsWithAscii(bytes, STATUS, start, end);
  const out = new Observations();
  forEachHeader(bytes, start, end, (name, value) => {
    if (isResponse && name === 'server') out.hint(product(value), 'http.server');
    if (!isResponse && name === 'user-agent') out.hint(product(value), 'http.user-agent');
  });
  return out.list;
}

export function readSsdp(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const isResponse = startsWithAscii(bytes, STATUS, start, end);
  if (!isResponse && !beginsWithOne(bytes, SSDP_METHODS, start, end)) return NO_OBSERVATIONS;
  const isSearch = startsWithAscii(bytes, 'M-SEARCH', start, end);
  const out = new Observations();
  forEachHeader(bytes, start, end, (name, value) => {
    if (name === 'server') out.hint(product(value), 'ssdp.server');
    if (name === 'user-agent') out.hint(product(value), 'ssdp.user-agent');
    if (!isSearch && (name === 'nt' || name === 'st')) out.hint(deviceType(value), 'ssdp.device-type');
  });
  return out.list;
}

/** `upnp:rootdevice` and `uuid:…` say nothing of a kind. */
function deviceType(value: string): string | null {
  return /^urn:[A-Za-z0-9-]{1,40}:(?:device|service):[A-Za-z0-9_-]{1,48}:\d{1,3}$/.test(value) ? value : null;
}

/** RFC 9110 section 10.1.5: product tokens and comments; an address, a URL or an at sign is not kept. */
function product(value: string): string | null {
  if (value.length > MAX_PRODUCT_CHARACTERS * 2) return null;
  return value
    .replace(/\S*(?:@|:\/\/)\S*/g, '')
    .trim()
    .slice(0, MAX_PRODUCT_CHARACTERS);
}

/** Complete lines between the first one and the empty one; the name in lower case. */
function forEachHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (name: string, value: string) => void,
): void {
  const limit = Math.min(end, start + MAX_HEADER_BYTES);
  let line = lineEnd(bytes, start, limit) + 1;
  for (let seen = 0; seen < MAX_LINES && line < limit; seen++) {
    const stop = lineEnd(bytes, line, limit);
    if (stop === limit) return;
    const isEmpty = stop === line || (stop === line + 1 && u8(bytes, line) === 13);
    if (isEmpty) return;
    const text = textOf(bytes, line, stop) ?? '';
    const colon = text.indexOf(':');
    if (colon > 0) visit(text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim());
    line = stop + 1;
  }
}

function lineEnd(bytes: Uint8Array, from: number, limit: number): number {
  let at = from;
  while (at < limit && u8(bytes, at) !== 10) at += 1;
  return at;
}

function beginsWithOne(bytes: Uint8Array, texts: readonly string[], start: number, end: number): boolean {
  return texts.some((text) => startsWithAscii(bytes, text, start, end));
}
