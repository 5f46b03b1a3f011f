/**
 * Pieces of rules that several chains share, for both families from one text. Pure.
 */
import type { Rule } from './ruleset.js';

export function addressOf(family: 4 | 6, which: 'saddr' | 'daddr'): string {
  return family === 4 ? `ip ${which}` : `ip6 ${which}`;
}

/** Four rules that return where an entry of the device in the mark names the peer, its protocol and port. */
export function lookups(
  set: 'allow' | 'essential',
  peer: 'saddr' | 'daddr',
  port: 'sport' | 'dport',
): readonly Rule[] {
  return ([4, 6] as const).flatMap((family) =>
    ['', '_ranges'].map((kind) => ({
      text: `meta mark . ${addressOf(family, peer)} . meta l4proto . th ${port} @${set}${family}${kind} return`,
    })),
  );
}
