/**
 * The few rules of BER and DER (X.690 sections 8.1 and 10) that certificates, SNMP and T.125 need: one tag and one length at a time, definite
 * lengths only, never past the end. A value may be cut by the capture: its end is then the capture's.
 */
import { u8 } from '../../packet/read.js';

export interface Tlv {
  readonly tag: number;
  /** Of the contents; `end` never lies past the enclosing end. */
  readonly start: number;
  readonly end: number;
}

/** Null where no tag and length are there, or the length is longer than four bytes. */
export function readTlv(bytes: Uint8Array, at: number, end: number): Tlv | null {
  if (at < 0 || at + 2 > end) return null;
  const tag = u8(bytes, at);
  const short = u8(bytes, at + 1);
  if (short < 0x80) return { tag, start: at + 2, end: Math.min(end, at + 2 + short) };
  const count = short & 0x7f;
  if (count === 0 || count > 4 || at + 2 + count > end) return null;
  let length = 0;
  for (let index = 0; index < count; index++) length = length * 256 + u8(bytes, at + 2 + index);
  const start = at + 2 + count;
  return { tag, start, end: Math.min(end, start + length) };
}

/** Whole numbers up to six bytes; null otherwise. */
export function integerOf(bytes: Uint8Array, tlv: Tlv): number | null {
  const length = tlv.end - tlv.start;
  if (length < 1 || length > 6) return null;
  let value = 0;
  for (let at = tlv.start; at < tlv.end; at++) value = value * 256 + u8(bytes, at);
  return value;
}

const MAX_ARCS = 32;

/** X.690 section 8.19, as `1.3.6.1`. Null where it is broken. */
export function objectIdOf(bytes: Uint8Array, tlv: Tlv): string | null {
  const arcs: number[] = [];
  let value = 0;
  for (let at = tlv.start; at < tlv.end; at++) {
    const byte = u8(bytes, at);
    value = value * 128 + (byte & 0x7f);
    if (value > 0xffffffff || arcs.length > MAX_ARCS) return null;
    if ((byte & 0x80) !== 0) continue;
    if (arcs.length === 0) {
      const root = Math.min(2, Math.floor(value / 40));
      arcs.push(root, value - root * 40);
    } else arcs.push(value);
    value = 0;
  }
  return arcs.length === 0 ? null : arcs.join('.');
}
