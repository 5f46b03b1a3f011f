/**
 * Allow entries as set elements: `mark . address . protocol . port`. Single addresses with few ports go to a hash set;
 * networks, ranges and protocols without ports to an interval set; what names source ports or ICMP types to one with both
 * port fields, `… . port . source`. Pure; called by compile-ruleset.ts.
 */
import {
  addressBytes,
  addressFromBytes,
  networkBase,
  type Address,
  type Family,
  type Network,
} from '../policy/address.js';
import { PROTOCOL_NUMBERS } from '../policy/default-policy.js';
import { entryPath } from '../policy/expand-templates.js';
import { resolvePeer, type LearnedAddresses } from '../policy/resolve-peers.js';
import type { AllowEntry, Policy } from '../policy/schema.js';
import { subtractAll, type Box } from './boxes.js';
import { CONTACTED, OPENED, markText } from './marks.js';
import type { Element } from './ruleset.js';

/** A range of more ports than this is one interval element instead of so many exact ones. */
const MAX_PORTS_AS_EXACT = 8;
/** Overlapping networks and ranges of one device come apart into at most this many pieces. */
const MAX_PIECES_PER_DEVICE = 4096;

export interface AllowElements {
  readonly exact: Record<Family, Element[]>;
  readonly ranges: Record<Family, Element[]>;
  readonly sources: Record<Family, Element[]>;
}

export function noElements(): AllowElements {
  return { exact: { 4: [], 6: [] }, ranges: { 4: [], 6: [] }, sources: { 4: [], 6: [] } };
}

/**
 * Appends the elements of one device's entries (already filtered, e.g. to the essential ones) to `into`. Each piece of
 * traffic belongs to the first entry that covers it, as explain.ts says too.
 * Throws RangeError `too many pieces` when overlaps multiply past MAX_PIECES_PER_DEVICE.
 */
export function addAllowElements(
  into: AllowElements,
  device: string,
  id: number,
  policy: Policy,
  learned: LearnedAddresses,
  list: 'allow' | 'essential',
): void {
  const entries = policy.devices[device]?.allow ?? [];
  const exactKeys = new Set<string>();
  const taken = new Map<string, Box[]>();
  let pieces = 0;
  entries.forEach((entry, index) => {
    if (list === 'essential' && !entry.essential) return;
    const mark = markText(id | (entry.direction === 'out' ? OPENED : CONTACTED));
    const comment = entryComment(device, index, entry);
    const sources = sourceSpans(entry, list);
    for (const peer of spans(policy, entry, learned)) {
      for (const [low, high] of portSpans(entry)) {
        if (sources === null && peer.exact !== null && hasPorts(entry) && high - low < MAX_PORTS_AS_EXACT) {
          for (let port = low; port <= high; port += 1) {
            const key = `${mark} . ${peer.exact.text} . ${entry.protocol} . ${port}`;
            if (exactKeys.has(key)) continue;
            exactKeys.add(key);
            into.exact[peer.family].push({ key, comment });
          }
          continue;
        }
        const [protocolLow, protocolHigh] = protocolSpan(entry);
        const kind = sources === null ? 'ranges' : 'sources';
        for (const [sourceLow, sourceHigh] of sources ?? [EVERYTHING]) {
          const box = {
            addressLow: peer.low,
            addressHigh: peer.high,
            protocolLow,
            protocolHigh,
            portLow: low,
            portHigh: high,
            sourceLow,
            sourceHigh,
          };
          const space = `${mark}/${peer.family}/${kind}`;
          const before = taken.get(space) ?? [];
          const rest = subtractAll(box, before);
          pieces += rest.length;
          if (pieces > MAX_PIECES_PER_DEVICE)
            throw new RangeError(
              `devices.${device}.allow: overlapping entries come apart into more than ${MAX_PIECES_PER_DEVICE} pieces`,
            );
          taken.set(space, [...before, ...rest]);
          for (const piece of rest)
            into[kind][peer.family].push({
              key: `${mark} . ${boxText(piece, peer.family)}${kind === 'sources' ? ` . ${range(piece.sourceLow, piece.sourceHigh)}` : ''}`,
              comment,
            });
        }
      }
    }
  });
}

