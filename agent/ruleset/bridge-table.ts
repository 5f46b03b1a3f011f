/**
 * `table bridge cordon` (bridge mode): what is layer 2 only. It stamps the side by port, keeps ARP and neighbour discovery honest, refuses every
 * ethertype but ARP, IPv4 and IPv6 (behind a tag of a VLAN that the configuration names, too), and drops IP frames that did not pass the inet table. Pure.
 */
import type { BoxConfig } from '../policy/config.js';
import {
  DEVICE_SIDE_MACS,
  LOG_SNAP_BYTES,
  MACS_TIMEOUT_SECONDS,
  NETWORK_SIDE_MACS,
  WATCHED_LOG_BURST,
  WATCHED_LOG_RATE_PER_SECOND,
} from '../policy/default-policy.js';
import { ADMITTED, HELD, HELD_MASK, SIDE_DEVICE, SIDE_NETWORK, markText } from './marks.js';
import { addressBytes, type Address, type Family } from '../policy/address.js';
import { cutArp, cutSets } from './containment-rules.js';
import { quoteInterfaces } from './quote-interfaces.js';
import { LEARN_GROUP, LEARN_PREFIX, WATCHED_PREFIX, chainName, counterName } from './reasons.js';
import { refusalChains, reasonsOf } from './refusal-chains.js';
import type { Chain, Rule, SetDefinition, Table } from './ruleset.js';

/** Layer 2 log limits are keyed by source MAC, which a flood can invent: bounded, and old ones leave after a minute. */
const LOG_RATE_SIZE = 8192;
const LOG_RATE_TIMEOUT_SECONDS = 60;

/**
 * The target of a neighbour advertisement (RFC 4861 section 4.4), by offset: nft 1.0.6 has no name for it, and will not
 * compare it with an ipv6_addr. Elements of such sets are written as one number.
 */
const ND_TARGET = '@th,64,128';

/** What IPv6 has for ARP. */
const ND_TYPES = '{ nd-neighbor-solicit, nd-neighbor-advert }';

/** A guarded device, as far as layer 2 is concerned. */
export interface BridgeDevice {
  readonly macs: readonly string[];
  /** Fixed and learnt. */
  readonly addresses: readonly Address[];
  /** It has fixed addresses of this family and may use no other. */
  readonly isFixed: Readonly<Record<Family, boolean>>;
}

export function bridgeTable(config: BoxConfig, devices: readonly BridgeDevice[]): Table {
  return {
    family: 'bridge',
    name: 'cordon',
    counters: reasonsOf('bridge').map(counterName),
    sets: [
      ...([4, 6] as const).flatMap((family) => identitySets(devices, family)),
      policySet(
        'guarded_macs',
        'type ether_addr',
        devices.flatMap(({ macs }) => macs),
      ),
      ...cutSets(),
      fleetingSet('refused_log_rate', 'type ether_addr', LOG_RATE_SIZE, LOG_RATE_TIMEOUT_SECONDS),
      fleetingSet(
        'neighbour_log_rate',
        'typeof ether saddr . meta protocol',
        LOG_RATE_SIZE,
        LOG_RATE_TIMEOUT_SECONDS,
      ),
      fleetingSet('device_side_macs', 'type ether_addr', DEVICE_SIDE_MACS, MACS_TIMEOUT_SECONDS),
      fleetingSet('network_side_macs', 'type ether_addr', NETWORK_SIDE_MACS, MACS_TIMEOUT_SECONDS),
    ],
    chains: [
      ...prerouting(config),
      arpClaims(false),
      ...(config.vlans.length === 0 ? [] : [arpClaims(true)]),
      neighboursPassed(),
      neighbourDiscovery(),
      ndClaims(),
      admitted(config),
      ...refusalChains('bridge'),
    ],
  };
}

/** What packets themselves add, and what leaves by itself. */
function fleetingSet(name: string, type: string, size: number, timeoutSeconds: number): SetDefinition {
  return {
    kind: 'set',
    name,
    type,
    flags: ['dynamic', 'timeout'],
    size,
    timeoutSeconds,
    contents: 'runtime',
    elements: [],
  };
}

