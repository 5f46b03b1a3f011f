/**
 * The chains of `table inet cordon`: where a packet is decided. Constant text, the same for one device and for ten
 * thousand, and the same in bridge and router mode; all that varies are set elements. Pure; called by compile-ruleset.ts.
 *
 * Order of a forwarded packet: whose address is it (device_side), is its connection known (live: containment, then pass),
 * else which device opened or is contacted (from_device, to_device), containment, infrastructure, allow-list, admit.
 */
import { quoteInterfaces } from './quote-interfaces.js';
import {
  DATA_SNAP_BYTES,
  INFRASTRUCTURE,
  LOG_SNAP_BYTES,
  WATCHED_LOG_BURST,
  WATCHED_LOG_RATE_PER_SECOND,
  PROTOCOL_NUMBERS,
  type InfrastructureFlow,
} from '../policy/default-policy.js';
import type { BoxConfig } from '../policy/config.js';
import { admit, admitChains, lenientLogs } from './admit-chains.js';
import { cutFirst, underOrders } from './containment-rules.js';
import { addressOf, lookups } from './match-text.js';
import { nameChains } from './name-chains.js';
import {
  CONNECTION_MASK,
  OBSERVED,
  WOULD_REFUSE,
  BOTH_GUARDED,
  CONTACTED,
  OPENED,
  SIDE_DEVICE,
  SIDE_NETWORK,
  UNKNOWN_DEVICE_ID,
  markText,
} from './marks.js';
import { IDENTITY_PREFIX, LEARN_GROUP, LEARN_PREFIX, WATCHED_PREFIX, chainName } from './reasons.js';
import { liveChains } from './live-chains.js';
import type { Chain, Rule } from './ruleset.js';

const keepMark = `ct mark set meta mark and ${markText(CONNECTION_MASK)}`;
const learnLog = `limit rate 20/second burst 50 packets log group ${LEARN_GROUP} prefix "${LEARN_PREFIX}" snaplen ${LOG_SNAP_BYTES}`;
const group = 'ether daddr and 01:00:00:00:00:00 == 01:00:00:00:00:00';

export function inetChains(config: BoxConfig): readonly Chain[] {
  return [
    ...(config.mode === 'router' ? [sides(config)] : []),
    forward(config),
    deviceSide(),
    known(),
    input(config),
    errors(),
    ...liveChains(),
    sourceChain(4),
    sourceChain(6),
    fromDevice(),
    fromDeviceToDevice(),
    toDevice(),
    judged('allowed_out', 'daddr'),
    judged('allowed_in', 'saddr'),
    contained('contained_out', 'daddr', 'saddr', 'device'),
    contained('contained_in', 'saddr', 'daddr', 'network'),
    infrastructure('device'),
    infrastructure('network'),
    notAllowed(),
    lenientChain('would_refuse', 'shadow: counted and told, not refused', WOULD_REFUSE, 'would_refuse'),
    lenientChain('observed', 'observe: told, not refused', OBSERVED, null),
    ...admitChains(),
    ...nameChains(),
    ...fixedChains(),
  ];
}

/** In bridge mode the bridge table stamps the side, by port; here it is the incoming interface. */
function sides(config: BoxConfig): Chain {
  return {
    name: 'sides',
    hook: 'type filter hook prerouting priority raw; policy accept;',
    rules: [
      { text: `meta mark set ${markText(SIDE_NETWORK)}` },
      { text: `iifname ${quoteInterfaces(config.devicePorts)} meta mark set ${markText(SIDE_DEVICE)}` },
    ],
  };
}

function forward(config: BoxConfig): Chain {
  const ours = config.mode === 'bridge' ? [config.bridge] : config.devicePorts;
  const foreign: Rule = {
    text: `iifname != ${quoteInterfaces(ours)} oifname != ${quoteInterfaces(ours)} accept`,
    comment: 'not between our ports',
  };
  const bySide: readonly Rule[] = [
    { text: `meta mark ${markText(SIDE_DEVICE)} goto device_side` },
    { text: `meta mark ${markText(SIDE_NETWORK)} goto known` },
  ];
  return {
    name: 'forward',
    comment: 'every forwarded packet',
    hook: 'type filter hook forward priority filter; policy drop;',
    rules: [
      // Only our ports stamp a bridged packet; a router's are all stamped, those between two ports of the network too.
      ...(config.mode === 'bridge' ? [...bySide, foreign] : [foreign, ...bySide]),
      { text: `goto ${chainName('not-filtered')}`, comment: 'a port that is on neither side' },
    ],
  };
}

