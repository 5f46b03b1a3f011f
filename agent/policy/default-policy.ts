/* eslint-disable max-lines -- (Above 400 lines: one table, read from top to bottom: what opens or closes the firewall stands nowhere else.) */
/**
 * Every default that opens or closes the firewall, once, with its reason. The ruleset, explain.ts and the documentation
 * read it from here. A default may never be written anywhere else: what is opened silently is found by an attacker,
 * what is closed silently is found by a nurse. Pure data.
 */

/** A device that no entry names gets through nothing but the infrastructure below. */
export const UNKNOWN_DEVICES_DEFAULT: 'observe' | 'refuse' = 'refuse';

/** Kernel log limits for refused packets, per device. Counters stay exact above it; only the evidence is thinned. */
export const REFUSED_LOG_RATE_PER_SECOND = 50;
export const REFUSED_LOG_BURST = 100;
/** Kernel log limits for the first packets of permitted connections, per device. */
export const NEW_LOG_RATE_PER_SECOND = 500;
export const NEW_LOG_BURST = 1000;
/** ARP of one sender, its neighbour discovery, and answers of DHCP servers and routers, that passed: copies for the detectors. A sweep of a /24 asks 254 times. */
export const WATCHED_LOG_RATE_PER_SECOND = 20;
export const WATCHED_LOG_BURST = 100;
/**
 * Source MACs that a bridge remembers of each side, beside those of guarded devices; one more is refused until another was silent for so long. A
 * bridge keeps 128 bytes of kernel memory for each MAC that ever sent, without a limit before Linux 6.8: a flood of them (macof) takes a
 * box of 1 GB in a minute. A clinic's network has thousands, and what is behind a box hundreds.
 */
export const DEVICE_SIDE_MACS = 4_096;
export const NETWORK_SIDE_MACS = 16_384;
/** As long as a bridge remembers them. */
export const MACS_TIMEOUT_SECONDS = 300;
/** How much of a logged packet is copied to userspace: headers and a little of the payload, never a whole record. */
export const LOG_SNAP_BYTES = 256;
/** The same for the first data of a TCP connection, which says what is spoken on it: enough for a TLS ClientHello. */
export const DATA_SNAP_BYTES = 1024;

/**
 * Where first packets meet the detectors. Inline holds them for less than a millisecond, and can refuse what makes up a
 * finding; every failure of it lets go what the allow-list permits (`listener-failure`).
 */
export const INSPECTION_DEFAULT: 'inline' | 'tap' = 'inline';
/** First packets that may wait at once; the next pass unseen. A hung enforcer can hold no more than this. */
export const HOLD_QUEUE_LENGTH = 256;
/**
 * An enforcer that stalls for this long holds nothing any more: the kernel ends it by itself. Under a second, so that a SYN which was
 * held passes when it is sent again for the first time (after 1 s, RFC 6298 section 2) and not only the second (after 3 s).
 */
export const INSPECTION_HEARTBEAT_TIMEOUT_MS = 900;
/** A detector whose action is "contain" contains at most this many devices an hour, and all of them together on one box; a person decides on the rest. */
export const DETECTOR_CONTAINMENTS_PER_HOUR = 3;
/** A finding below this severity contains nobody. */
export const CONTAIN_FROM_SEVERITY = 'medium';

/** How long the button is held to contain, and to cut. */
export const BUTTON_CONTAINS_AFTER_SECONDS = 3;
export const BUTTON_CUTS_AFTER_SECONDS = 10;
/** Held for longer than this it is taken for stuck, or leaned on, and cuts nothing. */
export const BUTTON_STUCK_AFTER_SECONDS = 60;
/** A cut by the button leaves life-sustaining devices contained. */
export const BUTTON_CUTS_LIFE_SUSTAINING = false;

/** `*.` in allow-lists: only where the site says so. */
export const WILDCARD_NAMES_DEFAULT = false;
/**
 * How long an address of a name stays permitted after an answer: its TTL, not less and not more than these, and the grace.
 * Clients keep addresses longer than they should; a balancer's TTL of seconds would otherwise refuse what is under way.
 */
export const NAME_TTL_MIN_SECONDS = 300;
export const NAME_TTL_MAX_SECONDS = 86_400;
export const NAME_GRACE_SECONDS = 3_600;
/**
 * How long after its last use. Never less than what an answer gives, because the kernel itself sets it at each new
 * connection, whatever is left.
 */
