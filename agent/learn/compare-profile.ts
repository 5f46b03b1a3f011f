/**
 * What was proposed for a device beside what its maker or others published for it (a MUD file, RFC 8520), entry by entry. For people who judge
 * learning: `make learning-report`. Decides nothing. Pure.
 */
import { conversationText } from '../mud/describe.js';
import type { Ace, AceMatch, PeerMatch } from '../mud/mud-file.js';
import type { Conversation, Pairing } from '../mud/pair-aces.js';
import type { PortSet } from '../mud/ports.js';
import { isInNetwork, parseAddress } from '../policy/address.js';
import type { PortRange } from '../policy/schema.js';
import { INFRASTRUCTURE, PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import type { Habit } from './habit.js';
import { serviceOf } from './proposal-yaml.js';
import type { Proposal, ProposalSet } from './proposal.js';

export interface ComparedRow {
  /** `out tcp 443 to name cloud.example`; null: nothing was proposed for it. */
  readonly proposed: string | null;
  /** The published entries, in words and by name; null: there is none. */
  readonly published: string | null;
  readonly verdict: 'match' | 'extra' | 'missing';
  readonly reason: string;
}

/** Matches first, then what was proposed beyond the profile, then what of it was not proposed. */
export function compareProfile(
  { proposals, leftOut }: ProposalSet,
  habits: readonly Habit[],
  { conversations, unused }: Pairing,
): readonly ComparedRow[] {
  const met = new Set<Proposal>();
  const rows: ComparedRow[] = [];
  for (const same of byMeaning(conversations)) {
    const [conversation] = same;
    if (conversation === undefined) continue;
    const published = publishedText(same);
    const found = proposals.filter((proposal) => same.some((one) => covers(one, proposal)));
    for (const proposal of found) {
      met.add(proposal);
      const reason = matchReason(conversation, proposal);
      rows.push({ proposed: serviceOf(proposal.entry), published, verdict: 'match', reason });
    }
    if (found.length > 0) continue;
    const suspects = leftOut.filter(({ habits: some }) =>
      some.some((one) => same.some((each) => isOf(each, one))),
    );
    const reason = missingReason(conversation, habits, suspects[0]?.text ?? null);
    rows.push({ proposed: null, published, verdict: 'missing', reason });
  }
  for (const proposal of proposals) {
    if (met.has(proposal)) continue;
    const { count, names } = proposal.evidence;
    const looked = names.length === 0 ? '' : `, looked up as ${names.join(', ')}`;
    const reason = `seen ${count === 1 ? 'once' : `${count} times`}${looked}; the profile has no such entry`;
    rows.push({ proposed: serviceOf(proposal.entry), published: null, verdict: 'extra', reason });
  }
  for (const [ace, why] of unused) {
    const reason = isInfrastructure(ace.matches.map(portsOf)) ? PASSES_ANYWAY : why;
    rows.push({ proposed: null, published: `${ace.name} (${ace.direction})`, verdict: 'missing', reason });
  }
  const order: readonly ComparedRow['verdict'][] = ['match', 'extra', 'missing'];
  return rows.sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
}

/** One row for both families. */
function byMeaning(conversations: readonly Conversation[]): readonly (readonly Conversation[])[] {
  const groups = new Map<string, Conversation[]>();
  for (const one of conversations) {
    const key = withoutFamily(one);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

function withoutFamily(one: Conversation): string {
  return conversationText(one).replace(/ \(IPv[46]\)$/, '');
}

function publishedText(same: readonly Conversation[]): string {
  const [first] = same;
  const aces = [...new Set(same.flatMap(({ from }) => from.map(aceText)))];
  return first === undefined ? '' : `${withoutFamily(first)} (${aces.join(', ')})`;
}

function aceText(ace: Ace): string {
  return ace.isDefault ? `${ace.acl} ${ace.name}` : ace.name;
}

function covers(conversation: Conversation, { entry, evidence }: Proposal): boolean {
  if (conversation.direction !== entry.direction) return false;
  const protocol = entry.protocol === 'any' ? null : PROTOCOL_NUMBERS[entry.protocol];
  if (conversation.protocol !== null && conversation.protocol !== protocol) return false;
  if (!evidence.ports.every((port) => isAmong(conversation.icmpTypes ?? conversation.ports, port)))
    return false;
  const name = 'name' in entry.peer ? entry.peer.name : null;
  return evidence.peers.some((peer) => isPeer(conversation.peer, peer, name === null ? [] : [name]));
}

function isOf(conversation: Conversation, one: Habit): boolean {
  return (
    conversation.direction === one.direction &&
    (conversation.protocol === null || conversation.protocol === one.protocol) &&
    isAmong(conversation.icmpTypes ?? conversation.ports, one.port ?? 0) &&
    isPeer(conversation.peer, one.peer, one.names)
  );
}

function isAmong(ports: readonly PortRange[] | null, port: number): boolean {
  return ports === null || ports.some(({ low, high }) => port >= low && port <= high);
}

/** A class is whom the site says it is: any host may be of it. */
function isPeer({ name, network }: PeerMatch, address: string, names: readonly string[]): boolean {
  if (name !== null && !names.includes(name)) return false;
  const parsed = parseAddress(address);
  return network === null || (parsed !== null && isInNetwork(parsed, network));
}

function matchReason({ peer }: Conversation, { entry, evidence }: Proposal): string {
  const seen = `seen ${evidence.count === 1 ? 'once' : `${evidence.count} times`}`;
  if (peer.classes.length > 0) return `${seen}; the profile leaves it to the site who that is`;
  if (peer.name !== null && 'name' in entry.peer) return seen;
  return `${seen}; the profile is wider`;
}

function missingReason(conversation: Conversation, habits: readonly Habit[], leftOut: string | null): string {
  if (leftOut !== null) return `seen, and left out: ${leftOut}`;
  if (isInfrastructure([conversation])) return PASSES_ANYWAY;
  const { name } = conversation.peer;
  const isMet = name !== null && habits.some(({ names }) => names.includes(name));
  return isMet ? 'the capture has this host on other services only' : 'not in the capture';
}

const PASSES_ANYWAY = 'passes without an entry (DHCP)';

interface Ports {
  readonly protocol: number | null;
  readonly ports: PortSet | null;
  readonly sourcePorts: PortSet | null;
}

function portsOf({ protocol, devicePorts, peerPorts }: AceMatch): Ports {
  return { protocol, ports: devicePorts, sourcePorts: peerPorts };
}

/** Both ends of DHCP have their own port: one that names one of them means it. */
function isInfrastructure(all: readonly Ports[]): boolean {
  const own = INFRASTRUCTURE.flatMap(({ sourcePort, destinationPort }) => [sourcePort, destinationPort]);
  const isOwn = (set: PortSet | null): boolean => {
    const [only, ...more] = set ?? [];
    return more.length === 0 && only?.low === only?.high && only !== undefined && own.includes(only.low);
  };
  return (
    all.length > 0 &&
    all.every(
      ({ protocol, ports, sourcePorts }) =>
        protocol === PROTOCOL_NUMBERS.udp && (isOwn(ports) || isOwn(sourcePorts)),
    )
  );
}
