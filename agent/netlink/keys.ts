/**
 * Keys of nf_tables set elements as the kernel compares them: each part of a concatenation is padded with zeros to a
 * multiple of four bytes (a 32-bit register). Called by whoever changes set elements; must match the set's `type`.
 */

/** `mark`: host order, unlike everything that comes out of a packet. Little-endian here, see native.ts. */
export function markKey(mark: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, mark >>> 0, true);
  return bytes;
}

/**
 * `mark` in a set with `flags interval`: network order, because the kernel compares ranges byte by byte. `nft` puts the
 * conversion into the rules that look such a set up.
 */
export function intervalMarkKey(mark: number): Uint8Array {
  return markKey(mark).reverse();
}

/** `ipv4_addr`, `ipv6_addr` (4 or 16 bytes) and `ether_addr` (6), network order: copied as they are. */
export function addressKey(address: Uint8Array): Uint8Array {
  if (address.length !== 4 && address.length !== 6 && address.length !== 16)
    throw new RangeError(`an address of ${address.length} bytes`);
  return Uint8Array.from(address);
}

/** `inet_proto`: the IANA number, one byte. */
export function protocolKey(protocol: number): Uint8Array {
  return Uint8Array.of(checked(protocol, 0xff));
}

/** `inet_service`: a port, network order, two bytes. */
export function portKey(port: number): Uint8Array {
  const value = checked(port, 0xffff);
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** A concatenation, in the order of the set's `type`. One part alone stays as it is: only concatenations are padded. */
export function concatKey(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return Uint8Array.from(only);
  const key = new Uint8Array(parts.reduce((sum, part) => sum + paddedBytes(part.length), 0));
  let offset = 0;
  for (const part of parts) {
    key.set(part, offset);
    offset += paddedBytes(part.length);
  }
  return key;
}

/** The parts of a concatenated key again, given the length of each part in bytes. Null when they do not fill it. */
export function splitKey(key: Uint8Array, lengths: readonly number[]): Uint8Array[] | null {
  const padded = lengths.length === 1 ? lengths : lengths.map(paddedBytes);
  if (padded.reduce((sum, length) => sum + length, 0) !== key.length) return null;
  let offset = 0;
  return lengths.map((length, index) => {
    const part = key.slice(offset, offset + length);
    offset += padded[index] ?? 0;
    return part;
  });
}

function paddedBytes(length: number): number {
  return (length + 3) & ~3;
}

function checked(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${value} is not in 0..${max}`);
  return value;
}