/** Whose address it is, at once for those that are bound to the MAC: of established traffic the first rule alone. */
function deviceSide(): Chain {
  return {
    name: 'device_side',
    rules: [
      // nfproto, or nft looks for the ethertype behind the MACs, where a VLAN tag may stand.
      ...([4, 6] as const).map((family) => ({
        text: `meta nfproto ipv${family} ether saddr . ${addressOf(family, 'saddr')} @bindings${family} goto known`,
      })),
      { text: `ct state invalid goto ${chainName('invalid')}` },
      { text: 'meta nfproto vmap { ipv4 : jump source_ip4, ipv6 : jump source_ip6 }' },
      { text: 'goto known' },
    ],
  };
}

function known(): Chain {
  return {
    name: 'known',
    comment: 'established traffic meets the first rule only',
    rules: [
      { text: 'ct state established ct mark != 0 goto live' },
      {
        text: 'ct state new ct status confirmed ct mark != 0 goto live',
        comment: 'one-way UDP that was admitted',
      },
      { text: `ct state invalid goto ${chainName('invalid')}` },
      {
        text: 'ct state related meta l4proto { icmp, ipv6-icmp } ct mark != 0 goto errors',
        comment: 'ICMP errors of a known connection',
      },
      {
        text: `meta mark vmap { ${markText(SIDE_DEVICE)} : goto from_device, ${markText(SIDE_NETWORK)} : goto to_device }`,
      },
    ],
  };
}

/** The box itself is no target for what it guards against; the network side is left to the owner's own tables. */
function input(config: BoxConfig): Chain {
  const rules: Rule[] = [
    { text: `meta mark != ${markText(SIDE_DEVICE)} accept` },
    { text: 'ct state established,related accept' },
    {
      text: `ip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept`,
    },
  ];
  if (config.mode === 'router') {
    rules.push(
      { text: 'icmp type echo-request accept', comment: 'default to-box: a device may look for its gateway' },
      { text: 'icmpv6 type echo-request accept' },
      {
        text: 'udp sport 68 udp dport 67 accept',
        comment: 'default dhcpv4-client: a relay or server on the box',
      },
      { text: 'udp sport 546 udp dport 547 accept' },
    );
  }
  rules.push(
    { text: `${group} drop`, comment: 'flooded frames are forwarded too, and counted there' },
    { text: `goto ${chainName('to-box')}` },
  );
  return { name: 'input', hook: 'type filter hook input priority filter; policy accept;', rules };
}

/** To connection tracking a redirect is an error message too (RFC 792; RFC 4861 section 8.2: from routers only). */
function errors(): Chain {
  const fromDevices = `meta mark ${markText(SIDE_DEVICE)}`;
  return {
    name: 'errors',
    rules: [
      {
        text: `${fromDevices} icmp type redirect goto ${chainName('rogue-ra')}`,
        comment: 'default rogue-ra',
      },
      {
        text: `${fromDevices} icmpv6 type nd-redirect goto ${chainName('rogue-ra')}`,
        comment: 'default rogue-ra',
      },
      { text: 'goto live' },
    ],
  };
}

/** A MAC that uses an address of somebody else, or leaves its own fixed ones (RFC 2827). Unspecified and link-local are anyone's. */
function sourceChain(family: 4 | 6): Chain {
  const source = addressOf(family, 'saddr');
  return {
    name: `source_ip${family}`,
    rules: [
      { text: family === 4 ? 'ip saddr 0.0.0.0 return' : 'ip6 saddr { ::, fe80::/10 } return' },
      { text: `meta mark set ${source} map @device_by_ip${family}`, comment: 'whose address is it' },
      { text: `meta mark != ${markText(SIDE_DEVICE)} goto spoofed_by_device` },
      { text: `ether saddr @fixed_macs${family} goto spoofed_by_device` },
      { text: learnLog, comment: 'an address not bound to anyone yet' },
    ],
  };
}

