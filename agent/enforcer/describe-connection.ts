/** A live connection of the kernel's table as a person is told of it, seen from the device. Pure. */
import type { LiveConnection } from '../messages/enforcer-messages.js';
import type { ConntrackEntry } from '../netlink/conntrack-codec.js';
import { addressFromBytes } from '../policy/address.js';

const ICMP_PROTOCOLS: ReadonlySet<number> = new Set([1, 58]);

/** `device`: null for one that the policy does not name. */
export function describeConnection(
  entry: ConntrackEntry,
  device: string | null,
  direction: 'out' | 'in',
): LiveConnection {
  const { source, destination, destinationPort, icmpType, icmpCode } = entry.original;
  return {
    device,
    direction,
    peer: addressFromBytes(direction === 'out' ? destination : source).text,
    protocol: entry.protocol,
    port: ICMP_PROTOCOLS.has(entry.protocol) ? icmpType * 256 + icmpCode : destinationPort,
    bytes: entry.counters === null ? null : entry.counters.bytesOut + entry.counters.bytesIn,
  };
}
