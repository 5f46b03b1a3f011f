/**
 * How a device is exposed, as one packet shows: what it answers on, which protocol it speaks, whether the other end is outside. Reads ports, flags and
 * the first bytes of a payload (see detect/content/recognise-protocol.ts for their references; RFC 1157, RFC 959, RFC 854, Modbus/TCP 1.0b, ASHRAE 135
 * annex J for the ports), and keeps none of them. Pure; called by read-packet.ts.
 */
import { recognise } from '../detect/content/recognise-protocol.js';
import { u8 } from '../packet/read.js';
import { LAYER_TCP, LAYER_UDP, TCP_ACK, TCP_SYN, type PacketView } from '../packet/view.js';
import { CONFIDENCE, type Observation } from './observation.js';
import { isMqttConnect } from './wire/read-plant.js';
import { isSiteAddress } from './site-address.js';

/** Ports above are nobody's in particular: who answers there was asked from there. */
const LAST_SERVICE_PORT = 32_767;
const UDP_SERVICES: ReadonlyMap<number, string> = new Map([
  [53, 'DNS'],
  [69, 'TFTP'],
  [123, 'NTP'],
  [161, 'SNMP'],
  [5094, 'HART-IP'],
  [44_818, 'EtherNet/IP'],
  [514, 'syslog'],
  [47_808, 'BACnet'],
]);
const TCP_SERVICES: ReadonlyMap<number, string> = new Map([
  [21, 'FTP'],
  [23, 'Telnet'],
  [102, 'S7 or MMS'],
  [502, 'Modbus'],
  [1433, 'SQL Server'],
  [5900, 'VNC'],
  [5094, 'HART-IP'],
  [9100, 'raw printing'],
  [20_000, 'DNP3'],
  [44_818, 'EtherNet/IP'],
]);
const HTTP_ANSWER = 0x48545450;

/** `from` and `to` in text; `isAnswer`: known to come from the end that was contacted, whatever the flags say. */
export function readExposure(
  view: PacketView,
  bytes: Uint8Array,
  from: string | null,
  to: string | null,
  isAnswer: boolean,
): readonly Observation[] {
  const observations: Observation[] = [];
  const add = (field: 'service' | 'speaks' | 'reaches', value: string): void => {
    observations.push({ field, value, source: 'traffic', confidence: CONFIDENCE.declared });
  };
  const isTcp = (view.layers & LAYER_TCP) !== 0;
  const isUdp = (view.layers & LAYER_UDP) !== 0;
  const isSynAnswer = isTcp && (view.tcpFlags & (TCP_SYN | TCP_ACK)) === (TCP_SYN | TCP_ACK);
  const isUdpAnswer = isUdp && UDP_SERVICES.has(view.srcPort) && view.payloadLength > 0;
  const answers = isSynAnswer || isUdpAnswer || (isAnswer && isTcp);
  if (answers && view.srcPort <= LAST_SERVICE_PORT)
    add('service', `${isTcp ? 'tcp' : 'udp'}/${view.srcPort}`);
  const spoken = isTcp ? spokenOverTcp(view, bytes) : isUdp ? spokenOverUdp(view) : null;
  if (spoken !== null) add('speaks', spoken);
  const isNew = isTcp ? (view.tcpFlags & TCP_SYN) !== 0 : isUdp;
  if (isNew && from !== null && to !== null && isSiteAddress(from) && isOutside(to))
    add('reaches', answers ? 'from internet' : 'internet');
  return observations;
}

function spokenOverTcp(view: PacketView, bytes: Uint8Array): string | null {
  const { payloadOffset, payloadLength } = view;
  if (payloadLength < 4) return null;
  const found = recognise(bytes, payloadOffset, payloadLength);
  // A load balancer's header alone is nobody's speech.
  if (found === 'PROXY') return null;
  if (found !== null) return found === 'HL7 MLLP' ? 'HL7' : found;
  const first =
    ((u8(bytes, payloadOffset) << 24) |
      (u8(bytes, payloadOffset + 1) << 16) |
      (u8(bytes, payloadOffset + 2) << 8) |
      u8(bytes, payloadOffset + 3)) >>>
    0;
  if (first === HTTP_ANSWER) return 'HTTP';
  if (isMqttConnect(bytes, payloadOffset, payloadOffset + payloadLength)) return 'MQTT';
  // A-ASSOCIATE-AC of DICOM PS3.8 section 9.3.3 answers where DICOM is served.
  if (first >>> 16 === 0x0200 && (view.srcPort === 104 || view.srcPort === 11_112)) return 'DICOM';
  return TCP_SERVICES.get(view.srcPort) ?? TCP_SERVICES.get(view.dstPort) ?? null;
}

function spokenOverUdp(view: PacketView): string | null {
  if (view.payloadLength === 0) return null;
  return UDP_SERVICES.get(view.dstPort) ?? UDP_SERVICES.get(view.srcPort) ?? null;
}

/** Global unicast; the documentation networks of labs and examples (RFC 5737, RFC 3849) count as such. */
function isOutside(address: string): boolean {
  if (isSiteAddress(address)) return false;
  if (address.includes(':')) return /^[23]/.test(address);
  const [first = 0, second = 0] = address.split('.').map(Number);
  return first > 0 && first < 224 && first !== 127 && !(first === 169 && second === 254);
}
