/** The network of an address: how long its prefix is, and in text. Pure. */
import { formatAddress } from '../packet/format.js';
import type { AddressTable } from './address-table.js';

/** Inside a site a subnet; outside about what registries give to one operator. Allocates nothing. */
export function networkBits(family: number, isInside: boolean): number {
  if (family === 4) return isInside ? 24 : 16;
  return isInside ? 64 : 32;
}

/** Cold path. `10.20.0.0/24`, `2001:db8::/64`; null for an address that is not kept any more. `bits`: IPv4 1 to 32, IPv6 1 to 64. */
export function networkText(addresses: AddressTable, ticket: number, bits: number): string | null {
  const family = addresses.family(ticket);
  const w0 = addresses.word(ticket, 0);
  if (family === 4) return `${formatAddress(4, mask(w0, bits), 0, 0, 0)}/${bits}`;
  if (family !== 6) return null;
  const w1 = addresses.word(ticket, 1);
  return `${formatAddress(6, mask(w0, Math.min(bits, 32)), mask(w1, bits - 32), 0, 0)}/${bits}`;
}

function mask(word: number, bits: number): number {
  return bits <= 0 ? 0 : ((word >>> (32 - bits)) << (32 - bits)) >>> 0;
}
