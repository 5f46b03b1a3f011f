/**
 * Whether an accepting entry can be refused in part by one before it: the first entry that matches decides (RFC 8519 section 4.1).
 * Allow-lists have no exceptions, so such an entry is not used at all. What cannot be told apart counts as the same. Pure.
 */
import { isInNetwork, parseAddress, type Network } from '../policy/address.js';
import type { Ace, AceMatch, PeerMatch } from './mud-file.js';
import { intersectPorts } from './ports.js';

/** True only if nothing that `ace` matches can match `earlier`, which refuses. */
export function maySurviveRefusals(ace: Ace, earlier: Ace | 'unreadable'): boolean {
  if (earlier === 'unreadable') return false;
  return ace.matches.every((match) => earlier.matches.every((other) => areDisjoint(match, other)));
}

function areDisjoint(a: AceMatch, b: AceMatch): boolean {
  if (a.family !== b.family) return true;
  if (a.protocol !== null && b.protocol !== null && a.protocol !== b.protocol) return true;
  if (a.initiator !== null && b.initiator !== null && a.initiator !== b.initiator) return true;
  if (a.icmp && b.icmp && a.icmp.type !== null && b.icmp.type !== null && a.icmp.type !== b.icmp.type)
    return true;
  if (a.protocol !== null && b.protocol !== null) {
    if (intersectPorts(a.devicePorts, b.devicePorts).length === 0) return true;
    if (intersectPorts(a.peerPorts, b.peerPorts).length === 0) return true;
  }
  return areDisjointPeers(a.peer, b.peer);
}

/** Names and classes may stand for any address; two networks can be compared. */
function areDisjointPeers(a: PeerMatch, b: PeerMatch): boolean {
  return a.network !== null && b.network !== null && intersectNetworks(a.network, b.network) === null;
}

/** The smaller of two networks where one holds the other, else null: prefixes never overlap in part. */
export function intersectNetworks(a: Network, b: Network): Network | null {
  const [wide, narrow] = a.prefixLength <= b.prefixLength ? [a, b] : [b, a];
  const base = parseAddress(narrow.text.slice(0, narrow.text.indexOf('/')));
  return base && isInNetwork(base, wide) ? narrow : null;
}
