/**
 * Reads for the decoders, big-endian where the name says nothing. The caller has checked that the bytes are there: `noUncheckedIndexedAccess`
 * makes an index undefined in the type only, and `?? 0` costs nothing once compiled. Those of Buffer check their arguments anew each time.
 */

export function u8(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

export function u16(bytes: Uint8Array, at: number): number {
  return (u8(bytes, at) << 8) | u8(bytes, at + 1);
}

/** Little-endian, as netlink headers, SMB and EtherNet/IP have it. */
export function le16(bytes: Uint8Array, at: number): number {
  return u8(bytes, at) | (u8(bytes, at + 1) << 8);
}

export function u24(bytes: Uint8Array, at: number): number {
  return (u8(bytes, at) << 16) | (u8(bytes, at + 1) << 8) | u8(bytes, at + 2);
}

/**
 * Four bytes as a signed 32-bit integer; the caller writes `>>> 0` where it stores. A call that is not inlined then returns a
 * small integer, where an unsigned result above 2^31 would be boxed: 16 bytes of garbage per address.
 */
export function s32(bytes: Uint8Array, at: number): number {
  return (u8(bytes, at) << 24) | (u8(bytes, at + 1) << 16) | (u8(bytes, at + 2) << 8) | u8(bytes, at + 3);
}

export function u32(bytes: Uint8Array, at: number): number {
  return s32(bytes, at) >>> 0;
}

export function le32(bytes: Uint8Array, at: number): number {
  return (le16(bytes, at) | (le16(bytes, at + 2) << 16)) >>> 0;
}
