/**
 * Why a packet could not be decoded to the end: a small closed list of numbers, so that the hot path compares and counts
 * without a string. Read by every decoder here and by whoever shows the counters. A problem is an answer, never an exception.
 */

/** Index = code. What was decoded before the problem stays valid in the view. */
export const PROBLEM_NAMES = [
  'none',
  'capture-cut',
  'ethernet-short',
  'vlan-short',
  'vlan-too-deep',
  'arp-short',
  'arp-not-ethernet-ipv4',
  'ip-empty',
  'ip-version',
  'ipv4-short',
  'ipv4-header-length',
  'ipv4-total-length',
  'ipv6-short',
  'ipv6-extension-short',
  'ipv6-too-many-extensions',
  'fragment-beyond-end',
  'tcp-short',
  'tcp-header-length',
  'udp-short',
  'udp-length',
  'icmp-short',
  'transport-short',
] as const;

export type ProblemName = (typeof PROBLEM_NAMES)[number];

export const OK = 0;
/** The capture ended before the header did, although the packet itself claims to go on (a short copy range). */
export const CAPTURE_CUT = 1;
export const ETHERNET_SHORT = 2;
export const VLAN_SHORT = 3;
export const VLAN_TOO_DEEP = 4;
export const ARP_SHORT = 5;
export const ARP_NOT_ETHERNET_IPV4 = 6;
export const IP_EMPTY = 7;
export const IP_VERSION = 8;
export const IPV4_SHORT = 9;
export const IPV4_HEADER_LENGTH = 10;
export const IPV4_TOTAL_LENGTH = 11;
export const IPV6_SHORT = 12;
export const IPV6_EXTENSION_SHORT = 13;
export const IPV6_TOO_MANY_EXTENSIONS = 14;
export const FRAGMENT_BEYOND_END = 15;
export const TCP_SHORT = 16;
export const TCP_HEADER_LENGTH = 17;
export const UDP_SHORT = 18;
export const UDP_LENGTH = 19;
export const ICMP_SHORT = 20;
export const TRANSPORT_SHORT = 21;

export function problemName(code: number): ProblemName {
  const name = PROBLEM_NAMES[code];
  if (name === undefined) throw new RangeError(`no packet problem has the code ${code}`);
  return name;
}
