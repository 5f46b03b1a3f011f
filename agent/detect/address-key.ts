/** Addresses as numbers that mean the same after a restart, unlike tickets of an AddressTable. Pure. */
import { addressBytes, parseAddress } from '../policy/address.js';
import { NO_ADDRESS, type AddressTable } from './address-table.js';

/** fe80::/10 (RFC 4291 section 2.5.6), the first ten bits. */
const LINK_LOCAL = 0xfe80 >>> 6;

/** An exact number for IPv4; for IPv6 53 bits mixed from the 128, so that nothing is allocated per packet. */
export function addressKey(addresses: AddressTable, ticket: number): number {
  const w0 = addresses.word(ticket, 0);
  if (addresses.family(ticket) === 4) return w0;
  return mix(w0, addresses.word(ticket, 1), addresses.word(ticket, 2), addresses.word(ticket, 3));
}

export function addressKeyOfText(text: string): number | null {
  const words = wordsOf(text);
  if (words === null) return null;
  const [family, w0, w1, w2, w3] = words;
  return family === 4 ? w0 : mix(w0, w1, w2, w3);
}

/** The ticket of an address in text; NO_ADDRESS for what is none. Cold path. */
export function internText(addresses: AddressTable, text: string): number {
  const words = wordsOf(text);
  return words === null ? NO_ADDRESS : addresses.intern(...words);
}

/** The first bits of an address (IPv4: up to 32, IPv6: up to 64) as one number, apart from every whole address. */
export function prefixKey(addresses: AddressTable, ticket: number, bits: number): number {
  const w0 = addresses.word(ticket, 0);
  if (addresses.family(ticket) === 4) return (w0 >>> (32 - bits)) * 64 + bits;
  const high = bits >= 32 ? w0 : (w0 >>> (32 - bits)) << (32 - bits);
  const low = bits > 32 ? (addresses.word(ticket, 1) >>> (64 - bits)) << (64 - bits) : 0;
  return mix(high, low, bits, 1);
}

/** The /64 of an IPv6 address; NaN for IPv4, and on the link alone, where all have the same. */
export function subnetKey(addresses: AddressTable, ticket: number): number {
  const isLocal = addresses.word(ticket, 0) >>> 22 === LINK_LOCAL;
  return addresses.family(ticket) !== 6 || isLocal ? Number.NaN : prefixKey(addresses, ticket, 64);
}

/** The same of an address in text. Cold path. */
export function subnetKeyOfText(text: string): number {
  const words = wordsOf(text);
  if (words?.[0] !== 6 || words[1] >>> 22 === LINK_LOCAL) return Number.NaN;
  return mix(words[1], words[2], 64, 1);
}

function wordsOf(text: string): [number, number, number, number, number] | null {
  const address = parseAddress(text);
  if (!address) return null;
  const bytes = addressBytes(address);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (address.family === 4) return [4, view.getUint32(0), 0, 0, 0];
  return [6, view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}

/** Above 2^38, so that it meets neither an IPv4 address nor one of its prefixes. */
function mix(w0: number, w1: number, w2: number, w3: number): number {
  let high = Math.imul(w0 ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(w1, 0xc2b2ae35);
  let low = Math.imul(w2 ^ (high >>> 7), 0x27d4eb2f) ^ Math.imul(w3 ^ 0x165667b1, 0x9e3779b1);
  high = Math.imul(high ^ (high >>> 15) ^ low, 0x2c1b3c6d);
  low = Math.imul(low ^ (low >>> 13) ^ w3, 0x297a2d39) ^ w1;
  return ((high >>> 12) + 64) * 0x1_0000_0000 + (low >>> 0);
}
