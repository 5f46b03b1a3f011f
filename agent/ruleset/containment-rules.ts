/**
 * Orders of containment as rules and runtime sets. Pure; called by inet-chains.ts, live-chains.ts and compile-ruleset.ts.
 * Map `containment` says whether any order holds for a device, or, with the device's number left out, for the whole box; set
 * `cut` says for whom it is a cut. Each element has its own kernel timeout, so that orders of different lengths end one by
 * one as they were given, with no process of ours alive. Traffic of a device without an order meets two look-ups.
 */
import { CONTACTED, OPENED, SIDE_DEVICE, SIDE_NETWORK, markText } from './marks.js';
import { chainName } from './reasons.js';
import type { Rule, SetDefinition } from './ruleset.js';

/** The direction alone: every device, those that no policy names too. */
const everyDevice = `meta mark and ${markText(OPENED | CONTACTED)}`;

export const underOrders: readonly Rule[] = [
  { text: 'meta mark vmap @containment' },
  { text: `${everyDevice} vmap @containment`, comment: 'the whole box' },
];

/** First in `contained_out` and `contained_in`. */
export const cutFirst: readonly Rule[] = [
  { text: `meta mark @cut goto ${chainName('cut')}` },
  { text: `${everyDevice} @cut goto ${chainName('cut')}` },
];

/** In the bridge table, for what the inet table does not see. */
export function cutArp(hasVlans: boolean): readonly Rule[] {
  return ['ether type arp', ...(hasVlans ? ['ether type vlan vlan type arp'] : [])].map((match) => ({
    text: `${match} meta mark @cut_sides goto ${chainName('cut')}`,
    comment: 'the whole box',
  }));
}

export function containmentSets(): readonly SetDefinition[] {
  return [
    {
      kind: 'map',
      name: 'containment',
      comment: 'checked before established traffic is accepted',
      type: 'type mark : verdict',
      flags: ['timeout'],
      contents: 'runtime',
      elements: [],
    },
    runtimeSet('cut', 'type mark', 'of these, who is cut'),
  ];
}

export function cutSets(): readonly SetDefinition[] {
  return [
    runtimeSet('cut_macs', 'type ether_addr', 'nothing passes, not even ARP'),
    runtimeSet(
      'cut_sides',
      'type mark',
      `the whole box is cut: ${markText(SIDE_DEVICE)} and ${markText(SIDE_NETWORK)}`,
    ),
  ];
}

function runtimeSet(name: string, type: string, comment: string): SetDefinition {
  return { kind: 'set', name, comment, type, flags: ['timeout'], contents: 'runtime', elements: [] };
}
