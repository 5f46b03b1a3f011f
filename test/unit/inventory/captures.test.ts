/** What real captures show, checked by hand with Wireshark's dissectors (tshark 4.0). */
import t from 'tap';
import type { DeviceRecord } from '../../../agent/inventory/device.js';
import type { DeviceField } from '../../../agent/inventory/observation.js';
import { captureFile, inventoryOf } from './support/captures.js';

type Facts = Partial<Record<DeviceField, string>>;
/** A capture, the MAC or address of a device in it, its fields, its roles. */
const expected: readonly (readonly [string, string, Facts, readonly string[]])[] = [
  [
    'mud-url/tcpd-dhcp-mud.pcap',
    'b8:27:eb:b8:53:c8',
    {
      name: 'raspberrypi',
      os: 'Linux 4.1.18',
      mudUrl: 'https://mudctl.example.com/.well-known/mud/v1/rasbp101',
    },
    [],
  ],
  [
    'mud-url/tcpd-lldp_mudurl.pcap',
    '00:23:54:c2:57:02',
    { mudUrl: 'https://imright.mud.example.com/.well-known/mud/v1/vomitv2.0' },
    ['access point'],
  ],
  [
    'medical/made-here-dcmtk-echo.pcap',
    '10.77.0.10',
    { name: 'CT_ROOM1', software: 'OFFIS DCMTK', version: '3.6.7', make: 'Philips' },
    ['DICOM client'],
  ],
  ['medical/made-here-dcmtk-echo.pcap', '10.77.0.20', { name: 'PACS1' }, ['DICOM server']],
  ['medical/mpa-all_alerts.pcap', '192.168.1.20', { software: 'SYS' }, ['HL7 sender (ORM)']],
  ['medical/mpa-all_alerts.pcap', '192.168.1.30', { software: 'REPLAY' }, ['HL7 sender (ADT)']],
  ['smb/ndpi-smbv1.pcap', '10.128.0.243', { os: 'Windows 7 Service Pack 1' }, ['SMB server']],
  ['smb/ndpi-smbv1.pcap', '172.16.156.130', { os: 'Windows 2000' }, []],
  [
    'smb/suri-smb1-02.pcap',
    '192.168.1.2',
    { name: 'TS412', os: 'QTS', make: 'QNAP', software: 'Samba', version: '4.4.16' },
    ['SMB server'],
  ],
  ['smb/suri-smb1-02.pcap', '192.168.1.10', { os: 'macOS 10.10' }, []],
  [
    'smb/zeek-smb-smb3.pcap',
    '10.160.65.202',
    { name: 'WS2016', version: '10.0.14393', os: 'Windows 10 or later' },
    ['SMB server'],
  ],
  [
    'snmp/zeek-snmp-snmpv1_get.pcap',
    '172.31.19.73',
    { name: 'B6300', kind: 'printer', make: 'Oki Data' },
    [],
  ],
  ['rdp/ndpi-rdp3.pcap', '10.150.9.21', { os: 'Windows XP' }, []],
  ['discovery/suri-llmnr-udp.pcap', '192.168.10.101', { name: 'HS2011' }, []],
  ['discovery/ndpi-netbios.pcap', '10.0.5.9', { name: 'NVR9', os: 'Windows 7 or Server 2008 R2' }, []],
  [
    'discovery/ark-wireshark-lldp.pcap',
    '00:13:21:57:ca:7f',
    { name: 'ProCurve Switch 2600-8-PWR', model: 'J8762A Switch 2600-8-PWR', version: 'H.08.89' },
    ['bridge'],
  ],
  [
    'discovery/ark-wireshark-lldp.pcap',
    '00:01:30:f9:ad:a0',
    { name: 'Summit300-48', make: 'Extreme Networks', version: '7.4e.1' },
    ['bridge', 'router'],
  ],
  ['discovery/ndpi-ipp.pcap', '10.10.10.251', { software: 'Virata-EmWeb', version: 'R6_2_1' }, []],
  ['discovery/ndpi-ipp.pcap', '10.10.10.49', { software: 'CUPS', version: '1.3.4' }, []],
  ['discovery/ndpi-ssdp-m-search-ua.pcap', '192.168.242.50', { os: 'macOS' }, []],
  ['remote/cs-inconsistent_printer.pcapng', '172.16.0.253', { kind: 'printer' }, ['print server']],
  ['ics/ndpi-modbus.pcap', '192.168.110.138', { kind: 'PLC or controller' }, ['Modbus server']],
  ['ics/ndpi-bacnet.pcap', '204.172.177.255', { software: 'BACnet Stack' }, ['BACnet device']],
  ['iot/ss-G06-tapo-p115.pcap', '40:ae:30:46:6e:a8', { name: 'P115', make: 'TP-Link' }, []],
  [
    'dhcp/suri-dhcp-eve-extended-option-60.pcap',
    '28:cf:da:dc:8d:76',
    { name: 'NicksMacBook', os: 'Windows 7 or 8' },
    [],
  ],
];

function find(devices: readonly DeviceRecord[], who: string): DeviceRecord | undefined {
  return devices.find(({ macs, addresses }) => macs.includes(who) || addresses.includes(who));
}

for (const [capture, who, facts, roles] of expected) {
  const file = captureFile(capture);
  t.test(
    `${capture}: ${who}`,
    { skip: file === null && 'notice: the capture is not here (CORDON_DATA)' },
    async (t) => {
      const device = find((await inventoryOf(file ?? '')).devices(), who);
      const fields = Object.entries(facts).map(([field]) => [
        field,
        device?.fields[field as DeviceField]?.value,
      ]);
      t.strictSame(Object.fromEntries(fields), facts);
      t.strictSame(
        roles.filter((role) => device?.roles.includes(role) !== true),
        [],
        'roles',
      );
    },
  );
}
