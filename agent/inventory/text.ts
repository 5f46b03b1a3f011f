/**
 * Short texts from hostile bytes: printable, bounded, on one line, or null. Every parser of this room takes its strings
 * from here and from nowhere else, so that no control character and no long blob gets past it.
 */
import { u8 } from '../packet/read.js';
import { MAX_VALUE_CHARACTERS } from './observation.js';

/** Bytes looked at for one text. */
const MAX_TEXT_BYTES = 512;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const utf16 = new TextDecoder('utf-16le', { fatal: true });
/** Controls, surrogates, private use and unassigned code points; line separators. */
const UNFIT = /[\p{C}\p{Zl}\p{Zp}]/u;

/** UTF-8 (hence ASCII) in [start, end), up to the first NUL. Null where it is not text, or empty. */
export function textOf(bytes: Uint8Array, start: number, end: number): string | null {
  if (start < 0) return null;
  const limit = Math.min(end, bytes.length, start + MAX_TEXT_BYTES);
  let stop = start;
  while (stop < limit && u8(bytes, stop) !== 0) stop += 1;
  return decode(utf8, bytes, start, stop);
}

/** UTF-16 little-endian as Windows writes it, up to the first NUL unit. */
export function textOfUtf16(bytes: Uint8Array, start: number, end: number): string | null {
  if (start < 0) return null;
  const limit = Math.min(end, bytes.length, start + MAX_TEXT_BYTES);
  let stop = start;
  while (stop + 1 < limit && (u8(bytes, stop) !== 0 || u8(bytes, stop + 1) !== 0)) stop += 2;
  return decode(utf16, bytes, start, stop);
}

function decode(
  decoder: InstanceType<typeof TextDecoder>,
  bytes: Uint8Array,
  start: number,
  stop: number,
): string | null {
  if (stop <= start) return null;
  try {
    const text = decoder
      .decode(bytes.subarray(start, stop))
      .replace(/[\t\r\n ]+/g, ' ')
      .trim();
    return text === '' || UNFIT.test(text) ? null : text.slice(0, MAX_VALUE_CHARACTERS);
  } catch {
    return null;
  }
}

/** The name alone, as DNS and NetBIOS allow it: anything else is not a name of a machine. */
export function hostNameOf(text: string | null): string | null {
  if (text === null) return null;
  const name = text.replace(/\.$/, '');
  return /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,126})$/.test(name) ? name : null;
}

/** An http or https URL without user, query or fragment in it; see RFC 8520 section 3 for those of MUD files. */
export function mudUrlOf(text: string | null): string | null {
  if (text === null) return null;
  return /^https:\/\/[A-Za-z0-9.-]{1,100}(:\d{1,5})?\/[A-Za-z0-9._~/+-]*$/.test(text) ? text : null;
}

export function hexOf(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  const stop = Math.min(end, bytes.length, start + MAX_VALUE_CHARACTERS / 2);
  for (let at = start; at < stop; at++) text += u8(bytes, at).toString(16).padStart(2, '0');
  return text;
}

/** Position of an ASCII text in [start, end), or -1. `end - start` is bounded by the caller. */
export function indexOfAscii(bytes: Uint8Array, text: string, start: number, end: number): number {
  const last = Math.min(end, bytes.length) - text.length;
  for (let at = start; at <= last; at++) if (startsWithAscii(bytes, text, at, end)) return at;
  return -1;
}

export function startsWithAscii(bytes: Uint8Array, text: string, start: number, end: number): boolean {
  if (start + text.length > Math.min(end, bytes.length)) return false;
  for (let index = 0; index < text.length; index++)
    if (u8(bytes, start + index) !== text.charCodeAt(index)) return false;
  return true;
}

/** The last labels of a domain name: enough to know whose service it is, and nothing that may name a person. */
export function shortDomainOf(name: string): string {
  return name.toLowerCase().split('.').slice(-3).join('.');
}
