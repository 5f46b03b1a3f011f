/** Addresses that are no host's own (RFC 6890), in words for a problem. Called by check-policy.ts. */
import { addressBytes, type Address } from './address.js';

/** What an address is instead of a host's, or null for one that a host may have. */
export function formatAddressKind(address: Address): string | null {
  const bytes = addressBytes(address);
  const first = bytes[0] ?? 0;
  if (bytes.every((byte) => byte === 0)) return 'the unspecified address';
  if (address.family === 4) {
    if (first === 0) return 'in "this network" (RFC 1122 section 3.2.1.3)';
    if (first === 127) return 'a loopback address';
    if (bytes.every((byte) => byte === 255)) return 'the broadcast address';
    if (first >= 224 && first <= 239) return 'a multicast address';
    return first >= 240 ? 'a reserved address' : null;
  }
  if (bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return 'a loopback address';
  return first === 0xff ? 'a multicast address' : null;
}
