/** What came of a contact, for those who count contacts that failed: who looks for something meets mostly nobody. Pure, numbers only. */
import {
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../../packet/view.js';
import type { AddressTable } from '../address-table.js';
import {
  EVENT_END,
  EVENT_IP,
  isIcmpRequest,
  packetsSent,
  VERDICT_REFUSED,
  type DetectEvent,
} from '../event.js';
import { isTraceroute, lookedLikeAnswer, looksLikeAnswer } from '../probes.js';

/** UDP that sent so many packets and got none is a stream (waveforms, sound); a question is repeated a few times. */
const STREAM_PACKETS = 20;

/** A connection that ended with an outcome, or was refused; of what asks something. */
export function isOutcome(event: DetectEvent): boolean {
  if (event.kind === EVENT_END) {
    if (event.outcome === 0 || lookedLikeAnswer(event)) return false;
  } else if (event.kind !== EVENT_IP || event.verdict !== VERDICT_REFUSED || looksLikeAnswer(event))
    return false;
  switch (event.protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
    case PROTOCOL_SCTP:
      return event.port >= 0;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
      return isIcmpRequest(event);
    default:
      return false;
  }
}

/** What no answer is expected to, so that none is no failure. */
export function isOneWay(addresses: AddressTable, event: DetectEvent): boolean {
  if (event.protocol !== PROTOCOL_UDP) return false;
  if (isUnanswered(event.port) || isTraceroute(event) || packetsSent(event) >= STREAM_PACKETS) return true;
  const target = event.fromDevice ? event.peer : event.local;
  // A broadcast to a network, as far as one can tell without its mask.
  return event.family === 4 && (addresses.word(target, 0) & 0xff) === 0xff;
}

/** UDP services that answer nobody. */
function isUnanswered(port: number): boolean {
  switch (port) {
    case 9: // discard (RFC 863), and so wake-on-LAN
    case 138: // NetBIOS datagrams (RFC 1002 section 4.4)
    case 162: // SNMP traps (RFC 3416 section 4.2.6)
    case 514: // syslog (RFC 5426)
    case 2055: // NetFlow (RFC 3954)
    case 4739: // IPFIX (RFC 7011)
    case 6343: // sFlow 5
      return true;
    default:
      return false;
  }
}
