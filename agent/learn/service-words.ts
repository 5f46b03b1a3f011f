/** What a port is for, in the words of the ward. For the `why` of a proposed entry and nothing else: it decides nothing. Pure. */
import { protocolNameOf } from '../policy/protocol-name.js';

/** IANA service names, and what clinical devices are met with (DICOM PS3.8, HL7 MLLP, IEEE 11073). */
const SERVICES: Readonly<Record<string, string>> = {
  'tcp/21': 'FTP',
  'tcp/22': 'SSH',
  'tcp/23': 'Telnet',
  'tcp/25': 'SMTP',
  'tcp/53': 'DNS',
  'udp/53': 'DNS',
  'udp/69': 'TFTP',
  'tcp/80': 'HTTP',
  'tcp/104': 'DICOM',
  'udp/123': 'NTP',
  'udp/137': 'NetBIOS names',
  'udp/138': 'NetBIOS datagrams',
  'tcp/139': 'SMB',
  'udp/161': 'SNMP',
  'udp/162': 'SNMP traps',
  'tcp/389': 'LDAP',
  'tcp/443': 'HTTPS',
  'udp/443': 'QUIC',
  'tcp/445': 'SMB',
  'udp/514': 'syslog',
  'tcp/515': 'printing (LPD)',
  'tcp/631': 'printing (IPP)',
  'tcp/636': 'LDAPS',
  'tcp/853': 'DNS over TLS',
  'tcp/1433': 'SQL Server',
  'tcp/1883': 'MQTT',
  'udp/1900': 'SSDP',
  'tcp/2575': 'HL7',
  'tcp/2761': 'DICOM',
  'tcp/2762': 'DICOM over TLS',
  'tcp/3389': 'remote desktop',
  'udp/3702': 'WS-Discovery',
  'tcp/4242': 'DICOM',
  'udp/5353': 'mDNS',
  'udp/5355': 'LLMNR',
  'tcp/5900': 'VNC',
  'tcp/6514': 'syslog over TLS',
  'tcp/8080': 'HTTP',
  'tcp/8883': 'MQTT over TLS',
  'tcp/9100': 'printing (raw)',
  'tcp/11112': 'DICOM',
};
/** Whoever may open these commands the device. */
const ADMINISTRATIVE: ReadonlySet<string> = new Set([
  ...['tcp/22', 'tcp/23', 'tcp/135', 'tcp/139', 'tcp/445', 'tcp/3389', 'tcp/5900', 'tcp/5985', 'tcp/5986'],
  ...['udp/69', 'udp/161', 'tcp/512', 'tcp/513', 'tcp/514'],
]);

/** `DICOM`, or `tcp/7777`. */
export function serviceWords(protocol: number, port: number | null): string {
  const key = serviceKey(protocol, port);
  return SERVICES[key] ?? key;
}

/** `service` as serviceKey gives it. */
export function isAdministrative(service: string): boolean {
  return ADMINISTRATIVE.has(service);
}

/** `tcp/104`, `icmp`, `protocol 89`. */
export function serviceKey(protocol: number, port: number | null): string {
  const name = protocolNameOf(protocol) ?? `protocol ${protocol}`;
  return port === null || protocol === 1 || protocol === 58 ? name : `${name}/${port}`;
}
