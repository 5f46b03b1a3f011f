/** One connection out of a flow log, as zeek-conn.ts and binetflow.ts give it. Pure. */
import type { Address } from '../policy/address.js';

export interface FlowRecord {
  readonly startMs: number;
  readonly durationMs: number;
  readonly source: Address;
  readonly destination: Address;
  /** IANA number. */
  readonly protocol: number;
  /** ICMP: type and code. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number;
  /** An OUTCOME_ of detect/event.ts. */
  readonly outcome: number;
  readonly sourceBytes: number;
  readonly destinationBytes: number;
  readonly sourcePackets: number;
  readonly destinationPackets: number;
  /** What somebody who knows says of it; empty where nobody does. */
  readonly label: string;
}

/** Null for a line that is no connection between two hosts (a comment, ARP, a management record). */
export type FlowLineReader = (line: string) => FlowRecord | null;

export const FLOW_PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['igmp', 2],
  ['tcp', 6],
  ['udp', 17],
  ['gre', 47],
  ['esp', 50],
  ['icmp6', 58],
  ['ipv6-icmp', 58],
  ['sctp', 132],
]);

/** A count or a port; 0 for what is none. */
export function countOf(value: unknown): number {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number > 0 ? number : 0;
}
