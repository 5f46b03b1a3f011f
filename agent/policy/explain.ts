/**
 * Whether a new connection would be permitted, which entry says so, and what would allow it: the semantics of the
 * kernel ruleset (ruleset/inet-chains.ts) without a kernel. Called by `cordon policy explain` and by reports. It
 * speaks of the allow-lists alone: containment, spoofing and what is already established are not a policy's.
 */
import type { Address } from './address.js';
import { formatAddressKind } from './address-kind.js';
import { INFRASTRUCTURE, PROTOCOL_NUMBERS, UNKNOWN_DEVICES_DEFAULT, type Side } from './default-policy.js';
import { entryMatches, protocolNumber, type Connection, type QueryProtocol } from './match-entry.js';
import { didYouMean, type Problem } from './problem.js';
import { deviceAddresses, NOTHING_LEARNED, ownValue, type LearnedAddresses } from './resolve-peers.js';
import type { Policy } from './schema.js';
import { entryThatPermits, type PermittingEntry } from './suggest-entry.js';

export interface ExplainQuery {
  /** Who opens the connection: an address, or the name of a device. */
  readonly from: Address | string;
  readonly to: Address | string;
  readonly protocol: QueryProtocol;
  /** Destination port; null for protocols without one. */
  readonly port: number | null;
  /** Null: any port that a client of the protocol would use. */
  readonly sourcePort?: number | null;
  readonly icmpType?: number | null;
  /** Where an address that is no guarded device's stands. Default: on the network side. */
  readonly fromSide?: Side;
}

export interface Deciding {
  /** `devices.pump-1.allow[0]`, `devices.pump-1.mode`, `unknownDevices`, or `default igmp`. */
  readonly path: string;
  readonly why: string;
}

export interface Party {
  /** Null: no device of the policy. */
  readonly device: string | null;
  readonly address: Address | null;
  readonly side: Side;
}

export type PermitReason = 'allowed' | 'infrastructure' | 'observe' | 'shadow' | 'unknown-device';
export type RefuseReason =
  'policy' | 'unknown-device' | 'rogue-dhcp' | 'rogue-ra' | 'broadcast' | 'no-address';

export interface Explanation {
  readonly verdict: 'permit' | 'refuse';
  readonly reason: PermitReason | RefuseReason;
  /** One sentence for a person. */
  readonly text: string;
  readonly from: Party;
  readonly to: Party;
  readonly deciding: readonly Deciding[];
  /** It passes only because a list is not enforced yet. */
  readonly wouldRefuse: boolean;
  /** What would have to be added to the policy for enforced lists to permit it; empty when they do. */
  readonly toPermit: readonly PermittingEntry[];
}

export type ExplainResult =
  | { readonly ok: true; readonly explanation: Explanation }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** A name that the policy does not have, families that do not meet and a missing port are problems, not refusals. */
export function explain(
  policy: Policy,
  query: ExplainQuery,
  learned: LearnedAddresses = NOTHING_LEARNED,
): ExplainResult {
  const problems = [...queryProblems(policy, query)];
  if (problems.length > 0) return { ok: false, problems };
  const froms = addressesOf(policy, query.from, learned);
  const tos = addressesOf(policy, query.to, learned);
  const pairs = froms.flatMap((from) =>
    tos.flatMap((to) => (from && to && from.family !== to.family ? [] : [{ from, to }])),
  );
  const runnable = pairs.filter(({ from, to }) => carries(query.protocol, to ?? from));
  if (runnable.length === 0)
    return {
      ok: false,
      problems: [{ path: 'to', message: 'the two ends have no address family in common for this protocol' }],
    };
  const owners = ownersOf(policy, learned);
  // A device may use any of its addresses: what one of them would be refused is the answer that matters.
  const explanations = runnable.map((pair) =>
    explainPair(policy, query, pair.from, pair.to, owners, learned),
  );
  const answer = explanations.find(({ verdict }) => verdict === 'refuse') ?? explanations[0];
  return answer ? { ok: true, explanation: answer } : { ok: false, problems: [] };
}