/** Where in the policy a rule or element comes from: the same words as problems and explanations use. */
/** What elements say of where they come from: also those of names. */
export function entryComment(device: string, index: number, entry: AllowEntry): string {
  return `policy ${entryPath(device, index, entry)}`;
}

interface Span {
  readonly family: Family;
  readonly low: bigint;
  readonly high: bigint;
  readonly exact: Address | null;
}

function spans(policy: Policy, entry: AllowEntry, learned: LearnedAddresses): readonly Span[] {
  const peers = resolvePeer(policy, entry.peer, learned);
  const all: readonly Span[] =
    peers === 'any'
      ? [everything(4), everything(6)]
      : peers.map((peer) => ('address' in peer ? spanOfAddress(peer.address) : spanOfNetwork(peer.network)));
  if (entry.protocol === 'icmp' || entry.family === 'ipv4') return all.filter((span) => span.family === 4);
  if (entry.protocol === 'icmpv6' || entry.family === 'ipv6') return all.filter((span) => span.family === 6);
  return all;
}

function everything(family: Family): Span {
  return { family, low: 0n, high: (1n << (family === 4 ? 32n : 128n)) - 1n, exact: null };
}

function spanOfAddress(address: Address): Span {
  const value = toInteger(addressBytes(address));
  return { family: address.family, low: value, high: value, exact: address };
}

function spanOfNetwork(network: Network): Span {
  const bits = network.family === 4 ? 32 : 128;
  const low = toInteger(networkBase(network));
  return {
    family: network.family,
    low,
    high: low + (1n << BigInt(bits - network.prefixLength)) - 1n,
    exact: null,
  };
}

function hasPorts(entry: AllowEntry): boolean {
  return entry.protocol === 'tcp' || entry.protocol === 'udp' || entry.protocol === 'sctp';
}

/** Without ports the interval spans them all: the two bytes compared are then whatever stands there (ICMP: its checksum). */
function portSpans(entry: AllowEntry): readonly (readonly [number, number])[] {
  if (!hasPorts(entry)) return [[0, 65535]];
  return (entry.ports ?? []).map((range) => [range.low, range.high] as const);
}

const EVERYTHING: readonly [number, number] = [0, 65535];

/** Answers of conntrack's ICMP queries (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c). */
const ANSWERS: ReadonlyMap<number, number> = new Map([
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
  [128, 129],
  [139, 140],
]);

/**
 * Null where an entry takes any. A contained device's packets are looked up one by one, so that the essential list has the answers of
 * its ICMP queries too; an answer that nobody asked for is invalid and never gets there.
 */
function sourceSpans(
  { sourcePorts, icmpTypes }: AllowEntry,
  list: 'allow' | 'essential',
): readonly (readonly [number, number])[] | null {
  if (sourcePorts) return sourcePorts.map(({ low, high }) => [low, high]);
  if (!icmpTypes) return null;
  return icmpTypes.flatMap(({ low, high }): (readonly [number, number])[] => {
    const answer = list === 'essential' ? ANSWERS.get(low >> 8) : undefined;
    const asked = [low, high] as const;
    return answer === undefined
      ? [asked]
      : [asked, [answer * 256 + (low & 0xff), answer * 256 + (high & 0xff)]];
  });
}

function protocolSpan(entry: AllowEntry): readonly [number, number] {
  if (entry.protocol === 'any') return [0, 255];
  const number = PROTOCOL_NUMBERS[entry.protocol];
  return [number, number];
}

function boxText(box: Box, family: Family): string {
  return `${addressRange(box, family)} . ${range(box.protocolLow, box.protocolHigh)} . ${range(box.portLow, box.portHigh)}`;
}

function addressRange(box: Box, family: Family): string {
  const low = toText(box.addressLow, family);
  return box.addressLow === box.addressHigh ? low : `${low}-${toText(box.addressHigh, family)}`;
}

function range(low: number, high: number): string {
  return low === high ? String(low) : `${low}-${high}`;
}

function toInteger(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function toText(value: bigint, family: Family): string {
  const bytes = new Uint8Array(family === 4 ? 4 : 16);
  for (let index = bytes.length - 1, rest = value; index >= 0; index -= 1, rest >>= 8n)
    bytes[index] = Number(rest & 0xffn);
  return addressFromBytes(bytes).text;
}
