import t from 'tap';
import type { Observation } from '../../../agent/inventory/observation.js';
import { readTcpPayload, readUdpPayload } from '../../../agent/inventory/read-payload.js';
import { readBacnetFrame } from '../../../agent/inventory/wire/read-bacnet.js';
import { readCdp } from '../../../agent/inventory/wire/read-cdp.js';
import { readDhcp4 } from '../../../agent/inventory/wire/read-dhcp4.js';
import { readLldp } from '../../../agent/inventory/wire/read-lldp.js';
import { createPacketView } from '../../../agent/packet/view.js';
import * as p from './support/payloads.js';

type Read = (payload: p.Bytes) => readonly Observation[];

function overTransport(read: typeof readTcpPayload, srcPort: number, dstPort: number): Read {
  return (payload) => {
    const bytes = Uint8Array.from(payload);
    return read(Object.assign(createPacketView(), { srcPort, dstPort }), bytes, 0, bytes.length);
  };
}
const tcpTo = (port: number): Read => overTransport(readTcpPayload, 49_152, port);
const tcpFrom = (port: number): Read => overTransport(readTcpPayload, port, 49_152);
const udpTo = (port: number): Read => overTransport(readUdpPayload, 49_152, port);
const udpFrom = (port: number): Read => overTransport(readUdpPayload, port, 49_152);
const udpFromTo = (from: number, to: number): Read => overTransport(readUdpPayload, from, to);
const ofFrame =
  (read: (bytes: Uint8Array, start: number, end: number) => readonly Observation[]): Read =>
  (payload) =>
    read(Uint8Array.from(payload), 0, payload.length);
const dhcp: Read = (payload) => readDhcp4(Uint8Array.from(payload), 0, payload.length)?.observations ?? [];

const line = ({ about, source, value }: Observation): string =>
  `${about === undefined ? '' : 'receiver '}${source}: ${value}`;

const PHI = ['MUSTERMANN', 'ERIKA', '4711-0815', '19641231'];
const [SURNAME = '', FORENAME = '', RECORD = '', BORN = ''] = PHI;

const MUD_URL = 'https://mud.example/pump.json';
const option6 = (code: number, value: p.Bytes): readonly number[] => [0, code, 0, value.length, ...value];
/** RFC 8520 section 11: type 127, an organization, its subtype, the URL. */
const organization = (oui: p.Bytes, subtype: number): readonly number[] => [
  ...[127 * 2, 4 + MUD_URL.length, ...oui],
  ...[subtype, ...p.ascii(MUD_URL)],
];