export const NAME_USED_SECONDS = NAME_TTL_MAX_SECONDS + NAME_GRACE_SECONDS;
/** An address that no answer has given for this long is no address of the name any more, however much it is used. */
export const NAME_UNCONFIRMED_SECONDS = 30 * 86_400;
/** As much of a DNS message as is read, with its headers: what EDNS clients ask for (RFC 6891 section 6.2.5). */
export const NAME_SNAP_BYTES = 4_096 + 128;

/** A clock that was set, or an enforcer that started, ends no exception (`until`) before the clock has run this long without a jump. */
export const EXCEPTION_CLOCK_SETTLES_SECONDS = 3_600;

/** An applied policy that nobody confirms is rolled back after this long. */
export const CONFIRM_SECONDS = 120;

/** IANA protocol numbers by their policy names; `any` has none. */
export const PROTOCOL_NUMBERS = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  icmpv6: 58,
  sctp: 132,
} as const;

export type Side = 'device' | 'network';

/**
 * One kind of packet that always passes, because without it a permitted connection could not exist. All are link-local
 * housekeeping. `from` is the side it may come from; the same packet from the other side is refused with `otherwise`,
 * or meets the allow-list where that is null.
 */
export interface InfrastructureFlow {
  readonly id: string;
  readonly family: 4 | 6;
  readonly from: Side | 'both';
  readonly protocol: 'udp' | 'igmp' | 'icmpv6';
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpTypes?: readonly number[];
  /** With icmpTypes. 255: crossed no router (RFC 4861 section 6.1); 1: is not to cross one (RFC 2710 section 3, RFC 3810 section 5). */
  readonly hopLimit?: 1 | 255;
  readonly otherwise: 'rogue-dhcp' | 'rogue-ra' | null;
}

/** Also what a contained device keeps (see `contained-keeps-infrastructure`). ARP is layer 2 and not in this list. */
export const INFRASTRUCTURE: readonly InfrastructureFlow[] = [
  {
    id: 'dhcpv4-client',
    family: 4,
    from: 'device',
    protocol: 'udp',
    sourcePort: 68,
    destinationPort: 67,
    otherwise: null,
  },
  {
    id: 'dhcpv4-server',
    family: 4,
    from: 'network',
    protocol: 'udp',
    sourcePort: 67,
    destinationPort: 68,
    otherwise: 'rogue-dhcp',
  },
  {
    id: 'dhcpv6-client',
    family: 6,
    from: 'device',
    protocol: 'udp',
    sourcePort: 546,
    destinationPort: 547,
    otherwise: null,
  },
  {
    id: 'dhcpv6-server',
    family: 6,
    from: 'network',
    protocol: 'udp',
    sourcePort: 547,
    destinationPort: 546,
    otherwise: 'rogue-dhcp',
  },
  {
    id: 'nd-solicit',
    family: 6,
    from: 'both',
    protocol: 'icmpv6',
    icmpTypes: [135, 136],
    hopLimit: 255,
    otherwise: null,
  },
  {
    id: 'nd-router-solicitation',
    family: 6,
    from: 'device',
    protocol: 'icmpv6',
    icmpTypes: [133],
    hopLimit: 255,
    otherwise: null,
  },
  {
    id: 'nd-router',
    family: 6,
    from: 'network',
    protocol: 'icmpv6',
    icmpTypes: [134, 137],
    hopLimit: 255,
    otherwise: 'rogue-ra',
  },
  {
    id: 'mld-report',
    family: 6,
    from: 'device',
    protocol: 'icmpv6',
    icmpTypes: [131, 132, 143],
    hopLimit: 1,
    otherwise: null,
  },
  {
    id: 'mld-query',
    family: 6,
    from: 'network',
    protocol: 'icmpv6',
    icmpTypes: [130],
    hopLimit: 1,
    otherwise: null,
  },
  { id: 'igmp', family: 4, from: 'both', protocol: 'igmp', otherwise: null },
];

export type DefaultEffect = 'opens' | 'closes' | 'keeps';

export interface FirewallDefault {
  readonly id: string;
  /** `keeps`: neither; what was decided before goes on being so (failures, limits). */
  readonly effect: DefaultEffect;
  readonly what: string;
  readonly why: string;
  /** A standard with its section, or where the decision is the project's own: `design`. */
  readonly source: string;
}

