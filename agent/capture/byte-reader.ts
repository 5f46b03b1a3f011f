/** Unsigned integers in either byte order, for file formats that leave it to the writer. The caller has checked the length. */

export function readU16(bytes: Uint8Array, at: number, isBigEndian: boolean): number {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  return isBigEndian ? (first << 8) | second : (second << 8) | first;
}

export function readU32(bytes: Uint8Array, at: number, isBigEndian: boolean): number {
  const low = readU16(bytes, isBigEndian ? at + 2 : at, isBigEndian);
  const high = readU16(bytes, isBigEndian ? at : at + 2, isBigEndian);
  return high * 0x10000 + low;
}
