/**
 * What a first packet looks like to somebody counting probes: its kind, and whether it may be an answer rather than a
 * question. Used by the scan detectors. Pure, numbers only.
 */
import {
  NONE,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TCP_URG,
} from '../packet/view.js';
import {
  bytesSent,
  datagramHeaderBytes,
  EVENT_ARP,
  isIcmpRequest,
  packetsSent,
  type DetectEvent,
} from './event.js';

/** Index = kind. The names of nmap's scans where it has one; a window scan is an ACK on the wire, a connect scan a SYN (port-scan-opening.ts tells). */
export const PROBE_KINDS = [
  'SYN',
  'FIN',
  'NULL',
  'Xmas',
  'ACK or window',
  'Maimon',
  'odd TCP flags',
  'TCP mid-connection',
  'UDP',
  'SCTP INIT',
  'ping',
  'IP protocol',
  'ARP',
  'odd ICMP',
  'SYN/ACK',
] as const;
export const KIND_SYN = 0;
export const KIND_MID_CONNECTION = 7;

/** Type 8, code 0 (RFC 792). */
const ECHO_REQUEST = 0x0800;

const ALL_FLAGS = TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG;

export function probeKind(event: DetectEvent): number {
  if (event.kind === EVENT_ARP) return 12;
  if (event.protocol === PROTOCOL_UDP) return 8;
  if (event.protocol === PROTOCOL_SCTP) return 9;
  if (event.protocol !== PROTOCOL_TCP) return !isIcmpRequest(event) ? 11 : isOddProbe(event) ? 13 : 10;
  switch (event.tcpFlags & ALL_FLAGS) {
    case TCP_SYN:
      return KIND_SYN;
    case TCP_FIN:
      return 1;
    case 0:
      return 2;
    case TCP_FIN | TCP_PSH | TCP_URG:
      return 3;
    case TCP_ACK:
      return 4;
    case TCP_FIN | TCP_ACK:
      return 5;
    case TCP_SYN | TCP_ACK:
      return 14;
    default:
      return isOddProbe(event) ? 6 : KIND_MID_CONNECTION;
  }
}

/**
 * What no system sends but scanners and fingerprinting do: TCP flags with neither SYN, RST nor ACK, or SYN with more than ACK (RFC
 * 9293 section 3.10); ICMP questions that are out of use (timestamp, information, mask: RFC 6918), or a ping with a code.
 */
export function isOddProbe(event: DetectEvent): boolean {
  if (isIcmpRequest(event)) return event.family === 4 && event.port !== ECHO_REQUEST;
  if (event.protocol !== PROTOCOL_TCP) return false;
  const flags = event.tcpFlags & ALL_FLAGS;
  if ((flags & TCP_SYN) !== 0) return (flags & (TCP_FIN | TCP_RST | TCP_URG)) !== 0;
  return (flags & (TCP_RST | TCP_ACK)) === 0;
}

/** Of an odd probe, below 32: the ICMP type, or which flags there are. */
export function oddKind(event: DetectEvent): number {
  if (event.protocol !== PROTOCOL_TCP) return (event.port >> 8) & 15;
  return 16 + ((event.tcpFlags & ALL_FLAGS) % 15);
}

/** Van Jacobson's traceroute asks from here on (registered with IANA as such), a port further for each of 30 hops' three probes; no service is there. */
const FIRST_TRACEROUTE_PORT = 33_434;
const LAST_TRACEROUTE_PORT = 33_534;

export function isTraceroute(event: DetectEvent): boolean {
  return (
    event.protocol === PROTOCOL_UDP &&
    event.port >= FIRST_TRACEROUTE_PORT &&
    event.port <= LAST_TRACEROUTE_PORT
  );
}

/** Wakes a host, and is one more for each of them: the discard port (RFC 863), which answers nobody. */
const WAKE_ON_LAN_PORT = 9;

export function isWakeOnLan(event: DetectEvent): boolean {
  return event.protocol === PROTOCOL_UDP && event.port === WAKE_ON_LAN_PORT;
}

