/**
 * What the allow sets of a compiled ruleset say of a connection: the very elements that go to the kernel, read back and looked up as
 * ruleset/match-text.ts has the kernel look them up. Pure; used by learn/prove.ts. A test sends the same connections through nft.
 */
import { addressBytes, parseAddress, type Address, type Family } from '../policy/address.js';
import { protocolNameOf } from '../policy/protocol-name.js';
import { CONTACTED, OPENED, markText } from './marks.js';
import type { Ruleset } from './ruleset.js';

export interface ListedConnection {
  /** The device's number (assign-ids.ts). */
  readonly deviceId: number;
  /** The device opens it; false: the peer does. */
  readonly opened: boolean;
  readonly peer: Address;
  /** IANA number. */
  readonly protocol: number;
  /** Destination port; for a protocol without ports, anything: the elements span them all. */
  readonly port: number;
  /** Source port; of ICMP `type * 256 + code`. Null: not known, and then no entry that lists them permits it. */
  readonly source: number | null;
}

/** The comment of the element that permits it (`policy devices.pump-1.allow[2]`), or null. */
export type ElementEvaluator = (connection: ListedConnection) => string | null;

interface Range {
  readonly low: bigint;
  readonly high: bigint;
  readonly protocolLow: number;
  readonly protocolHigh: number;
  readonly portLow: number;
  readonly portHigh: number;
  /** Null in sets without: any. */
  readonly sources: readonly [low: number, high: number] | null;
  readonly comment: string;
}

/** Throws RangeError for an element that is not of the form that allow-elements.ts writes. */
export function createElementEvaluator(ruleset: Ruleset): ElementEvaluator {
  const exact = new Map<string, string>();
  const ranges = new Map<string, Range[]>();
  for (const set of ruleset.tables.flatMap((table) => table.sets)) {
    const match = /^allow([46])(_ranges|_sources)?$/.exec(set.name);
    if (!match) continue;
    for (const { key, comment = '' } of set.elements) {
      if (match[2] === undefined) exact.set(key, comment);
      else {
        const { space, range } = readRange(key, match[1] === '4' ? 4 : 6, comment);
        const known = ranges.get(space);
        if (known) known.push(range);
        else ranges.set(space, [range]);
      }
    }
  }
  return ({ deviceId, opened, peer, protocol, port, source }) => {
    const mark = markText(deviceId | (opened ? OPENED : CONTACTED));
    const found = exact.get(`${mark} . ${peer.text} . ${protocolNameOf(protocol) ?? ''} . ${port}`);
    if (found !== undefined) return found;
    const address = toInteger(peer);
    const range = ranges
      .get(`${mark}/${peer.family}`)
      ?.find(
        (one) =>
          address >= one.low &&
          address <= one.high &&
          protocol >= one.protocolLow &&
          protocol <= one.protocolHigh &&
          port >= one.portLow &&
          port <= one.portHigh &&
          (one.sources === null || (source !== null && source >= one.sources[0] && source <= one.sources[1])),
      );
    return range?.comment ?? null;
  };
}

function readRange(key: string, family: Family, comment: string): { space: string; range: Range } {
  const [mark = '', addresses = '', protocols = '', ports = '', sources] = key.split(' . ');
  const [low = '', high = low] = addresses.split('-');
  const [from, to] = [parseAddress(low), parseAddress(high)];
  if (from === null || to === null) throw new RangeError(`not an element of an allow set: ${key}`);
  const [protocolLow, protocolHigh] = bounds(protocols);
  const [portLow, portHigh] = bounds(ports);
  return {
    space: `${mark}/${family}`,
    range: {
      ...{ low: toInteger(from), high: toInteger(to), protocolLow, protocolHigh, portLow, portHigh, comment },
      sources: sources === undefined ? null : bounds(sources),
    },
  };
}

function bounds(text: string): readonly [number, number] {
  const [low = Number.NaN, high = low] = text.split('-').map(Number);
  return [low, high];
}

function toInteger(address: Address): bigint {
  return addressBytes(address).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
