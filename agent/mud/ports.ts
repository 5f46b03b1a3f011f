/** Ports as sorted, disjoint, inclusive ranges. Pure arithmetic for read-ace.ts and pair-aces.ts. */
import type { PortRange } from '../policy/schema.js';

/** Sorted, disjoint, not adjacent; empty matches nothing. */
export type PortSet = readonly PortRange[];

/** Port 0 is reserved (RFC 6335 section 6) and on no packet that a policy speaks of. */
export const LOWEST_PORT = 1;
export const HIGHEST_PORT = 65535;
export const EVERY_PORT: PortSet = [{ low: LOWEST_PORT, high: HIGHEST_PORT }];

/** From bounds in any order and number, cut to 1 to 65535. */
export function portSet(ranges: readonly PortRange[]): PortSet {
  const sorted = ranges
    .map(({ low, high }) => ({ low: Math.max(low, LOWEST_PORT), high: Math.min(high, HIGHEST_PORT) }))
    .filter(({ low, high }) => low <= high)
    .sort((a, b) => a.low - b.low);
  const joined: { low: number; high: number }[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last && range.low <= last.high + 1) last.high = Math.max(last.high, range.high);
    else joined.push({ ...range });
  }
  return joined;
}

export function intersectPorts(a: PortSet, b: PortSet): PortSet {
  if (a === EVERY_PORT) return b;
  if (b === EVERY_PORT) return a;
  return portSet(
    a.flatMap((one) =>
      b.map((other) => ({ low: Math.max(one.low, other.low), high: Math.min(one.high, other.high) })),
    ),
  );
}

export function isEveryPort(set: PortSet): boolean {
  return set.length === 1 && set[0]?.low === LOWEST_PORT && set[0].high === HIGHEST_PORT;
}

export function isPortSubset(part: PortSet, whole: PortSet): boolean {
  return part.every(({ low, high }) => whole.some((range) => range.low <= low && high <= range.high));
}