function fromDevice(): Chain {
  return {
    name: 'from_device',
    rules: [
      { text: 'jump rogue' },
      { text: 'meta mark set ip daddr map @device_by_ip4' },
      { text: 'meta mark set ip6 daddr map @device_by_ip6' },
      { text: `meta mark != ${markText(SIDE_DEVICE)} goto from_device_to_device` },
      ...nameTheSender(),
      ...underOrders,
      { text: 'jump infrastructure_device' },
      { text: 'jump allowed_out' },
      { text: keepMark },
      { text: 'goto admit' },
    ],
  };
}

function fromDeviceToDevice(): Chain {
  return {
    name: 'from_device_to_device',
    comment: 'the list of the one contacted, then that of the opener: both must permit',
    rules: [
      ...underOrders,
      ...nameTheSender(),
      ...underOrders,
      { text: `meta mark set meta mark or ${markText(BOTH_GUARDED)}` },
      { text: 'jump infrastructure_device' },
      { text: 'meta mark set ip daddr map @device_by_ip4' },
      { text: 'meta mark set ip6 daddr map @device_by_ip6' },
      { text: 'jump allowed_in' },
      ...lenientLogs(), // what its own list would refuse is told of the one contacted, too
      ...nameTheSender(),
      { text: 'jump allowed_out' },
      { text: keepMark },
      { text: `ct mark set ct mark or ${markText(BOTH_GUARDED)}` },
      { text: 'goto admit' },
    ],
  };
}

function nameTheSender(): readonly Rule[] {
  return [
    { text: `meta mark set ${markText(OPENED | UNKNOWN_DEVICE_ID)}` },
    { text: 'meta mark set ether saddr map @device_by_mac' },
  ];
}

function toDevice(): Chain {
  return {
    name: 'to_device',
    rules: [
      {
        text: 'meta mark set ip saddr map @device_by_ip4',
        comment: 'a guarded address cannot come from the network side',
      },
      { text: 'meta mark set ip6 saddr map @device_by_ip6' },
      { text: `meta mark != ${markText(SIDE_NETWORK)} goto ${chainName('spoofed-source')}` },
      { text: `meta mark set ${markText(CONTACTED | UNKNOWN_DEVICE_ID)}` },
      { text: 'meta mark set ip daddr map @device_by_ip4' },
      { text: 'meta mark set ip6 daddr map @device_by_ip6' },
      ...underOrders,
      { text: 'jump infrastructure_network' },
      { text: `${group} goto ${chainName('broadcast')}` },
      { text: 'jump allowed_in' },
      { text: keepMark },
      { text: 'goto admit' },
    ],
  };
}

/** What a name permits and is used stays permitted: `used_out` and `used_in` return for the chain that goes there. */
function keepUsed(peer: 'saddr' | 'daddr'): (rule: Rule) => Rule {
  const chain = peer === 'daddr' ? 'used_out' : 'used_in';
  return ({ text }) => ({
    text: /@\w+_names\w* return$/.test(text) ? text.replace(/return$/, `goto ${chain}`) : text,
  });
}

/** Returns when the device's list, or its mode, lets the packet through. */
function judged(name: string, peer: 'saddr' | 'daddr'): Chain {
  return {
    name,
    rules: [
      ...lookups('allow', peer, 'dport').map(keepUsed(peer)),
      { text: 'meta mark vmap @lenient' },
      { text: 'goto not_allowed' },
    ],
  };
}

/**
 * A device under an order. Returns, so that the other end is looked at too, when it is not cut and the packet belongs to an essential entry or to infrastructure; the
 * connection's direction says which end is the peer. ICMP errors about a connection carry its mark and neither its
 * addresses nor its ports. They pass (path MTU discovery, RFC 1191, RFC 8201): the connections that containment ends are
 * deleted, so those that errors can still be about are essential.
 */