function explainPair(
  policy: Policy,
  query: ExplainQuery,
  fromAddress: Address | null,
  toAddress: Address | null,
  owners: ReadonlyMap<string, string>,
  learned: LearnedAddresses,
): Explanation {
  const party = (named: Address | string, address: Address | null, otherwise: Side): Party => {
    const device = typeof named === 'string' ? named : (owners.get(named.text) ?? null);
    return { device, address, side: device === null ? otherwise : 'device' };
  };
  const from = party(query.from, fromAddress, query.fromSide ?? 'network');
  const to = party(query.to, toAddress, from.side === 'device' ? 'network' : 'device');
  const parties = { from, to };
  const family = (toAddress ?? fromAddress)?.family ?? 4;
  const fixed = fixedRule(query, from.side, family);
  if (fixed) return { ...parties, ...fixed, wouldRefuse: false, toPermit: [] };
  if (toAddress === null)
    return refusal(
      parties,
      'no-address',
      `no address of ${nameOf(to)} is known yet: nothing can be sent to it`,
    );
  if (from.side === 'network' && isToAll(toAddress))
    return refusal(
      parties,
      'broadcast',
      'broadcast and multicast from the network side reach no guarded device',
    );
  const connection: Connection = { protocol: protocolNumber(query.protocol), port: query.port };
  const judgements: Judgement[] = [];
  // As the kernel: the list of the one contacted first, where it is guarded, then that of the opener.
  if (to.device !== null || from.side === 'network')
    judgements.push(judge(policy, to.device, 'in', fromAddress, connection, learned));
  if (from.side === 'device')
    judgements.push(judge(policy, from.device, 'out', toAddress, connection, learned));
  const missing = judgements.filter(({ outcome }) => outcome !== 'allowed');
  const toPermit = missing.map(({ device, direction }) =>
    entryThatPermits(device, direction, direction === 'out' ? to : from, query),
  );
  const refusing = judgements.filter(({ outcome }) => outcome === 'policy' || outcome === 'unknown-refused');
  const first = refusing[0];
  if (first) {
    const reason = first.outcome === 'policy' ? 'policy' : 'unknown-device';
    return {
      ...parties,
      verdict: 'refuse',
      reason,
      text: `refused: ${refusing.map(refusedBecause).join('; ')}`,
      deciding: refusing.map(({ deciding }) => deciding),
      wouldRefuse: false,
      toPermit,
    };
  }
  const lenient = judgements.find(({ outcome }) => outcome !== 'allowed');
  return {
    ...parties,
    verdict: 'permit',
    reason: lenient ? lenientReason(lenient) : 'allowed',
    text: lenient
      ? `permitted only because ${nameOf(lenient)} is in ${lenient.outcome === 'shadow' ? 'shadow' : 'observe'}: enforce would refuse it`
      : `permitted by ${judgements.map(({ deciding }) => deciding.path).join(' and ')}`,
    deciding: judgements.map(({ deciding }) => deciding),
    wouldRefuse: lenient !== undefined,
    toPermit,
  };
}

interface Judgement {
  readonly device: string | null;
  readonly direction: 'out' | 'in';
  readonly outcome: 'allowed' | 'observe' | 'shadow' | 'unknown-observed' | 'policy' | 'unknown-refused';
  readonly deciding: Deciding;
}

/** One device's list on one direction; `peer` null is a peer whose address is not known, which only `any` covers. */
function judge(
  policy: Policy,
  device: string | null,
  direction: 'out' | 'in',
  peer: Address | null,
  connection: Connection,
  learned: LearnedAddresses,
): Judgement {
  const known = device === null ? undefined : ownValue(policy.devices, device);
  if (device === null || !known) {
    const rule = policy.unknownDevices ?? UNKNOWN_DEVICES_DEFAULT;
    const deciding = {
      path: policy.unknownDevices === undefined ? 'default unknown-devices' : 'unknownDevices',
      why: `devices that the policy does not name: ${rule}`,
    };
    return {
      device,
      direction,
      outcome: rule === 'observe' ? 'unknown-observed' : 'unknown-refused',
      deciding,
    };
  }
  for (const [index, entry] of known.allow.entries()) {
    if (entry.direction !== direction || !entryMatches(policy, entry, peer, connection, learned)) continue;
    return {
      device,
      direction,
      outcome: 'allowed',
      deciding: { path: `devices.${device}.allow[${index}]`, why: entry.why },
    };
  }
  if (known.mode === 'enforce')
    return {
      device,
      direction,
      outcome: 'policy',
      deciding: { path: `devices.${device}.allow`, why: `no "${direction}" entry covers it` },
    };
  return {
    device,
    direction,
    outcome: known.mode,
    deciding: { path: `devices.${device}.mode`, why: `${known.mode} refuses nothing` },
  };
}

