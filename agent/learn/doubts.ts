/**
 * Why a person should look twice at a proposed entry. The weights only order the list; they are a judgement: first what was never answered or came
 * from outside, then what was hardly seen, then what was widened. Pure; called by propose.ts.
 */
import type { Finding } from '../messages/vocabulary.js';
import type { Doubt, Evidence, ProposedEntry } from './proposal.js';
import { isAdministrative } from './service-words.js';

const DAY_MS = 86_400_000;
/** Not seen for this long of a longer time: it may be over. */
const STALE_MS = 14 * DAY_MS;

export interface Doubtful {
  readonly entry: ProposedEntry;
  readonly evidence: Evidence;
  readonly isRange: boolean;
  readonly isUnanswered: boolean;
  readonly isPartlyMidstream: boolean;
  /** Of the peers: outside the site, and inside. */
  readonly outside: readonly string[];
  readonly inside: readonly string[];
  /** About one of these peers, and not about these connections: those were left out. */
  readonly findings: readonly Finding[];
  /** `tcp/104`. */
  readonly service: string;
  readonly watchedMs: number;
  readonly nowMs: number;
}

/** The weightiest first. */
export function doubtsOf(one: Doubtful): readonly Doubt[] {
  const { entry, evidence, outside } = one;
  const { peer, direction } = entry;
  const doubts: Doubt[] = [];
  const add = (isSo: boolean, weight: number, text: string): void => {
    if (isSo) doubts.push({ weight, text });
  };
  add(one.isUnanswered, 60, 'nobody ever answered');
  add(direction === 'in' && outside.length > 0, 50, 'opened to the device from outside the site');
  add(evidence.count === 1, 40, 'seen once only');
  add(one.findings.length > 0, 40, `a finding is about this peer: ${one.findings[0]?.title ?? ''}`);
  add(one.isRange, 35, `a range of ports, from ${evidence.ports.length} that were seen`);
  add(
    direction === 'out' && outside.length > 0 && 'address' in peer,
    30,
    'outside the site, and the device looked up no name for it',
  );
  add('network' in peer, 25, `a network, from ${evidence.peers.length} hosts that were seen`);
  add(direction === 'in' && isAdministrative(one.service), 20, 'whoever may open this commands the device');
  add(
    evidence.count > 1 && evidence.days <= 1 && one.watchedMs > 2 * DAY_MS,
    15,
    `seen on one day of ${Math.floor(one.watchedMs / DAY_MS)} only`,
  );
  add(
    one.watchedMs > STALE_MS && one.nowMs - evidence.lastMs > STALE_MS,
    15,
    `not seen for ${Math.floor((one.nowMs - evidence.lastMs) / DAY_MS)} days`,
  );
  add(isGroupPeer(peer), 10, 'a group address: whoever listens on the segment gets it');
  add(
    'name' in peer && evidence.names.length > 1,
    10,
    `the same addresses were looked up as ${evidence.names.join(', ')}`,
  );
  add('name' in peer && one.inside.length > 0, 8, 'a name of a host inside: it goes under site.domains, too');
  add('name' in peer && entry.protocol.startsWith('icmp'), 6, 'all of ICMP: a type cannot go with a name');
  add(one.isPartlyMidstream, 5, 'some were open before the box watched');
  return doubts.sort((a, b) => b.weight - a.weight);
}

function isGroupPeer(peer: ProposedEntry['peer']): boolean {
  return 'address' in peer && (/^(22[4-9]|23\d)\./.test(peer.address) || peer.address.startsWith('ff'));
}
