/** Unsigned integers in either byte order, for file formats that leave it to the writer. The caller has checked the length. */
import { le16, le32, u16, u32 } from '../packet/read.js';

export function readU16(bytes: Uint8Array, at: number, isBigEndian: boolean): number {
  return isBigEndian ? u16(bytes, at) : le16(bytes, at);
}

export function readU32(bytes: Uint8Array, at: number, isBigEndian: boolean): number {
  return isBigEndian ? u32(bytes, at) : le32(bytes, at);
}
