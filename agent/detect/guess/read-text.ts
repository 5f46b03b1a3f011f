/** Words in what an end of a connection says first: in either case, at a place. Read by the files beside. Pure, allocates nothing. */
import { byteAt, type DetectEvent } from '../event.js';
import { hashBytes } from '../slot-table.js';

const LOWER_CASE = 0x20;
/** A segment is copied to 1,024 bytes with its headers (policy/default-policy.ts): what is read beyond would not be the same live. */
export const MOST_READ_BYTES = 900;

export const SPACE = 0x20;
export const CARRIAGE_RETURN = 0x0d;
export const LINE_FEED = 0x0a;

/** Of a word in small letters. */
export function codes(text: string): readonly number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}

/** `word` in small letters; nothing but letters differ by the case. */
export function isWord(event: DetectEvent, from: number, word: readonly number[]): boolean {
  for (let index = 0; index < word.length; index++)
    if ((byteAt(event, from + index) | LOWER_CASE) !== word[index]) return false;
  return true;
}

/** The first place from `from` on where a byte stands; the end of what is read where there is none. */
export function placeOf(event: DetectEvent, byte: number, from: number): number {
  const end = Math.min(event.payloadLength, MOST_READ_BYTES);
  let at = from;
  while (at < end && byteAt(event, at) !== byte) at++;
  return at;
}

/** Of bytes `from` to `to` of what is carried; never 0. */
export function hashOf(event: DetectEvent, from: number, to: number): number {
  const start = event.payloadOffset;
  return hashBytes(event.bytes, start + from, start + Math.min(to, event.payloadLength)) || 1;
}