/** Ports below this are services (RFC 6335 section 6, system ports); clients do not send from them. */
export const FIRST_CLIENT_PORT = 1024;
/** Clients that want to show that they are root take ports from here to 1023 (rresvport(3): NFS, rsh); nothing connects from below. */
const FIRST_PRIVILEGED_CLIENT_PORT = 512;
/** Linux gives its clients ports from here, others from 49152 (RFC 6335 section 6, dynamic ports). */
export const FIRST_EPHEMERAL_PORT = 32_768;

const DNS_PORT = 53;
/** RFC 1035 section 4.1.1: the bit in the third byte that tells an answer from a question. */
const DNS_FLAGS_AT = 2;
const DNS_ANSWER = 0x80;

/**
 * True for what is most likely the late answer of a conversation that connection tracking forgot: it goes to as many ports as
 * the other end had connections, and would look like a scan. A scanner that sends data from a system port hides its UDP probes of
 * ports above 1023 this way; those of system ports still count.
 */
export function looksLikeAnswer(event: DetectEvent): boolean {
  if (event.protocol === PROTOCOL_UDP) return isFromSystemPort(event) && !isNoAnswer(event);
  if (event.protocol !== PROTOCOL_TCP) return false;
  if ((event.tcpFlags & TCP_RST) !== 0) return true;
  if ((event.tcpFlags & TCP_ACK) === 0) return false;
  // Half of a connection may be seen alone (the box began later, a mirror port lost the SYN), with any port that a server was given.
  if ((event.tcpFlags & TCP_SYN) !== 0) return event.port >= FIRST_PRIVILEGED_CLIENT_PORT;
  return goesToClientPort(event);
}

/** As above when the connection is over. Who opened it by SYN has asked, from whatever port; where that is not known any more, ports say it. */
export function lookedLikeAnswer(event: DetectEvent): boolean {
  if (event.protocol === PROTOCOL_TCP && event.tcpFlags !== NONE) return looksLikeAnswer(event);
  return goesToClientPort(event) && !(event.protocol === PROTOCOL_UDP && sentOnlyHeaders(event));
}

/** From what may be a service's port to what may be a client's (small systems take those from 1024 on). */
function goesToClientPort(event: DetectEvent): boolean {
  // A server on a registered port (DICOM's 11112) to its client, after connection tracking began anew.
  return event.port >= FIRST_CLIENT_PORT && event.srcPort >= 0 && event.srcPort < FIRST_EPHEMERAL_PORT;
}

function isFromSystemPort(event: DetectEvent): boolean {
  return event.srcPort >= 0 && event.srcPort < FIRST_CLIENT_PORT && event.port >= FIRST_CLIENT_PORT;
}

/** A datagram without data answers nothing, nor does a DNS question. Flow logs do not say what a datagram carried. */
function isNoAnswer({ bytes, payloadOffset, payloadLength, srcPort }: DetectEvent): boolean {
  if (bytes.length === 0) return false;
  if (payloadLength === 0) return true;
  if (srcPort !== DNS_PORT || payloadLength <= DNS_FLAGS_AT) return false;
  return ((bytes[payloadOffset + DNS_FLAGS_AT] ?? 0) & DNS_ANSWER) === 0;
}

function sentOnlyHeaders(event: DetectEvent): boolean {
  const packets = packetsSent(event);
  return packets > 0 && bytesSent(event) <= packets * datagramHeaderBytes(event);
}

/** Protocol 0 is no one's here: it stands for whatever finds a MAC for an address. */
const RESOLUTION_PROTOCOL = 0;

/** The service number, as `serviceOf` packs them, of a question for a MAC: ARP or, in IPv6, neighbour discovery. */
export function resolutionService(family: number): number {
  return (RESOLUTION_PROTOCOL << 16) | family;
}

/** Human text of protocol and port, as `serviceOf` packs them: `tcp/104`. */
export function serviceText(service: number): string {
  const protocol = service >>> 16;
  const port = service & 0xffff;
  switch (protocol) {
    case PROTOCOL_TCP:
      return `tcp/${port}`;
    case PROTOCOL_UDP:
      return `udp/${port}`;
    case PROTOCOL_SCTP:
      return `sctp/${port}`;
    case 1:
      return `icmp type ${port >> 8}`;
    case 58:
      return `icmpv6 type ${port >> 8}`;
    case RESOLUTION_PROTOCOL:
      return port === 6 ? 'neighbour discovery' : 'arp';
    default:
      return `protocol ${protocol}`;
  }
}
