/**
 * Addresses and networks as values: family, canonical text (RFC 5952 for IPv6) and bytes. Pure. Everything past the
 * policy and configuration parsers holds these, so no one parses an address a second time.
 */
import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  /** Canonical: dotted quad, or RFC 5952. */
  readonly text: string;
}

export interface Network {
  readonly family: Family;
  /** Canonical `address/prefix`, host bits zero. */
  readonly text: string;
  readonly prefixLength: number;
}

const DOTTED_QUAD = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * An address in canonical form, or null. Zone indices, octal and short IPv4 forms are refused: what a person reads must
 * be what the kernel matches. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is refused too: on the wire it is IPv4.
 */
export function parseAddress(text: string): Address | null {
  if (DOTTED_QUAD.test(text)) {
    if (text.split('.').some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith('0'))))
      return null;
    return { family: 4, text };
  }
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  const parsed = ipaddr.IPv6.parse(text);
  if (parsed.isIPv4MappedAddress()) return null;
  return { family: 6, text: parsed.toRFC5952String() };
}

export type NetworkResult =
  { readonly ok: true; readonly network: Network } | { readonly ok: false; readonly problem: string };

/** A network in `address/prefix` form. Set host bits are a problem, not silently cleared: one of the two was a slip. */
export function parseNetwork(text: string): NetworkResult {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match?.[1] === undefined ? null : parseAddress(match[1]);
  if (!match || !address)
    return { ok: false, problem: `"${text}" is not a network: write it like 10.20.0.0/16 or 2001:db8::/32` };
  const prefixLength = Number(match[2]);
  const bits = address.family === 4 ? 32 : 128;
  if (prefixLength > bits) return { ok: false, problem: `the prefix /${prefixLength} is above /${bits}` };
  const bytes = addressBytes(address);
  const cleared = bytes.map((byte, index) => byte & prefixByte(prefixLength, index));
  if (bytes.some((byte, index) => byte !== cleared[index])) {
    return {
      ok: false,
      problem: `"${text}" has host bits set: write ${addressFromBytes(cleared).text}/${prefixLength}, or the address alone under "address"`,
    };
  }
  return {
    ok: true,
    network: { family: address.family, text: `${address.text}/${prefixLength}`, prefixLength },
  };
}

/** Network byte order: 4 or 16 bytes. */
export function addressBytes(address: Address): Uint8Array {
  return Uint8Array.from(ipaddr.parse(address.text).toByteArray());
}

/** The address of 4 or 16 bytes in network byte order. */
export function addressFromBytes(bytes: Uint8Array): Address {
  const parsed = ipaddr.fromByteArray([...bytes]);
  return parsed instanceof ipaddr.IPv6
    ? { family: 6, text: parsed.toRFC5952String() }
    : { family: 4, text: parsed.toString() };
}

export function isInNetwork(address: Address, network: Network): boolean {
  if (address.family !== network.family) return false;
  const bytes = addressBytes(address);
  const base = networkBase(network);
  return bytes.every((byte, index) => (byte & prefixByte(network.prefixLength, index)) === base[index]);
}

/** The first address of a network, as bytes. */
export function networkBase(network: Network): Uint8Array {
  return Uint8Array.from(ipaddr.parse(network.text.slice(0, network.text.indexOf('/'))).toByteArray());
}

function prefixByte(prefixLength: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
  return (0xff << (8 - bits)) & 0xff;
}
