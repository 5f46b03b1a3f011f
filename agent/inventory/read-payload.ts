/**
 * Which parser reads the payload of a TCP segment or a UDP datagram: by port where the protocol has one, by first bytes where it is found
 * on any. Called by read-packet.ts.
 */
import type { PacketView } from '../packet/view.js';
import { NO_OBSERVATIONS, type Observation } from './observation.js';
import { readBacnet } from './wire/read-bacnet.js';
import { readFtpBanner, readSshBanner, readTelnetBanner } from './wire/read-banner.js';
import { readDhcp6 } from './wire/read-dhcp6.js';
import { isDicomAssociation, readDicom } from './wire/read-dicom.js';
import { isHl7, readHl7 } from './wire/read-hl7.js';
import { isHttp, readHttp, readSsdp } from './wire/read-http.js';
import { readModbus } from './wire/read-modbus.js';
import { readDnsQuestion, readLlmnr, readMdns } from './wire/read-names.js';
import { readBrowser, readNetbiosName } from './wire/read-netbios.js';
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
const MODBUS = 502;
const DHCP6_SERVER = 547;
const SSDP = 1900;
const RDP = 3389;
const MDNS = 5353;
const LLMNR = 5355;
const BACNET = 47_808;

export function readUdpPayload(
  view: PacketView,
  bytes: Uint8Array,
  start: number,
  end: number,
): readonly Observation[] {
  const { srcPort, dstPort } = view;
  if (dstPort === DHCP6_SERVER) return readDhcp6(bytes, start, end);
  if (srcPort === MDNS) return readMdns(bytes, start, end);
  if (srcPort === LLMNR) return readLlmnr(bytes, start, end);
  if (srcPort === NETBIOS_NAME) return readNetbiosName(bytes, start, end);
  if (dstPort === NETBIOS_DATAGRAM) return readBrowser(bytes, start, end);
  if (srcPort === SSDP || dstPort === SSDP) return readSsdp(bytes, start, end);
  if (srcPort === SNMP) return readSnmp(bytes, start, end);
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
  if (dstPort === RDP) return readRdp(bytes, start, end);
  // These are found on whatever port a vendor chose; their first bytes tell them apart.
  if (isTlsHandshake(bytes, start, end)) return readTls(bytes, start, end);
  if (isHl7(bytes, start, end)) return readHl7(bytes, start, end);
  if (isDicomAssociation(bytes, start, end)) return readDicom(bytes, start, end);
  if (isSmb(bytes, start, end)) return readSmb(bytes, start, end);
  if (isHttp(bytes, start, end)) return readHttp(bytes, start, end);
  return readSshBanner(bytes, start, end);
}