function identitySets(devices: readonly BridgeDevice[], family: Family): readonly SetDefinition[] {
  const address = family === 4 ? 'type ipv4_addr' : `typeof ${ND_TARGET}`;
  const pair = family === 4 ? 'type ether_addr . ipv4_addr' : `typeof ether saddr . ${ND_TARGET}`;
  const addressesOf = (device: BridgeDevice): readonly string[] =>
    device.addresses.filter((each) => each.family === family).map(addressKey);
  return [
    policySet(
      `bindings${family}`,
      pair,
      devices.flatMap((device) =>
        device.macs.flatMap((mac) => addressesOf(device).map((each) => `${mac} . ${each}`)),
      ),
      'which MAC may use which address',
    ),
    policySet(`guarded${family}`, address, devices.flatMap(addressesOf)),
    policySet(
      `fixed_macs${family}`,
      'type ether_addr',
      devices.flatMap((device) => (device.isFixed[family] ? device.macs : [])),
      'these use no other address than their own',
    ),
  ];
}

function addressKey(address: Address): string {
  return address.family === 4
    ? address.text
    : `0x${[...addressBytes(address)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function policySet(name: string, type: string, keys: readonly string[], comment?: string): SetDefinition {
  return {
    kind: 'set',
    name,
    ...(comment === undefined ? {} : { comment }),
    type,
    flags: [],
    contents: 'policy',
    elements: keys.map((key) => ({ key })),
  };
}

/** Every packet pays for telling our ports from others and one side from the other: two comparisons are cheaper than a look-up of names, more are not. */
const COMPARED_PORTS = 2;

function prerouting(config: BoxConfig): readonly Chain[] {
  const sides = [
    ...config.devicePorts.map((port) => ({ port, chain: 'from_device_port' })),
    ...config.networkPorts.map((port) => ({ port, chain: 'from_network_port' })),
  ];
  const comment = 'other ports are not ours';
  const byPort: readonly Rule[] =
    sides.length <= COMPARED_PORTS
      ? sides.map(({ port, chain }) => ({ text: `iifname "${port}" goto ${chain}`, comment }))
      : [
          {
            text: `iifname vmap { ${sides.map(({ port, chain }) => `"${port}" : goto ${chain}`).join(', ')} }`,
            comment,
          },
        ];
  const cut: readonly Rule[] = [
    { text: `ether saddr @cut_macs goto ${chainName('cut')}` },
    { text: `ether daddr @cut_macs goto ${chainName('cut')}` },
  ];
  return [
    {
      name: 'prerouting',
      hook: 'type filter hook prerouting priority -300; policy accept;',
      rules: byPort,
    },
    {
      name: 'from_device_port',
      rules: [
        { text: `meta mark set ${markText(SIDE_DEVICE)}` },
        ...cut,
        { text: 'ether saddr @guarded_macs goto claims' },
        ...remembered('device_side_macs'),
      ],
    },
    {
      name: 'from_network_port',
      rules: [
        { text: `meta mark set ${markText(SIDE_NETWORK)}` },
        ...cut,
        {
          text: `ether saddr @guarded_macs goto ${chainName('spoofed-source')}`,
          comment: "a guarded device's MAC from the other side",
        },
        ...remembered('network_side_macs'),
      ],
    },
    {
      name: 'claims',
      rules: [
        { text: 'ether type ip accept', comment: 'decided in table inet cordon' },
        { text: `icmpv6 type ${ND_TYPES} goto neighbour_discovery` },
        { text: 'ether type ip6 accept', comment: 'decided in table inet cordon' },
        ...taggedRules(config),
        { text: 'ether type arp goto arp_claims' },
        { text: `goto ${chainName('ethertype')}` },
      ],
    },
  ];
}

/** Before the bridge learns it (br_handle_frame_finish). A set that is full takes no new element, and then its rule does not match. */
function remembered(set: string): readonly Rule[] {
  return [
    { text: `update @${set} { ether saddr } goto claims` },
    { text: `goto ${chainName('too-many-macs')}`, comment: 'as many as fit' },
  ];
}

/**
 * The kernel has taken the tag off the frame before (net/core/dev.c), so that `meta protocol` and the headers are those behind it, while
 * `ether type` still shows the tag. A second tag is an unknown protocol. br_netfilter hands the tagged IP packets to table inet
 * where bridge-nf-filter-vlan-tagged is set; elsewhere they lack its stamp and are refused.
 */
function taggedRules(config: BoxConfig): readonly Rule[] {
  if (config.vlans.length === 0) return [];
  const tagged = `ether type vlan vlan id { ${config.vlans.join(', ')} }`;
  return [
    { text: `${tagged} meta protocol ip6 icmpv6 type ${ND_TYPES} goto neighbour_discovery` },
    { text: `${tagged} meta protocol { ip, ip6 } accept`, comment: 'as without a tag' },
    { text: `${tagged} vlan type arp goto arp_claims_tagged` },
  ];
}

/**
 * RFC 826; a probe (RFC 5227) has sender address 0.0.0.0 and claims nothing. nft looks for ARP right behind the MACs unless it is told of
 * the tag: hence the same rules twice.
 */
function arpClaims(behindTag: boolean): Chain {
  const arp = behindTag ? 'ether type vlan vlan type arp ' : '';
  const fromDevice = `meta mark ${markText(SIDE_DEVICE)}`;
  return {
    name: behindTag ? 'arp_claims_tagged' : 'arp_claims',
    rules: [
      { text: `${arp}arp saddr ip 0.0.0.0 goto neighbours_passed` },
      {
        text: `${arp}arp saddr ether . arp saddr ip @bindings4 ether saddr . arp saddr ip @bindings4 goto neighbours_passed`,
      },
      {
        text: `${arp}arp saddr ip @guarded4 goto ${chainName('arp-spoof')}`,
        comment: "somebody else's address, from either side",
      },
      { text: `${fromDevice} ether saddr @fixed_macs4 goto ${chainName('arp-spoof')}` },
      {
        text: `${fromDevice} limit rate 20/second burst 50 packets log group ${LEARN_GROUP} prefix "${LEARN_PREFIX}" snaplen ${LOG_SNAP_BYTES}`,
      },
      { text: 'goto neighbours_passed' },
    ],
  };
}

/**
 * Copies for the detectors (sweeps, poisoned caches): a limit for each sender and protocol, so that neither a flood from
 * another nor a sweep by ARP hides one by neighbour discovery.
 */
function neighboursPassed(): Chain {
  return {
    name: 'neighbours_passed',
    rules: [
      {
        text: `update @neighbour_log_rate { ether saddr . meta protocol limit rate ${WATCHED_LOG_RATE_PER_SECOND}/second burst ${WATCHED_LOG_BURST} packets } log group ${LEARN_GROUP} prefix "${WATCHED_PREFIX}" snaplen ${LOG_SNAP_BYTES}`,
      },
      { text: 'accept' },
    ],
  };
}

/** The same for IPv6; table inet decides on what passes here. */
function neighbourDiscovery(): Chain {
  return {
    name: 'neighbour_discovery',
    rules: [
      // Said with `meta`, as behind a tag `ether type` shows the tag.
      { text: 'meta protocol ip6 icmpv6 type nd-neighbor-advert jump nd_claims' },
      {
        text: 'meta protocol ip6 ip6 hoplimit 255 goto neighbours_passed',
        comment: 'nobody listens to others',
      },
      { text: 'accept' },
    ],
  };
}

/** Solicitations need no such check: what they claim is their source address, and table inet looks at that. */
function ndClaims(): Chain {
  return {
    name: 'nd_claims',
    rules: [
      { text: '@th,64,10 0x3fa return', comment: "fe80::/10 is anyone's" },
      { text: `ether saddr . ${ND_TARGET} @bindings6 return` },
      {
        text: `${ND_TARGET} @guarded6 goto ${chainName('spoofed-source')}`,
        comment: "somebody else's address, from either side",
      },
      {
        text: `meta mark ${markText(SIDE_DEVICE)} ether saddr @fixed_macs6 goto ${chainName('spoofed-source')}`,
      },
    ],
  };
}

/** After br_netfilter (bridge priority 0): no stamp means that the IP rules never saw the packet. */
function admitted(config: BoxConfig): Chain {
  const ours = quoteInterfaces([...config.devicePorts, ...config.networkPorts]);
  return {
    name: 'admitted',
    hook: 'type filter hook forward priority 100; policy drop;',
    rules: [
      { text: `meta mark ${markText(ADMITTED)} accept` },
      {
        text: `meta mark and ${markText(HELD_MASK)} == ${markText(HELD)} accept`,
        comment: 'admitted, held, and let go without a verdict',
      },
      ...cutArp(config.vlans.length > 0),
      { text: 'ether type arp accept' },
      ...(config.vlans.length === 0 ? [] : [{ text: 'ether type vlan vlan type arp accept' }]),
      { text: `iifname != ${ours} oifname != ${ours} accept` },
      { text: `goto ${chainName('not-filtered')}` },
    ],
  };
}