function contained(
  name: string,
  ahead: 'saddr' | 'daddr',
  back: 'saddr' | 'daddr',
  side: 'device' | 'network',
): Chain {
  return {
    name,
    rules: [
      ...cutFirst,
      ...flowsFrom(side).map((flow) => ({ text: `${matchOf(flow)} return`, comment: `default ${flow.id}` })),
      ...flowsFrom(side === 'device' ? 'network' : 'device').map((flow) => ({
        text: `ct direction reply ${matchOf(flow)} return`,
      })),
      ...lookups('essential', ahead, 'dport')
        .map(keepUsed(ahead))
        .map((rule) => ({ text: `ct direction original ${rule.text}` })),
      ...lookups('essential', back, 'sport').map((rule) => ({ text: `ct direction reply ${rule.text}` })),
      { text: 'ct state related meta l4proto { icmp, ipv6-icmp } return' },
      { text: `goto ${chainName('contained')}` },
    ],
  };
}

/** The table of policy/default-policy.ts as rules. */
function infrastructure(side: 'device' | 'network'): Chain {
  const rules = flowsFrom(side).map((flow) => ({
    text: `${matchOf(flow)} goto admit_infrastructure`,
    comment: `default ${flow.id}`,
  }));
  return { name: `infrastructure_${side}`, rules };
}

function flowsFrom(side: 'device' | 'network'): readonly InfrastructureFlow[] {
  return INFRASTRUCTURE.filter((flow) => flow.from === side || flow.from === 'both');
}

function notAllowed(): Chain {
  return {
    name: 'not_allowed',
    rules: [
      {
        text: `meta mark { ${markText(OPENED | UNKNOWN_DEVICE_ID)}, ${markText(CONTACTED | UNKNOWN_DEVICE_ID)} } goto ${chainName('unknown-device')}`,
      },
      { text: `goto ${chainName('policy')}` },
    ],
  };
}

function lenientChain(name: string, comment: string, bit: number, counter: string | null): Chain {
  const count = counter === null ? [] : [{ text: `counter name "${counter}"` }];
  return { name, comment, rules: [...count, { text: `meta mark set meta mark or ${markText(bit)}` }] };
}

/** Everything the device side may not send whatever its list says, and what infrastructure passes silently. */
function fixedChains(): readonly Chain[] {
  return [
    {
      name: 'rogue',
      rules: INFRASTRUCTURE.flatMap((flow) =>
        flow.otherwise === null
          ? []
          : [
              {
                text: `${matchOf(flow)} goto ${chainName(flow.otherwise)}`,
                comment: `default ${flow.otherwise}`,
              },
            ],
      ),
    },
    {
      name: 'admit_infrastructure',
      rules: [
        {
          text: `udp sport { 68, 546 } limit rate 20/second burst 50 packets log group ${LEARN_GROUP} prefix "${IDENTITY_PREFIX}" snaplen ${DATA_SNAP_BYTES}`,
        },
        // Servers and routers of the network: a new one is told.
        ...['udp sport { 67, 547 }', 'icmpv6 type nd-router-advert'].map((what) => ({
          text: `${what} limit rate ${WATCHED_LOG_RATE_PER_SECOND}/second burst ${WATCHED_LOG_BURST} packets log group ${LEARN_GROUP} prefix "${WATCHED_PREFIX}" snaplen ${LOG_SNAP_BYTES}`,
        })),
        { text: keepMark },
        { text: admit },
      ],
    },
    {
      name: 'spoofed_by_device',
      comment: 'the log names who sent it, not whose address was claimed',
      rules: [...nameTheSender(), { text: `goto ${chainName('spoofed-source')}` }],
    },
  ];
}

function matchOf(flow: InfrastructureFlow): string {
  if (flow.protocol === 'icmpv6')
    return `ip6 hoplimit ${flow.hopLimit ?? 255} icmpv6 type { ${(flow.icmpTypes ?? []).join(', ')} }`;
  if (flow.protocol === 'igmp') return `meta nfproto ipv4 meta l4proto ${PROTOCOL_NUMBERS.igmp}`;
  return `meta nfproto ipv${flow.family} udp sport ${flow.sourcePort ?? 0} udp dport ${flow.destinationPort ?? 0}`;
}
