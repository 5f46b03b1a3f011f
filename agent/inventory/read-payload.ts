/**
 * Which parser reads the payload of a TCP segment or a UDP datagram: by port where the protocol has one, by first bytes where it is found
 * on any. Called by read-packet.ts.
 */
import type { PacketView } from '../packet/view.js';
import { NO_OBSERVATIONS, type Observation } from './observation.js';
import { readBacnet } from './wire/read-bacnet.js';
import { readFtpBanner, readSshBanner, readTelnetBanner, readVncVersion } from './wire/read-banner.js';
import { readDhcp6, readDhcp6Server } from './wire/read-dhcp6.js';
import { isDicomAssociation, readDicom } from './wire/read-dicom.js';
import { isHl7, readHl7 } from './wire/read-hl7.js';
import { isHttp, readHttp, readSsdp } from './wire/read-http.js';
import { readModbus } from './wire/read-modbus.js';
import { readDnsQuestion, readLlmnr, readMdns } from './wire/read-names.js';
import { isSessionRequest, readBrowser, readNetbiosName, readSessionRequest } from './wire/read-netbios.js';
import {
  DNP3_PORT,
  ENIP_PORT,
  HART_IP_PORT,
  readDnp3,
  readEnip,
  readHartIp,
  readS7,
  S7_PORT,
} from './wire/read-plant.js';
import { readRdp } from './wire/read-rdp.js';
import { isSmb, readSmb } from './wire/read-smb.js';
import { readSnmp } from './wire/read-snmp.js';
import { isTlsHandshake, readTls } from './wire/read-tls.js';

const FTP = 21;
const TELNET = 23;
const DNS = 53;
const NETBIOS_NAME = 137;
const NETBIOS_DATAGRAM = 138;
const SNMP = 161;
const SNMP_TRAP = 162;
const MODBUS = 502;
const DHCP6_CLIENT = 546;
const DHCP6_SERVER = 547;
const SSDP = 1900;
const RDP = 3389;
const MDNS = 5353;
const LLMNR = 5355;
const BACNET = 47_808;
const VNC_FIRST = 5900;
const VNC_LAST = 5909;
/** Above are the ports that clients are given. */
const LAST_SERVICE_PORT = 32_767;

export function readUdpPayload(
  view: PacketView,
  bytes: Uint8Array,
  start: number,
  end: number,
): readonly Observation[] {
  const { srcPort, dstPort } = view;
  if (dstPort === DHCP6_SERVER) return readDhcp6(bytes, start, end);
  if (srcPort === DHCP6_SERVER && dstPort === DHCP6_CLIENT) return readDhcp6Server(bytes, start, end);
  if (srcPort === MDNS) return readMdns(bytes, start, end);
  if (srcPort === LLMNR) return readLlmnr(bytes, start, end);
  if (srcPort === NETBIOS_NAME) return readNetbiosName(bytes, start, end);
  if (dstPort === NETBIOS_DATAGRAM) return readBrowser(bytes, start, end);
  if (srcPort === SSDP || dstPort === SSDP) return readSsdp(bytes, start, end);
  if (srcPort === SNMP || dstPort === SNMP_TRAP) return readSnmp(bytes, start, end);
  if (srcPort === HART_IP_PORT) return readHartIp(bytes, start, end);
  if (srcPort === ENIP_PORT) return readEnip(bytes, start, end);
  if (srcPort === BACNET) return readBacnet(bytes, start, end);
  if (dstPort === DNS) return readDnsQuestion(bytes, start, end);
  return NO_OBSERVATIONS;
}

export function readTcpPayload(
  view: PacketView,
  bytes: Uint8Array,
  start: number,
  end: number,
): readonly Observation[] {
  const { srcPort, dstPort } = view;
  if (srcPort === FTP) return readFtpBanner(bytes, start, end);
  if (srcPort === TELNET) return readTelnetBanner(bytes, start, end);
  if (srcPort === MODBUS) return readModbus(bytes, start, end);
  if (srcPort === S7_PORT) return readS7(bytes, start, end);
  if (srcPort === DNP3_PORT) return readDnp3(bytes, start, end);
  if (srcPort === HART_IP_PORT) return readHartIp(bytes, start, end);
  if (srcPort === ENIP_PORT) return readEnip(bytes, start, end);
  if (srcPort >= VNC_FIRST && srcPort <= VNC_LAST) return readVncVersion(bytes, start, end);
  if (dstPort === RDP) return readRdp(bytes, start, end);
  // These are found on whatever port a vendor chose; their first bytes tell them apart.
  if (isTlsHandshake(bytes, start, end))
    return readTls(bytes, start, end, srcPort <= LAST_SERVICE_PORT && dstPort > LAST_SERVICE_PORT);
  if (isHl7(bytes, start, end)) return readHl7(bytes, start, end);
  if (isDicomAssociation(bytes, start, end)) return readDicom(bytes, start, end);
  if (isSessionRequest(bytes, start, end)) return readSessionRequest(bytes, start, end);
  if (isSmb(bytes, start, end)) return readSmb(bytes, start, end);
  if (isHttp(bytes, start, end)) return readHttp(bytes, start, end);
  return readSshBanner(bytes, start, end);
}
