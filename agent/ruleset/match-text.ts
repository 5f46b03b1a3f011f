/**
 * Pieces of rules that several chains share, for both families from one text. Pure.
 */
import type { Rule } from './ruleset.js';

export function addressOf(family: 4 | 6, which: 'saddr' | 'daddr'): string {
  return family === 4 ? `ip ${which}` : `ip6 ${which}`;
}

/** Sets of an allow-list, beside which `allow4_names` and the like hold what names stand for. */
export type ListName = 'allow' | 'essential';

/**
 * Rules that return where an entry of the device in the mark names the peer, its protocol and port: for each family
 * addresses, networks and ranges, names, names without ports, and entries that name source ports or ICMP types. Of ICMP the source
 * field is type and code, in answers too, and the port field its checksum, which no entry names.
 */
export function lookups(set: ListName, peer: 'saddr' | 'daddr', port: 'sport' | 'dport'): readonly Rule[] {
  return ([4, 6] as const).flatMap((family) => [
    ...['', '_ranges'].map((kind) => ({
      text: `${fullKey(family, peer, port)} @${set}${family}${kind} return`,
    })),
    ...namedKeys(set, family, peer, port).map(({ text }) => ({ text: `${text} return` })),
    ...sourceKeys(family, peer, port).map((key) => ({ text: `${key} @${set}${family}_sources return` })),
  ]);
}

/** Matches on the sets of names: `key @set`, with the key for a statement that updates the set. */
export function namedKeys(
  set: ListName,
  family: 4 | 6,
  peer: 'saddr' | 'daddr',
  port: 'sport' | 'dport',
): readonly { readonly text: string; readonly key: string; readonly set: string }[] {
  const matches = (key: string, name: string) => ({ text: `${key} @${name}`, key, set: name });
  return [
    matches(fullKey(family, peer, port), namedSet(set, family, true)),
    matches(`meta mark . ${addressOf(family, peer)} . meta l4proto`, namedSet(set, family, false)),
  ];
}

function sourceKeys(family: 4 | 6, peer: 'saddr' | 'daddr', port: 'sport' | 'dport'): readonly string[] {
  const forward = `${fullKey(family, peer, 'dport')} . th sport`;
  if (port === 'dport') return [forward];
  const icmp = 'meta l4proto { icmp, ipv6-icmp }';
  return [`${icmp} ${forward}`, `${icmp.replace('{', '!= {')} ${fullKey(family, peer, 'sport')} . th dport`];
}

export function namedSet(set: ListName, family: 4 | 6, hasPorts: boolean): string {
  return `${set}${family}_names${hasPorts ? '' : '_any'}`;
}

function fullKey(family: 4 | 6, peer: 'saddr' | 'daddr', port: 'sport' | 'dport'): string {
  return `meta mark . ${addressOf(family, peer)} . meta l4proto . th ${port}`;
}