export const DEFAULTS: readonly FirewallDefault[] = [
  {
    id: 'default-deny',
    effect: 'closes',
    what: 'An enforced device reaches, and is reached by, only what its allow-list names; the rest is refused.',
    why: 'A device nobody can patch has to be assumed exploitable; what it does not need cannot be used against it.',
    source: 'NIST SP 800-41r1 section 2.1 (deny by default)',
  },
  {
    id: 'established',
    effect: 'opens',
    what: 'Packets of a connection that was permitted when it began, and ICMP errors about it, pass in both directions.',
    why: 'Answers belong to the question; path MTU discovery breaks without the errors.',
    source: 'RFC 4890 section 4.3.1; RFC 1191',
  },
  {
    id: 'invalid',
    effect: 'closes',
    what: 'A packet that belongs to no connection and cannot begin one is refused.',
    why: 'It is what ACK, FIN, NULL and Xmas scans are made of; a real peer opens a new connection.',
    source: 'design',
  },
  {
    id: 'both-lists',
    effect: 'closes',
    what: 'Between two guarded devices the "out" list of one and the "in" list of the other must both permit.',
    why: 'A pump may be allowed to call a monitor without the owner of the monitor having agreed to be called.',
    source: 'design',
  },
  {
    id: 'refused-means-dropped',
    effect: 'closes',
    what: 'A refused packet is dropped without an answer.',
    why: 'An answer would tell a scanner what is there, and the bridge family on stock kernels cannot send one for every case.',
    source: 'design',
  },
  {
    id: 'unknown-devices',
    effect: 'closes',
    what: `A device behind the box that no entry names: ${UNKNOWN_DEVICES_DEFAULT}, unless the policy says "unknownDevices".`,
    why: 'A laptop plugged in behind the box must not inherit the trust of the pump beside it.',
    source: 'design',
  },
  {
    id: 'observe-and-shadow-permit',
    effect: 'opens',
    what: 'A device in "observe" or "shadow" is refused nothing by its allow-list; shadow counts what enforce would refuse.',
    why: 'An unproven list must not be able to stop a therapy. Infrastructure rules, spoofing checks and containment still hold.',
    source: 'design',
  },
  {
    id: 'arp',
    effect: 'opens',
    what: 'ARP passes in both directions, as far as sender MAC and address agree with what is known of the device.',
    why: 'Without it no IPv4 peer can be reached.',
    source: 'RFC 826',
  },
  {
    id: 'arp-spoof',
    effect: 'closes',
    what: 'ARP that claims an address of another guarded device, or that a device with fixed addresses sends for one not its own, is refused (arp-spoof); a neighbour advertisement that does so too (spoofed-source).',
    why: 'It is the first step of an interception within one network segment.',
    source: 'RFC 5227 section 1.1',
  },
  {
    id: 'spoofed-source',
    effect: 'closes',
    what: 'A packet from the device side whose MAC and source address belong to two different devices is refused.',
    why: 'Identity is a MAC and its addresses; a device that borrows either borrows the allow-list of the other.',
    source: 'RFC 2827 (BCP 38)',
  },
  {
    id: 'nd-solicit',
    effect: 'opens',
    what: 'ICMPv6 neighbour solicitation (135) and advertisement (136) pass in both directions.',
    why: 'IPv6 has no ARP: without them no IPv6 peer can be reached.',
    source: 'RFC 4861 section 4; RFC 4890 section 4.4.1',
  },
  {
    id: 'nd-router-solicitation',
    effect: 'opens',
    what: 'ICMPv6 router solicitation (133) passes from the device side.',
    why: 'It asks the network for its routers; nothing on the device side has a reason to be asked.',
    source: 'RFC 4861 section 6.3.7',
  },
  {
    id: 'nd-router',
    effect: 'opens',
    what: 'ICMPv6 router advertisement (134) and redirect (137) pass from the network side.',
    why: 'Only routers send them, and routers stand on the network side.',
    source: 'RFC 4861 sections 6.2 and 8.2',
  },
  {
    id: 'rogue-ra',
    effect: 'closes',
    what: 'Router advertisements and redirects (ICMP redirects of IPv4 too) from the device side are refused (rogue-ra).',
    why: 'A device that plays router takes over the traffic of its segment.',
    source: 'RFC 6105 (RA-Guard); RFC 7113',
  },
  {
    id: 'dhcpv4-client',
    effect: 'opens',
    what: 'DHCPv4 from a client on the device side (UDP 68 to 67).',
    why: 'A device whose lease runs out is off the network as surely as if it were unplugged. Unicast renewals go to any server, so this is also a narrow way out; it is counted.',
    source: 'RFC 2131 section 4.1',
  },
  {
    id: 'dhcpv4-server',
    effect: 'opens',
    what: 'DHCPv4 from a server on the network side (UDP 67 to 68).',
    why: 'The answer to a broadcast is not "established" to connection tracking.',
    source: 'RFC 2131 section 4.1',
  },
  {
    id: 'dhcpv6-client',
    effect: 'opens',
    what: 'DHCPv6 from a client on the device side (UDP 546 to 547).',
    why: 'As for DHCPv4.',
    source: 'RFC 8415 section 7.2',
  },
  {
    id: 'dhcpv6-server',
    effect: 'opens',
    what: 'DHCPv6 from a server on the network side (UDP 547 to 546).',
    why: 'The answer to a multicast is not "established" to connection tracking.',
    source: 'RFC 8415 section 7.2',
  },
  {
    id: 'rogue-dhcp',
    effect: 'closes',
    what: 'DHCP server answers from the device side are refused (rogue-dhcp).',
    why: 'A device that hands out leases decides which gateway and which resolver its neighbours use.',
    source: 'RFC 7610 (DHCPv6-Shield)',
  },
  {
    id: 'mld-report',
    effect: 'opens',
    what: 'MLD reports and done (131, 132, 143) pass from the device side.',
    why: 'A snooping switch otherwise stops delivering the multicast that neighbour discovery needs.',
    source: 'RFC 3810; RFC 4890 section 4.4.1',
  },
  {
    id: 'mld-query',
    effect: 'opens',
    what: 'MLD queries (130) pass from the network side.',
    why: 'Reports answer them; queriers stand on the network side.',
    source: 'RFC 3810; RFC 4541',
  },
  {
    id: 'igmp',
    effect: 'opens',
    what: 'IGMP passes in both directions.',
    why: 'As MLD, for IPv4. It stays within the segment (TTL 1).',
    source: 'RFC 3376 section 4',
  },
  {
    id: 'ethertype',
    effect: 'closes',
    what: 'Frames that are not ARP, IPv4 or IPv6 are refused (ethertype).',
    why: 'The allow-list cannot see into them, so they would be a way round it.',
    source: 'design',
  },
  {
    id: 'too-many-macs',
    effect: 'closes',
    what: `A bridge refuses frames of new source MACs while ${DEVICE_SIDE_MACS} on the device side or ${NETWORK_SIDE_MACS} on the network side sent within ${MACS_TIMEOUT_SECONDS} s (too-many-macs). Guarded devices do not count, and are never refused for it.`,
    why: "The kernel's list of MACs has no limit of its own (before Linux 6.8): a flood of made-up ones would take the box's memory, and with it the way of all devices.",
    source: 'IEEE 802.1D section 7.8; design',
  },
  {
    id: 'vlan',
    effect: 'closes',
    what: 'A frame with a VLAN tag is refused (ethertype) unless the configuration names its VLAN under "vlans"; with two tags always.',
    why: 'A device that may tag its frames may choose the network it speaks to; most boxes stand on an access port and see no tag.',
    source: 'IEEE 802.1Q; NIST SP 800-125B section 4',
  },
  {
    id: 'to-box',
    effect: 'closes',
    what: 'Packets from the device side to the box itself are refused (to-box), but for ARP, neighbour discovery and, in router mode, ping.',
    why: 'The box must not be a target for what it guards against.',
    source: 'design',
  },
  {
    id: 'not-filtered',
    effect: 'closes',
    what: 'In bridge mode a frame that did not pass the IP rules (br_netfilter unloaded or switched off) is refused.',
    why: 'A missing kernel module must not turn the firewall into a cable.',
    source: 'design',
  },
  {
    id: 'processes-gone',
    effect: 'keeps',
    what: 'With both processes stopped or dead the loaded ruleset goes on: permitted is permitted, refused is refused.',
    why: 'A fault in our code may neither cut care nor open the network.',
    source: 'design',
  },
  {
    id: 'listener-failure',
    effect: 'keeps',
    what: 'No listener, a full queue or a hung listener: what the allow-list permits passes unseen; what it does not permit stays refused.',
    why: 'First-packet detection is advice; the allow-list is the rule.',
    source: 'design',
  },
  {
    id: 'inspection',
    effect: 'keeps',
    what: `The first packet of a new connection that the allow-list permits waits for the detectors (inspection: ${INSPECTION_DEFAULT}); copies to groups pass, and are seen beside. At most ${HOLD_QUEUE_LENGTH} wait at once, and none once the enforcer stalls for ${INSPECTION_HEARTBEAT_TIMEOUT_MS / 1000} s. Where the kernel cannot hold packets the detectors see a copy instead.`,
    why: 'A detector that only sees copies speaks after the first packet has done its work.',
    source: 'design',
  },
  {
    id: 'names',
    effect: 'opens',
    what: `A name in an allow-list stands for the addresses that the policy's resolvers give it in answer to the device's own question, for the TTL (${NAME_TTL_MIN_SECONDS} s to ${NAME_TTL_MAX_SECONDS / 3600} h) and ${NAME_GRACE_SECONDS / 3600} h more, and for ${NAME_USED_SECONDS / 3600} h after each new connection; at most ${NAME_UNCONFIRMED_SECONDS / 86_400} days without an answer that gives it.`,
    why: 'Hosts move; a list of their addresses is wrong from the day they do. A device that keeps an address past its TTL must not be refused in the middle of its work.',
    source: 'design; RFC 1035 section 3.2.1; RFC 5452 section 9.1',
  },
  {
    id: 'name-addresses',
    effect: 'closes',
    what: 'An address that no host has, that is link-local, or that belongs to the box or to a guarded device is never permitted by a name; one inside the site, or private, only by a name under "site.domains".',
    why: 'Whoever controls a name outside would otherwise choose which host of the hospital the device may reach (DNS rebinding).',
    source: 'design; RFC 6890; RFC 1918; RFC 4193',
  },
  {
    id: 'wildcard-names',
    effect: 'closes',
    what: 'Names that begin with "*." are refused in a policy unless "site.wildcardNames" is true.',
    why: 'Under a wildcard, whoever can make a name in the domain decides what the device reaches, and the device can say so itself by asking for it.',
    source: 'design; RFC 4592',
  },
  {
    id: 'encrypted-dns',
    effect: 'closes',
    what: 'Encrypted DNS (DNS over TLS or QUIC on port 853, DNS over HTTPS) is not let through by itself: it needs an entry, as all else does.',
    why: 'The box cannot read such answers, so names would permit nothing, and a device could ask a server that nobody chose. DoH to a host that an entry permits on 443 cannot be told from other HTTPS.',
    source: 'design; RFC 7858; RFC 8484; RFC 9250',
  },
  {
    id: 'exceptions',
    effect: 'closes',
    what: `An entry with "until" permits nothing once that is over (a date: with the end of that day, UTC), and its live connections end; it comes back only with a policy that a person applies. The box ends it, never before its clock has run ${EXCEPTION_CLOCK_SETTLES_SECONDS / 60} min without a jump ("clockSettlesSeconds"), counted from the start of the enforcer: so at most that much late, or by as much as the clock is behind.`,
    why: 'A way in for a vendor that was to be open for a week is what an attacker finds two years later. A box without a battery does not know the date until it is told, and may be told wrong: what a clock closes in error stops somebody’s work, and an hour is time to put it right.',
    source: 'design; NIST SP 800-53r5 AC-2(2); RFC 3339',
  },
  {
    id: 'essential-exceptions',
    effect: 'keeps',
    what: 'An essential entry past its "until" goes on, and is reported until somebody changes the policy.',
    why: 'What a patient needs is not stopped by a date that somebody wrote a year ago.',
    source: 'design',
  },
  {
    id: 'detector-action',
    effect: 'closes',
    what: 'A detector refuses connections, or contains a device, only where the policy gives it that action ("detect"); never a connection of an essential entry, never more than contain.',
    why: 'Detectors are wrong sometimes; a person who knows the device decides which of them may act.',
    source: 'design',
  },
  {
    id: 'detector-containments',
    effect: 'keeps',
    what: `Detectors contain at most ${DETECTOR_CONTAINMENTS_PER_HOUR} devices an hour on a box ("detectorContainmentsPerHour") and each of them, only for findings of ${CONTAIN_FROM_SEVERITY} severity or more ("containFrom"), and only for what a device itself sent.`,
    why: 'One wrong threshold must not contain a whole ward.',
    source: 'design',
  },
  {
    id: 'log-rate',
    effect: 'keeps',
    what: `Refused packets are logged up to ${REFUSED_LOG_RATE_PER_SECOND}/s (burst ${REFUSED_LOG_BURST}) a device, new connections up to ${NEW_LOG_RATE_PER_SECOND}/s (burst ${NEW_LOG_BURST}), ARP and neighbour discovery of one sender up to ${WATCHED_LOG_RATE_PER_SECOND}/s (burst ${WATCHED_LOG_BURST}). Counters are exact.`,
    why: 'A flood from one device must not starve the box or hide what another does.',
    source: 'design',
  },
  {
    id: 'commit-confirm',
    effect: 'keeps',
    what: `An applied policy that is not confirmed within ${CONFIRM_SECONDS} s is rolled back to the one before.`,
    why: 'The person who locked the device out, or themselves, may be the one who can no longer undo it.',
    source: 'design; RFC 6241 section 8.4 (confirmed commit)',
  },
  {
    id: 'contained-keeps-infrastructure',
    effect: 'keeps',
    what: 'A contained device keeps its essential entries with ICMP errors about them, ARP, neighbour discovery and its DHCP lease; all else stops, live connections included.',
    why: 'An essential connection cannot outlive the address it runs on.',
    source: 'design',
  },
  {
    id: 'cut-keeps-nothing',
    effect: 'closes',
    what: 'A cut device passes nothing, no infrastructure either.',
    why: 'Cut is for a device that is itself the weapon; any frame it sends may be one.',
    source: 'design',
  },
  {
    id: 'orders-merge',
    effect: 'closes',
    what: 'Of all orders that reach a device the strictest holds; a release ends the orders it names and no other, and neither a change of policy nor a restart ends one.',
    why: 'Two people who saw different things were both right to act; lifting one reason does not lift the other.',
    source: 'design',
  },
  {
    id: 'timed-orders',
    effect: 'keeps',
    what: 'An order with an end counts the time that the box is on, over a restart of the box from what was left when it was last written: it may last longer than ordered, never shorter.',
    why: 'A box without a battery behind its clock does not know how long it was off; opening early is the worse mistake.',
    source: 'design',
  },
  {
    id: 'whole-box',
    effect: 'closes',
    what: 'An order on the whole box is an order on whatever is behind it, devices that the policy does not name too. The box itself stays reachable from the network side.',
    why: 'In an outbreak nobody has the time to say who is meant; and who closed the box must be able to open it again.',
    source: 'design',
  },
  {
    id: 'button',
    effect: 'closes',
    what: `The button contains once held for ${BUTTON_CONTAINS_AFTER_SECONDS} s. It cuts when it is let go after ${BUTTON_CUTS_AFTER_SECONDS} s, but not after ${BUTTON_STUCK_AFTER_SECONDS} s: then it is stuck, or something leans on it. It never releases.`,
    why: 'Containing is safe for the patient and may be done at once; a cut wants a deliberate end. Opening wants a person with a name.',
    source: 'design',
  },
  {
    id: 'button-spares-life-sustaining',
    effect: 'keeps',
    what: `A cut by the button leaves life-sustaining devices contained (button.cutsLifeSustaining: ${BUTTON_CUTS_LIFE_SUSTAINING}).`,
    why: 'A button cannot ask for the second confirmation that a cut of such a device wants.',
    source: 'design',
  },
  {
    id: 'fleet-keys',
    effect: 'keeps',
    what: 'No key of the fleet is known until the configuration names it. A key with the role "online" contains devices by name, where their policy says "automation: contain"; cuts, wards, the whole box and releases want the role "policy".',
    why: 'A key on a server that faces the network will be stolen one day: with it nobody may cut off a patient, and nobody may open a box.',
    source: 'design',
  },
];
