/** Whether an address is of somebody's own network by its kind alone: RFC 1918, RFC 3927, RFC 4193, RFC 4291 section 2.5.6. Pure. */
import type { AddressTable } from './address-table.js';

export function isInside(addresses: AddressTable, ticket: number): boolean {
  const word = addresses.word(ticket, 0);
  if (addresses.family(ticket) === 6) return word >>> 25 === 0xfc >>> 1 || word >>> 22 === 0x3fa;
  return word >>> 24 === 10 || word >>> 20 === 0xac1 || word >>> 16 === 0xc0a8 || word >>> 16 === 0xa9fe;
}
