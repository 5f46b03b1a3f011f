/** Whether one allow entry covers one new connection, as the set elements made from it would. Called by explain.ts. */
import { isInNetwork, type Address } from './address.js';
import { PROTOCOL_NUMBERS } from './default-policy.js';
import { resolvePeer, type LearnedAddresses } from './resolve-peers.js';
import type { AllowEntry, Policy } from './schema.js';

/** By name, or an IANA protocol number. */
export type QueryProtocol = keyof typeof PROTOCOL_NUMBERS | number;

export interface Connection {
  /** IANA protocol number. */
  readonly protocol: number;
  readonly port: number | null;
}

export function protocolNumber(protocol: QueryProtocol): number {
  return typeof protocol === 'number' ? protocol : PROTOCOL_NUMBERS[protocol];
}

/** `peer` null: the address of the other end is not known; only the peer `any` covers it. */
export function entryMatches(
  policy: Policy,
  entry: AllowEntry,
  peer: Address | null,
  connection: Connection,
  learned: LearnedAddresses,
): boolean {
  if (entry.protocol !== 'any' && PROTOCOL_NUMBERS[entry.protocol] !== connection.protocol) return false;
  if (entry.protocol === 'icmp' && peer?.family === 6) return false;
  if (entry.protocol === 'icmpv6' && peer?.family === 4) return false;
  const { port } = connection;
  if (entry.ports && !entry.ports.some(({ low, high }) => port !== null && port >= low && port <= high))
    return false;
  const peers = resolvePeer(policy, entry.peer, learned);
  if (peers === 'any') return true;
  if (peer === null) return false;
  return peers.some((each) =>
    'address' in each ? each.address.text === peer.text : isInNetwork(peer, each.network),
  );
}