const told: readonly (readonly [string, Read, p.Bytes, readonly string[]])[] = [
  [
    'a DHCP client tells its name, its options in order, its class and its MUD file',
    dhcp,
    p.dhcp4([
      ...p.option(53, [3]),
      ...p.option(12, p.ascii('pump-17')),
      ...p.option(55, [1, 3, 6, 15]),
      ...p.option(60, p.ascii('MSFT 5.0')),
      ...p.option(61, [255, 1, 2, 3]),
      ...p.option(81, [0, 0, 0, ...p.ascii('pump-17.clinic.example')]),
      ...p.option(161, p.ascii('https://mud.example/pump.json')),
    ]),
    [
      'dhcp4.host-name: pump-17',
      'dhcp4.parameter-list: 1,3,6,15',
      'dhcp4.vendor-class: MSFT 5.0',
      'dhcp4.client-id: ff010203',
      'dhcp4.client-fqdn: pump-17.clinic.example',
      'dhcp4.mud-url: https://mud.example/pump.json',
    ],
  ],
  [
    'a DICOM client tells both titles, what it makes and with which library',
    tcpTo(104),
    p.associate(['1.2.840.10008.5.1.4.1.1.6.1'], SURNAME),
    [
      'dicom.ae-title: US_ROOM2',
      'receiver dicom.ae-title: PACS1',
      'dicom.ae-title: DICOM client',
      'dicom.implementation-class: 1.2.276.0.7230010.3.0.3.6.7',
      'dicom.implementation-version: OFFIS_DCMTK_367',
      'dicom.implementation-version: OFFIS_DCMTK_367',
      'dicom.modality: US',
    ],
  ],
  [
    'an HL7 message tells the two applications, its type and its version',
    tcpTo(2575),
    p.mllp(p.MSH, `PID|1||${RECORD}||${SURNAME}^${FORENAME}||${BORN}`, `OBX|1|ST|${SURNAME}`),
    [
      'hl7.application: INTELLIVUE',
      'hl7.application: INTELLIVUE',
      'hl7.facility: ICU',
      'receiver hl7.application: EHR',
      'hl7.message-type: ORU^R01^ORU_R01',
      'hl7.message-type: HL7 sender (ORU)',
      'receiver hl7.message-type: HL7 receiver',
      'hl7.version: 2.5.1',
    ],
  ],
  [
    'an HL7 header without segment separators tells nothing: the patient could be in it',
    tcpTo(2575),
    p.ascii(`MSH|^~\\&|${SURNAME}|${FORENAME}|PID|1||${RECORD}|${SURNAME}|${FORENAME}|${BORN}|M|x`),
    [],
  ],
  [
    'an HTTP request tells its user agent and nothing of its target',
    tcpTo(80),
    p.ascii(
      `GET /patients/${RECORD}?name=${SURNAME} HTTP/1.1\r\nHost: ${SURNAME}.example\r\nCookie: ${BORN}\r\nUser-Agent: PumpServer/4.1 (${SURNAME}@example.org)\r\n\r\nUser-Agent: ${FORENAME}`,
    ),
    ['http.user-agent: PumpServer/4.1'],
  ],
  [
    'an HTTP response tells its server',
    tcpFrom(8080),
    p.ascii(`HTTP/1.1 302 Found\r\nLocation: /${RECORD}\r\nServer: GoAhead-Webs\r\n\r\n<h1>${SURNAME}</h1>`),
    ['http.server: GoAhead-Webs'],
  ],
  [
    'a session set-up tells the native system; the account is stepped over',
    tcpTo(445),
    p.smb1SessionSetup(SURNAME, 'Windows 5.1'),
    ['smb.native-os: Windows 5.1', 'smb.native-lan-manager: Windows 7 6.1'],
  ],
  ['the name of a file is not read', tcpTo(445), p.smb2Create(`${SURNAME}_${BORN}.pdf`), []],
  [
    'an SNMP agent tells its description and name, not contact, location or community',
    udpFrom(161),
    p.snmpResponse('VxWorks 5.5.1', SURNAME),
    ['snmp.description: VxWorks 5.5.1', 'snmp.name: pump-17'],
  ],
  [
    "a server's certificate tells subject and issuer",
    tcpFrom(443),
    p.tlsServer(
      p.distinguishedName('Clinic CA', 'Root'),
      p.distinguishedName('Philips', 'monitor-3.example'),
    ),
    [
      'tls.certificate-issuer: Clinic CA',
      'tls.certificate-subject: monitor-3.example',
      'tls.certificate-subject: monitor-3.example',
      'tls.certificate-organization: Philips',
    ],
  ],
  [
    "a client's certificate is not read: it may be a person's",
    tcpTo(443),
    p.tlsClientCertificate(p.distinguishedName('CA', 'Root'), p.distinguishedName('Clinic', SURNAME)),
    [],
  ],
  [
    'the end of the server name is kept, as far as it tells whose service it is',
    tcpTo(443),
    p.clientHello(`${SURNAME}.ward.api.vendor.example`),
    ['tls.server-name: api.vendor.example'],
  ],
  [
    'a printer announces service, model and host; the instance name is left',
    udpFrom(5353),
    p.mdnsPrinter(`${FORENAME} ${SURNAME}`),
    [
      'mdns.txt-model: HP LaserJet 4250',
      'mdns.txt-model: HP LaserJet 4250',
      'mdns.host: npi3c2b1a',
      'mdns.service: _ipp._tcp',
    ],
  ],
  [
    'a question keeps three labels',
    udpTo(53),
    p.dnsQuestion(`${SURNAME}.a.time.windows.com`),
    ['dns.question: time.windows.com'],
  ],
  [
    'an RDP client tells its build and a name that a machine has',
    tcpTo(3389),
    p.rdpClient('WARD3-PC7'),
    ['rdp.client-build: 2600', 'rdp.client-name: WARD3-PC7'],
  ],
  [
    'an RDP client named after a person does not tell its name',
    tcpTo(3389),
    p.rdpClient(SURNAME),
    ['rdp.client-build: 2600'],
  ],
  ['nor one named after a record number', tcpTo(3389), p.rdpClient(`P${BORN}`), ['rdp.client-build: 2600']],
  [
    'the RDP cookie is not read',
    tcpTo(3389),
    [3, 0, 0, 40, 35, 0xe0, 0, 0, 0, 0, 0, ...p.ascii(`Cookie: mstshash=${SURNAME}\r\n`)],
    [],
  ],
  [
    'a controller tells vendor, product, revision and model over Modbus',
    tcpFrom(502),
    p.modbusIdentification([
      [0, 'Schneider Electric'],
      [1, 'BMX P34 2020'],
      [2, 'v2.60'],
    ]),
    [
      'modbus.server: Modbus server',
      'modbus.server: yes',
      'modbus.vendor: Schneider Electric',
      'modbus.vendor: Schneider Electric',
      'modbus.product-code: BMX P34 2020',
      'modbus.revision: v2.60',
      'modbus.revision: v2.60',
    ],
  ],
  [
    'a BACnet device announces its vendor',
    udpFrom(47_808),
    p.bacnetIAm(17),
    ['bacnet.instance: BACnet device', 'bacnet.vendor: 17'],
  ],
  [
    'a BACnet device answers for its model',
    udpFrom(47_808),
    p.bacnetProperty(70, 'FEC2611'),
    ['bacnet.model: FEC2611', 'bacnet.model: FEC2611'],
  ],
  ['a BACnet description is not read', udpFrom(47_808), p.bacnetProperty(28, SURNAME), []],
  [
    'the name of a BACnet value is not the name of the device',
    udpFrom(47_808),
    p.bacnetProperty(77, SURNAME, [0, 0, 0, 7]),
    [],
  ],
  [
    'a neighbour tells make and serial over LLDP, not its asset number',
    ofFrame(readLldp),
    p.lldp('Mindray', 'SN-1', SURNAME),
    ['lldp.name: monitor-3', 'lldp.make: Mindray', 'lldp.serial: SN-1'],
  ],
  [
    'a telephone tells its platform over CDP',
    ofFrame(readCdp),
    p.cdp('SEP001122334455', 'Cisco IP Phone 7960'),
    ['cdp.device-id: SEP001122334455', 'cdp.platform: Cisco IP Phone 7960', 'cdp.capabilities: telephone'],
  ],
  [
    'an SSH server tells its version',
    tcpFrom(22),
    p.ascii('SSH-2.0-dropbear_2015.67\r\n\0\0'),
    ['ssh.banner: SSH-2.0-dropbear_2015.67'],
  ],
  [
    'an FTP server tells who it is',
    tcpFrom(21),
    p.ascii('220 VxWorks FTP server (VxWorks 5.4) ready.\r\n'),
    ['ftp.banner: VxWorks FTP server (VxWorks 5.4) ready.'],
  ],
  ['a transfer of a file over FTP is not read', tcpTo(21), p.ascii(`STOR ${SURNAME}.pdf\r\n`), []],
  [
    'a Telnet login screen tells its first line',
    tcpFrom(23),
    [255, 251, 1, ...p.ascii('\r\nOpenBSD/i386 (oof) (ttyp2)\r\n\r\nlogin: ')],
    ['telnet.banner: OpenBSD/i386 (oof) (ttyp2)'],
  ],
  [
    'a Telnet session with a patient on the screen tells nothing',
    tcpFrom(23),
    p.ascii(`Patient: ${SURNAME}\r\nborn ${BORN}\r\n`),
    [],
  ],
  [
    'a VNC server tells its version',
    tcpFrom(5900),
    p.ascii('RFB 003.889\n'),
    ['vnc.version: VNC server', 'vnc.version: RFB 003.889'],
  ],
  ['what is on a VNC screen is not read', tcpFrom(5900), p.ascii(`\0\0${SURNAME} ${BORN}`), []],
  [
    'an S7 controller tells its order number, and no value of a data block',
    tcpFrom(102),
    [3, 0, 0, 60, 2, 240, 128, 50, 7, ...p.ascii(`${SURNAME}  6ES7 315-2EH14-0AB0  ${BORN}`)],
    [
      'plant.protocol: S7 or MMS',
      's7.order-number: 6ES7 315-2EH14-0AB0',
      's7.order-number: 6ES7 315-2EH14-0AB0',
    ],
  ],
  [
    'an EtherNet/IP device tells its identity object',
    udpFrom(44_818),
    p.enipIdentity('1756-L61/B LOGIX5561'),
    [
      'plant.protocol: EtherNet/IP',
      'enip.vendor: 1',
      'enip.device-type: 14',
      'enip.revision: 20.11',
      'enip.serial: 0012ab34',
      'enip.product: 1756-L61/B LOGIX5561',
    ],
  ],
  [
    'a BACnet device tells its name over plain Ethernet, too',
    ofFrame(readBacnetFrame),
    [0x82, 0x82, 3, 1, 0, 0x10, 1, 0xc4, 2, 0, 0, 61, 0xc4, 2, 0, 0, 61, 0x75, 6, 0, ...p.ascii('AHU-3')],
    ['bacnet.instance: BACnet device', 'bacnet.object-name: AHU-3', 'bacnet.object-name: AHU-3'],
  ],
  [
    'who opens a NetBIOS session tells its own name and the other',
    tcpTo(139),
    p.sessionRequest('PACS1', 'CT-ROOM1'),
    ['netbios.session: CT-ROOM1', 'receiver netbios.session: PACS1'],
  ],
  ['an SNMP v3 engine tells its maker', udpFrom(161), p.snmp3Report(), ['snmp.enterprise: 9']],
  [
    'a DHCPv6 server tells that it is one',
    udpFromTo(547, 546),
    [7, 1, 2, 3, 0, 1, 0, 0],
    ['dhcp6.server: DHCP server'],
  ],
  [
    'a DHCPv6 client tells what it asks for and its MUD file (option 112)',
    udpTo(547),
    [1, 1, 2, 3, ...option6(6, [0, 23, 0, 24]), ...option6(112, p.ascii(MUD_URL))],
    ['dhcp6.option-request: 23,24', `dhcp6.mud-url: ${MUD_URL}`],
  ],
  [
    'a MUD file that is not at an https address is none (RFC 8520 section 10)',
    udpTo(547),
    [1, 1, 2, 3, ...option6(112, p.ascii('http://mud.example/pump.json'))],
    [],
  ],
  [
    'a device tells its MUD file over LLDP, in the TLV of IANA alone',
    ofFrame(readLldp),
    [...organization([0, 0, 0x5e], 1), ...organization([0, 0, 0x5e], 2), ...organization([0, 0x12, 0xbb], 1)],
    [`lldp.mud-url: ${MUD_URL}`],
  ],
  [
    'a DICOM data set is not read',
    tcpTo(104),
    [4, 0, 0, 0, 0, 60, 0, 0, 0, 56, 1, 3, 16, 0, 16, 0, ...p.ascii(`PN${SURNAME}^${FORENAME}`)],
    [],
  ],
];

for (const [what, read, payload, expected] of told)
  t.test(what, async (t) => {
    t.strictSame(read(payload).map(line), expected);
  });

t.test(
  'nothing of a patient is in any observation, however the payload is cut or to which port it goes',
  async (t) => {
    const readers = [
      ...[
        21, 22, 23, 80, 102, 104, 139, 443, 445, 502, 1883, 2575, 3389, 5094, 5900, 9100, 20_000, 44_818,
      ].flatMap((port) => [tcpTo(port), tcpFrom(port)]),
      ...[53, 69, 137, 138, 161, 162, 514, 547, 1900, 5094, 5353, 5355, 44_818, 47_808].flatMap((port) => [
        udpTo(port),
        udpFrom(port),
      ]),
      dhcp,
      ...[readBacnetFrame, readCdp, readLldp].map(ofFrame),
    ];
    const leaks: string[] = [];
    for (const [what, , payload] of told)
      for (let end = payload.length; end > 0; end -= 7)
        for (const read of readers)
          for (const observation of read(payload.slice(0, end)))
            if (PHI.some((seed) => observation.value.toUpperCase().includes(seed)))
              leaks.push(`${what}: ${line(observation)}`);
    t.strictSame([...new Set(leaks)], []);
  },
);
