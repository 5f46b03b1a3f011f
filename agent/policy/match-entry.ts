/**
 * Which allow entry of a device covers a connection. Pure. Asked by explain.ts, and by the enforcer after a change of
 * policy or a containment order, to choose the live connections to end. It speaks of one device's list; both ends of a
 * connection between two guarded devices are asked for separately.
 */
import { PROTOCOL_NUMBERS } from './default-policy.js';
import {
  NOTHING_NAMED,
  resolvePeer,
  ownValue,
  type LearnedAddresses,
  type NamedAddresses,
} from './resolve-peers.js';
import { addressBytes, networkBase } from './address.js';
import type { AllowEntry, Policy, PortRange } from './schema.js';

export interface Connection {
  readonly opened: boolean;
  readonly protocol: number;
  /** Address of the other end, network order, 4 or 16 bytes. */
  readonly peer: Uint8Array;
  /** Destination port of the connection's first packet; ignored where the protocol has none. */
  readonly port: number;
  /** Source port of it; of ICMP `type * 256 + code`. Null: not known, and then not among those an entry lists. */
  readonly source: number | null;
}

/** Index of the entry that permits it, or null. `essentialOnly`: as for a contained device. */
export type EntryMatcher = (device: string, connection: Connection, essentialOnly: boolean) => number | null;

interface Matcher {
  readonly index: number;
  readonly opened: boolean;
  readonly essential: boolean;
  readonly protocol: number | null;
  readonly ports: AllowEntry['ports'];
  readonly sources: AllowEntry['sourcePorts'];
  readonly addressBytes: 4 | 16 | null;
  readonly peers: readonly { readonly bytes: Uint8Array; readonly prefixLength: number }[] | 'any';
}

/** Entries are taken apart once per device, when first asked about. */
export function createEntryMatcher(
  policy: Policy,
  learned: LearnedAddresses,
  named: NamedAddresses = NOTHING_NAMED,
): EntryMatcher {
  const byDevice = new Map<string, readonly Matcher[]>();
  return (device, connection, essentialOnly) => {
    let matchers = byDevice.get(device);
    if (!matchers) byDevice.set(device, (matchers = matchersOf(policy, device, learned, named)));
    const found = matchers.find(
      (matcher) => (!essentialOnly || matcher.essential) && matches(matcher, connection),
    );
    return found?.index ?? null;
  };
}

function matchersOf(
  policy: Policy,
  device: string,
  learned: LearnedAddresses,
  named: NamedAddresses,
): readonly Matcher[] {
  return (ownValue(policy.devices, device)?.allow ?? []).map((entry, index) => {
    const peers = resolvePeer(policy, entry.peer, learned, (name) => named(device, name));
    return {
      index,
      opened: entry.direction === 'out',
      essential: entry.essential,
      protocol: entry.protocol === 'any' ? null : PROTOCOL_NUMBERS[entry.protocol],
      ports: entry.ports,
      sources: entry.sourcePorts ?? entry.icmpTypes,
      addressBytes: entry.family === undefined ? null : entry.family === 'ipv4' ? 4 : 16,
      peers:
        peers === 'any'
          ? 'any'
          : peers.map((peer) =>
              'address' in peer
                ? { bytes: addressBytes(peer.address), prefixLength: peer.address.family === 4 ? 32 : 128 }
                : { bytes: networkBase(peer.network), prefixLength: peer.network.prefixLength },
            ),
    };
  });
}

function matches(matcher: Matcher, connection: Connection): boolean {
  if (matcher.opened !== connection.opened) return false;
  if (matcher.protocol !== null && matcher.protocol !== connection.protocol) return false;
  if (matcher.ports && !isAmong(matcher.ports, connection.port)) return false;
  if (matcher.sources && !(connection.source !== null && isAmong(matcher.sources, connection.source)))
    return false;
  if (matcher.addressBytes !== null && matcher.addressBytes !== connection.peer.length) return false;
  if (matcher.protocol === PROTOCOL_NUMBERS.icmp && connection.peer.length !== 4) return false;
  if (matcher.protocol === PROTOCOL_NUMBERS.icmpv6 && connection.peer.length !== 16) return false;
  return (
    matcher.peers === 'any' ||
    matcher.peers.some(({ bytes, prefixLength }) => sharesPrefix(bytes, connection.peer, prefixLength))
  );
}

function isAmong(ranges: readonly PortRange[], value: number): boolean {
  return ranges.some(({ low, high }) => value >= low && value <= high);
}

function sharesPrefix(a: Uint8Array, b: Uint8Array, prefixLength: number): boolean {
  if (a.length !== b.length) return false;
  const whole = prefixLength >> 3;
  for (let index = 0; index < whole; index += 1) if (a[index] !== b[index]) return false;
  const rest = prefixLength & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((a[whole] ?? 0) & mask) === ((b[whole] ?? 0) & mask);
}