/** What passes or is refused whatever the lists say: INFRASTRUCTURE. */
function fixedRule(
  query: ExplainQuery,
  side: Side,
  family: 4 | 6,
): Pick<Explanation, 'verdict' | 'reason' | 'text' | 'deciding'> | null {
  for (const flow of INFRASTRUCTURE) {
    if (flow.family !== family || PROTOCOL_NUMBERS[flow.protocol] !== protocolNumber(query.protocol))
      continue;
    if (flow.destinationPort !== undefined && flow.destinationPort !== query.port) continue;
    if (flow.sourcePort !== undefined && flow.sourcePort !== (query.sourcePort ?? flow.sourcePort)) continue;
    if (flow.icmpTypes && !flow.icmpTypes.includes(query.icmpType ?? -1)) continue;
    const deciding = [{ path: `default ${flow.id}`, why: 'link-local housekeeping' }];
    if (flow.from === side || flow.from === 'both')
      return {
        verdict: 'permit',
        reason: 'infrastructure',
        text: `permitted for every device: ${flow.id}`,
        deciding,
      };
    if (flow.otherwise !== null)
      return {
        verdict: 'refuse',
        reason: flow.otherwise,
        text: `refused from the ${side} side whatever the lists say: ${flow.otherwise}`,
        deciding: [{ path: `default ${flow.otherwise}`, why: `only the ${flow.from} side sends it` }],
      };
  }
  return null;
}

function refusal(parties: { from: Party; to: Party }, reason: RefuseReason, text: string): Explanation {
  return {
    ...parties,
    verdict: 'refuse',
    reason,
    text: `refused: ${text}`,
    deciding: [],
    wouldRefuse: false,
    toPermit: [],
  };
}

function refusedBecause({ device, direction, deciding }: Judgement): string {
  return device === null ? deciding.why : `no "${direction}" entry of ${device} covers it`;
}

function lenientReason({ outcome }: Judgement): PermitReason {
  return outcome === 'shadow' ? 'shadow' : outcome === 'observe' ? 'observe' : 'unknown-device';
}

function nameOf({ device }: { readonly device: string | null }): string {
  return device ?? 'a device that the policy does not name';
}

function isToAll(address: Address): boolean {
  const kind = formatAddressKind(address);
  return kind === 'a multicast address' || kind === 'the broadcast address';
}

function carries(protocol: QueryProtocol, address: Address | null): boolean {
  const number = protocolNumber(protocol);
  if (address === null) return true;
  if (number === PROTOCOL_NUMBERS.icmp || number === PROTOCOL_NUMBERS.igmp) return address.family === 4;
  return number !== PROTOCOL_NUMBERS.icmpv6 || address.family === 6;
}

/** Null stands for a device none of whose addresses is known. */
function addressesOf(
  policy: Policy,
  named: Address | string,
  learned: LearnedAddresses,
): readonly (Address | null)[] {
  if (typeof named !== 'string') return [named];
  const known = deviceAddresses(policy, named, learned);
  return known.length === 0 ? [null] : known;
}

function ownersOf(policy: Policy, learned: LearnedAddresses): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const device of Object.keys(policy.devices))
    for (const { text } of deviceAddresses(policy, device, learned))
      if (!owners.has(text)) owners.set(text, device);
  return owners;
}

function* queryProblems(policy: Policy, query: ExplainQuery): Generator<Problem> {
  for (const end of ['from', 'to'] as const) {
    const named = query[end];
    if (typeof named !== 'string' || ownValue(policy.devices, named)) continue;
    const hint = didYouMean(named, Object.keys(policy.devices));
    yield {
      path: end,
      message: `"${named}" is neither an address nor a device of the policy`,
      ...(hint === undefined ? {} : { hint }),
    };
  }
  const number = protocolNumber(query.protocol);
  const hasPorts =
    number === PROTOCOL_NUMBERS.tcp || number === PROTOCOL_NUMBERS.udp || number === PROTOCOL_NUMBERS.sctp;
  if (hasPorts && query.port === null)
    yield { path: 'port', message: 'is missing: this protocol has destination ports' };
  if (!hasPorts && query.port !== null) yield { path: 'port', message: 'this protocol has no ports' };
}
