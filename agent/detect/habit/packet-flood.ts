/**
 * A flood inside one connection, which counts as one however many packets it has: pings as fast as they go (RFC 1122 section 3.2.2.6 lets every
 * host answer them), and UDP questions to a service that answers each, of which hardly any is answered (RFC 4732 section 2.1). Streams and logs
 * go one way by nature, and are none; nor is an upload by QUIC, whose receiver answers ten and more packets at once (RFC 9000 section 13.2.2). Used by
 * connection-burst.ts, whose finding it is. Judged from a flow's counters.
 */
import { PROTOCOL_UDP } from '../../packet/view.js';
import type { AddressTable } from '../address-table.js';
import { addressOr, describeSubject, type DetectContext } from '../detector.js';
import { isIcmpRequest, packetsReceived, packetsSent, serviceOf, type DetectEvent } from '../event.js';
import { isInside } from '../inside.js';
import { serviceText } from '../probes.js';
import { SEVERITY } from '../severity.js';

/** Below, it is too short to harm. */
const LEAST_PACKETS = 1_000;
const ANSWERED_SHARE = 0.1;
/** Ports of services (RFC 6335 section 6) to which a packet is no question: SNMP traps, PTP (IEEE 1588), syslog. */
const FIRST_USER_PORT = 1_024;
const ONE_WAY_PORTS: ReadonlySet<number> = new Set([162, 319, 320, 514]);
/** SSDP and memcached, which are flooded for what they answer. */
const ASKED_PORTS: ReadonlySet<number> = new Set([1_900, 11_211]);
const QUIET_MS = 300_000;

const QUIC_PORT = 443;

/** `event` is an EVENT_END or an EVENT_GOING; `packetsPerSecond` over all of its time. */
export function isPacketFlood(
  addresses: AddressTable,
  event: DetectEvent,
  packetsPerSecond: number,
): boolean {
  const sent = packetsSent(event);
  const answered = packetsReceived(event);
  if (sent < LEAST_PACKETS || sent * 1000 < packetsPerSecond * event.durationMs) return false;
  if (isIcmpRequest(event)) return true;
  if (event.protocol !== PROTOCOL_UDP || answered > sent * ANSWERED_SHARE) return false;
  if (event.port === QUIC_PORT && answered > 0 && event.fromDevice && !isInside(addresses, event.peer))
    return false;
  const isService = event.port < FIRST_USER_PORT && !ONE_WAY_PORTS.has(event.port);
  return isService || ASKED_PORTS.has(event.port);
}

export function tellPacketFlood(
  context: DetectContext,
  event: DetectEvent,
  packetsPerSecond: number,
  nowMs: number,
): void {
  const { fromDevice, durationMs } = event;
  const who = describeSubject(context, event);
  const peer = addressOr(context, event.peer);
  const service = serviceText(serviceOf(event));
  const packets = packetsSent(event);
  const answers = packetsReceived(event);
  const rate = Math.round((packets * 1000) / Math.max(1000, durationMs));
  context.book.openFinding(
    {
      detector: 'connectionBurst',
      subject: who.text,
      what: `${fromDevice ? 'floods' : 'is-flooded'}:${peer}:${service}`,
      device: who.device,
      deviceMac: who.mac,
      peer,
      quietMs: QUIET_MS,
      firstMs: nowMs - durationMs,
      count: 1,
      describe: () => ({
        severity: SEVERITY[fromDevice ? 'connectionBurst.fromDevice' : 'connectionBurst.atDevice'].severity,
        title: fromDevice
          ? `${who.text} floods ${peer} in one connection: ${packets} packets of ${service}, ${rate} a second`
          : `${who.text} is flooded by ${peer} in one connection: ${packets} packets of ${service}, ${rate} a second`,
        evidence: {
          kind: 'flood in one connection',
          from: fromDevice ? 'device' : 'network',
          service,
          packets,
          answers,
          packetsPerSecond: rate,
          thresholdPerSecond: packetsPerSecond,
          seconds: Math.round(durationMs / 1000),
        },
        remedy:
          'It closes 5 min after the last such connection. If somebody tests the network, nothing is to do; if a program is meant to send so much, raise detect.connectionBurst.packetsPerSecond; if neither, find out what sends it.',
      }),
    },
    nowMs,
  );
}
