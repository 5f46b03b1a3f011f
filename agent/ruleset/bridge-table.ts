/**
 * `table bridge cordon` (bridge mode): what is layer 2 only. It stamps the side by port, keeps ARP honest, refuses every
 * ethertype but ARP, IPv4 and IPv6, and drops IP frames that did not pass the inet table. Pure.
 */
import type { BoxConfig } from '../policy/config.js';
import { LOG_SNAP_BYTES } from '../policy/default-policy.js';
import { ADMITTED, SIDE_DEVICE, SIDE_NETWORK, markText } from './marks.js';
import { LEARN_GROUP, LEARN_PREFIX, chainName, counterName } from './reasons.js';
import { refusalChains, reasonsOf } from './refusal-chains.js';
import type { Chain, Element, Table } from './ruleset.js';

/** Layer 2 log limits are keyed by source MAC, which a flood can invent: bounded, and old ones leave after a minute. */
const LOG_RATE_SIZE = 8192;

export interface BridgeElements {
  /** `mac . address` pairs that belong together. */
  readonly bindings4: readonly Element[];
  readonly guarded4: readonly Element[];
  readonly guardedMacs: readonly Element[];
}

export function bridgeTable(config: BoxConfig, elements: BridgeElements): Table {
  return {
    family: 'bridge',
    name: 'cordon',
    counters: reasonsOf('bridge').map(counterName),
    sets: [
      {
        kind: 'set',
        name: 'bindings4',
        comment: 'which MAC may use which address',
        type: 'type ether_addr . ipv4_addr',
        flags: [],
        contents: 'policy',
        elements: elements.bindings4,
      },
      {
        kind: 'set',
        name: 'guarded4',
        type: 'type ipv4_addr',
        flags: [],
        contents: 'policy',
        elements: elements.guarded4,
      },
      {
        kind: 'set',
        name: 'guarded_macs',
        type: 'type ether_addr',
        flags: [],
        contents: 'policy',
        elements: elements.guardedMacs,
      },
      {
        kind: 'set',
        name: 'cut_macs',
        comment: 'nothing passes, not even ARP',
        type: 'type ether_addr',
        flags: ['timeout'],
        contents: 'runtime',
        elements: [],
      },
      {
        kind: 'set',
        name: 'refused_log_rate',
        type: 'type ether_addr',
        flags: ['dynamic', 'timeout'],
        size: LOG_RATE_SIZE,
        timeoutSeconds: 60,
        contents: 'runtime',
        elements: [],
      },
    ],
    chains: [prerouting(config), arp(), admitted(config), ...refusalChains('bridge')],
  };
}

function prerouting(config: BoxConfig): Chain {
  return {
    name: 'prerouting',
    hook: 'type filter hook prerouting priority -300; policy accept;',
    rules: [
      {
        text: `iifname != ${names([...config.devicePorts, ...config.networkPorts])} accept`,
        comment: 'not one of our ports',
      },
      { text: `meta mark set ${markText(SIDE_NETWORK)}` },
      { text: `iifname ${names(config.devicePorts)} meta mark set ${markText(SIDE_DEVICE)}` },
      { text: `ether saddr @cut_macs goto ${chainName('cut')}` },
      { text: `ether daddr @cut_macs goto ${chainName('cut')}` },
      {
        text: `meta mark ${markText(SIDE_NETWORK)} ether saddr @guarded_macs goto ${chainName('spoofed-source')}`,
        comment: "a guarded device's MAC from the other side",
      },
      { text: 'ether type { ip, ip6 } accept', comment: 'decided in table inet cordon' },
      { text: 'ether type arp goto arp_claims' },
      { text: `goto ${chainName('ethertype')}` },
    ],
  };
}

/** RFC 826; a probe (RFC 5227) has sender address 0.0.0.0 and claims nothing. */
function arp(): Chain {
  return {
    name: 'arp_claims',
    rules: [
      { text: 'arp saddr ip 0.0.0.0 accept' },
      { text: 'arp saddr ether . arp saddr ip @bindings4 ether saddr . arp saddr ip @bindings4 accept' },
      {
        text: `arp saddr ip @guarded4 goto ${chainName('arp-spoof')}`,
        comment: "somebody else's address, from either side",
      },
      {
        text: `meta mark ${markText(SIDE_DEVICE)} limit rate 20/second burst 50 packets log group ${LEARN_GROUP} prefix "${LEARN_PREFIX}" snaplen ${LOG_SNAP_BYTES}`,
      },
      { text: 'accept' },
    ],
  };
}

/** After br_netfilter (bridge priority 0): no stamp means that the IP rules never saw the packet. */
function admitted(config: BoxConfig): Chain {
  const ours = names([...config.devicePorts, ...config.networkPorts]);
  return {
    name: 'admitted',
    hook: 'type filter hook forward priority 100; policy drop;',
    rules: [
      { text: `meta mark ${markText(ADMITTED)} accept` },
      { text: 'ether type arp accept' },
      { text: `iifname != ${ours} oifname != ${ours} accept` },
      { text: `goto ${chainName('not-filtered')}` },
    ],
  };
}

function names(interfaces: readonly string[]): string {
  return `{ ${interfaces.map((name) => `"${name}"`).join(', ')} }`;
}
