/**
 * Reading netlink attributes (struct nlattr: u16 length, u16 type, payload, padded to 4) in place, without copies and
 * without ever throwing: what does not fit sets `malformed`, which the decoders count. One cursor per nesting level is
 * made once and reset for each message, so that reading a packet allocates nothing.
 */

import { le16, le32, u16, u32 } from '../packet/read.js';

export const ATTRIBUTE_HEADER_BYTES = 4;
/** NLA_F_NESTED | NLA_F_NET_BYTEORDER are flags in the type. */
const TYPE_MASK = 0x3fff;

export class AttributeCursor {
  type = 0;
  /** Payload of the current attribute: always inside the buffer. */
  offset = 0;
  length = 0;
  /** Set once something did not fit; stays set until the next reset. */
  malformed = false;
  #buffer: Buffer = Buffer.alloc(0);
  #next = 0;
  #end = 0;

  reset(buffer: Buffer, start: number, end: number): void {
    this.#buffer = buffer;
    this.#end = Math.min(end, buffer.length);
    this.#next = start;
    this.type = 0;
    this.offset = 0;
    this.length = 0;
    this.malformed = start < 0 || start > this.#end;
    if (this.malformed) this.#next = this.#end = 0;
  }

  /** Reads the attributes inside the current attribute of `parent`. */
  enter(parent: AttributeCursor): void {
    this.reset(parent.#buffer, parent.offset, parent.offset + parent.length);
  }

  /** Steps to the next attribute; false at the end or when the rest is not an attribute (then `malformed`). */
  next(): boolean {
    const at = this.#next;
    const left = this.#end - at;
    if (left < ATTRIBUTE_HEADER_BYTES) {
      // Up to three bytes of padding may follow the last attribute; anything that is not zero is not padding.
      for (let index = at; index < this.#end; index++) if (this.#buffer[index] !== 0) this.malformed = true;
      return false;
    }
    const length = le16(this.#buffer, at);
    if (length < ATTRIBUTE_HEADER_BYTES || length > left) {
      this.malformed = true;
      return false;
    }
    this.type = le16(this.#buffer, at + 2) & TYPE_MASK;
    this.offset = at + ATTRIBUTE_HEADER_BYTES;
    this.length = length - ATTRIBUTE_HEADER_BYTES;
    this.#next = Math.min(at + ((length + 3) & ~3), this.#end);
    return true;
  }

  u8(): number {
    return this.#has(1) ? (this.#buffer[this.offset] ?? 0) : 0;
  }
  u16be(): number {
    return this.#has(2) ? u16(this.#buffer, this.offset) : 0;
  }
  u32be(): number {
    return this.#has(4) ? u32(this.#buffer, this.offset) : 0;
  }
  u32le(): number {
    return this.#has(4) ? le32(this.#buffer, this.offset) : 0;
  }
  /** As a double: exact up to 2^53, which is 285 years of microseconds and 9 petabytes. */
  u64be(at = 0): number {
    if (!this.#has(at + 8)) return 0;
    return u32(this.#buffer, this.offset + at) * 0x1_0000_0000 + u32(this.#buffer, this.offset + at + 4);
  }
  /** A NUL-terminated string; bytes after the first NUL are not part of it. Allocates: not for the hot path. */
  text(): string {
    const bytes = this.#buffer.subarray(this.offset, this.offset + this.length);
    const nul = bytes.indexOf(0);
    return bytes.toString('utf8', 0, nul < 0 ? bytes.length : nul);
  }
  /** A copy that outlives the buffer. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#buffer.subarray(this.offset, this.offset + this.length));
  }

  #has(bytes: number): boolean {
    if (this.length >= bytes) return true;
    this.malformed = true;
    return false;
  }
}
