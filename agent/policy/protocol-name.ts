/** IANA protocol numbers back to their names in a policy. Pure. */
import { PROTOCOL_NUMBERS } from './default-policy.js';

const NAMES = new Map<number, string>(
  Object.entries(PROTOCOL_NUMBERS).map(([name, number]) => [number, name]),
);

/** Null for a protocol that has no name there. */
export function protocolNameOf(protocol: number): string | null {
  return NAMES.get(protocol) ?? null;
}
