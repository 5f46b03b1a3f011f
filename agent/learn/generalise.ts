/**
 * From single connections to entries, no further than they carry: a network only where several of its hosts were seen, a range of ports only where
 * many high ones were, each seldom. What is widened says so. Pure; called by propose.ts.
 */
import { addressBytes, addressFromBytes, parseAddress, type Address } from '../policy/address.js';
import type { Habit } from './habit.js';

/** Hosts of one network, on the same service, that make an entry for the network. */
export const MIN_HOSTS = 4;
/** No wider than what one segment has. */
const WIDEST = { 4: 24, 6: 64 } as const;
/** IPv4: at least one in so many addresses of the network was seen. */
const MAX_HOSTS_FOR_ONE_SEEN = 16;
/** Different high ports of one peer that make a range. */
export const MIN_PORTS = 5;
/** A port that is used again and again is a service of its own. */
const MAX_USES_OF_A_PASSING_PORT = 2;
/** Ports that clients and passive FTP servers take by turns: IANA (RFC 6335 section 6), Linux (ip_local_port_range), anything above the system's. */
const PASSING_PORTS = [
  { low: 49_152, high: 65_535 },
  { low: 32_768, high: 60_999 },
  { low: 1_024, high: 65_535 },
] as const;

export interface PortGroup {
  /** `104`, or `49152-65535`. */
  readonly ports: string;
  readonly isRange: boolean;
  readonly habits: readonly Habit[];
}

/** Habits of one peer, direction and protocol, by port; many passing ports become one range. */
export function groupByPort(habits: readonly Habit[]): readonly PortGroup[] {
  const single = (own: readonly Habit[]): PortGroup[] => {
    const byPort = new Map<number, Habit[]>();
    for (const one of own) byPort.set(one.port ?? 0, [...(byPort.get(one.port ?? 0) ?? []), one]);
    return [...byPort].map(([port, some]) => ({ ports: String(port), isRange: false, habits: some }));
  };
  const passing = habits.filter(
    ({ port, count }) => (port ?? 0) >= 1_024 && count <= MAX_USES_OF_A_PASSING_PORT,
  );
  const ports = new Set(passing.map(({ port }) => port ?? 0));
  if (ports.size < MIN_PORTS) return single(habits);
  const range = PASSING_PORTS.find(({ low, high }) =>
    [...ports].every((port) => port >= low && port <= high),
  );
  if (range === undefined) return single(habits);
  const covered = habits.filter(({ port }) => (port ?? 0) >= range.low && (port ?? 0) <= range.high);
  const others = habits.filter((one) => !covered.includes(one));
  return [...single(others), { ports: `${range.low}-${range.high}`, isRange: true, habits: covered }];
}

export interface NetworkGroup {
  /** `10.77.0.0/26`. */
  readonly network: string;
  readonly peers: readonly string[];
}

/**
 * Networks that several of `peers` are in: each the narrowest that holds all the ones seen of a segment. Peers of no network are not in any of the
 * groups.
 */
export function networksOf(peers: readonly string[]): readonly NetworkGroup[] {
  const segments = new Map<string, Address[]>();
  for (const text of peers) {
    const address = parseAddress(text);
    if (address === null) continue;
    const segment = baseText(addressBytes(address), WIDEST[address.family]);
    segments.set(segment, [...(segments.get(segment) ?? []), address]);
  }
  return [...segments.values()].flatMap((addresses) => {
    const [first] = addresses;
    if (first === undefined || addresses.length < MIN_HOSTS) return [];
    const bytes = addresses.map((address) => addressBytes(address));
    const prefix = commonPrefix(bytes);
    const isDense = first.family === 6 || 2 ** (32 - prefix) <= addresses.length * MAX_HOSTS_FOR_ONE_SEEN;
    if (!isDense) return [];
    const network = `${baseText(addressBytes(first), prefix)}/${prefix}`;
    return [{ network, peers: addresses.map(({ text }) => text) }];
  });
}

function commonPrefix(all: readonly Uint8Array[]): number {
  const [first = new Uint8Array(0)] = all;
  let prefix = first.length * 8;
  for (const bytes of all)
    for (let bit = 0; bit < prefix; bit++)
      if (bitOf(bytes, bit) !== bitOf(first, bit)) {
        prefix = bit;
        break;
      }
  return prefix;
}

function bitOf(bytes: Uint8Array, bit: number): number {
  return ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
}

function baseText(bytes: Uint8Array, prefix: number): string {
  const base = bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    return byte & ((0xff << (8 - bits)) & 0xff);
  });
  return addressFromBytes(base).text;
}
