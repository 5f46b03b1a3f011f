/**
 * What is true of devices in the captures that inventory-report.ts reads: from file names, the manifest, device lists and MUD files that lie beside a
 * capture, and from the packets as tshark and the IEEE's list show them. Written before our own output was looked at. YAML, one line for a device: `in`
 * is how the file's path begins; `is` holds patterns that the best value of a field has to match; `isNot` what would be a lie; `hosts` how many
 * hosts of the site the capture has, routers among them: more devices than that were bred. A field that stands nowhere here counts as without truth.
 */
import { parse } from 'yaml';
import { z } from 'zod';
import { DEVICE_FIELDS } from '../inventory/observation.js';

const patterns = z.partialRecord(z.enum(DEVICE_FIELDS), z.string());
const line = z.strictObject({
  in: z.string(),
  hosts: z.int().optional(),
  /** MAC or address. */
  who: z.string().optional(),
  is: patterns.default({}),
  isNot: patterns.default({}),
});
export type Truth = z.infer<typeof line>;

const EXPECTED = String.raw`
# --- dhcp
- { in: dhcp/ark-wireshark-dhcp.pcap, hosts: 2 }
- { in: dhcp/ark-wireshark-dhcp.pcap, who: '00:0b:82:01:fc:42', is: { make: 'Grandstream' } }
- { in: dhcp/ark-wireshark-dhcp.pcap, who: '00:08:74:ad:f1:9b', is: { make: 'Dell', role: 'DHCP server' } }
- { in: dhcp/cs-dhcp6_outlease_acquisition.pcapng, hosts: 2 }
- { in: dhcp/cs-dhcp6_outlease_acquisition.pcapng, who: '00:0c:29:5e:77:44', is: { kind: 'virtual' }, isNot: { role: 'server' } }
- { in: dhcp/cs-dhcp6_outlease_acquisition.pcapng, who: '00:0c:29:1f:a7:55', is: { kind: 'virtual', role: 'DHCP server' } }
- { in: dhcp/cs-dhcp_nolease_initialization.pcapng, hosts: 2 }
- { in: dhcp/cs-dhcp_nolease_initialization.pcapng, who: '00:0c:29:59:fd:21', is: { name: '^ubuntu2$', os: 'Linux|Ubuntu|Debian|Android', kind: 'virtual', address: '192\.168\.1\.10' } }
- { in: dhcp/cs-dhcp_nolease_initialization.pcapng, who: '00:0c:29:c0:60:a4', is: { role: 'DHCP server' } }
- { in: dhcp/suri-dhcp-eve-extended-option-60.pcap, hosts: 1 }
- { in: dhcp/suri-dhcp-eve-extended-option-60.pcap, who: '28:cf:da:dc:8d:76', is: { name: '^NicksMacBook$', make: 'Apple', os: 'Windows 7', kind: 'computer' } }
- { in: dhcp/tcpd-dhcp-option-108.pcapng, hosts: 2 }
- { in: dhcp/tcpd-dhcp-option-108.pcapng, who: '42:b4:44:b4:f0:ee', is: { name: '^MacBookPro$', make: 'Apple', os: 'macOS|iOS|Mac OS', kind: 'computer' } }
- { in: dhcp/tcpd-dhcp-option-108.pcapng, who: '98:49:25:13:25:40', is: { make: 'Juniper', role: 'DHCP server' } }
- { in: dhcp/tcpd-dhcp-rfc3004.pcap, hosts: 2 }
- { in: dhcp/tcpd-dhcp-rfc3004.pcap, who: '00:0c:29:1f:74:06', is: { os: 'Linux|Ubuntu|Debian|Android', kind: 'virtual', address: '192\.168\.1\.4' } }
- { in: dhcp/tcpd-dhcp-rfc5859.pcap, hosts: 2 }
- { in: dhcp/tcpd-dhcp-rfc5859.pcap, who: '00:0c:29:1f:74:06', is: { os: 'Linux|Ubuntu|Debian|Android', kind: 'virtual' } }
- { in: dhcp/tcpd-dhcp-rfc5859.pcap, who: '00:0c:29:76:6c:0a', is: { role: 'DHCP server', kind: 'virtual' } }
- { in: dhcp/tcpd-dhcpv4v6-rfc5970-rfc8572.pcap, who: '00:00:44:01:00:00', is: { make: 'Arista', kind: 'network equipment|switch|router' } }
- { in: dhcp/tcpd-dhcpv6-rfc6355-duid-uuid.pcap, hosts: 2 }
- { in: dhcp/tcpd-dhcpv6-rfc6355-duid-uuid.pcap, who: '48:5b:39:e7:14:84', is: { make: 'ASUS' }, isNot: { role: 'server' } }
- { in: dhcp/tcpd-dhcpv6-rfc6355-duid-uuid.pcap, who: 'a0:21:b7:e0:d8:71', is: { make: 'Netgear', role: 'DHCP server' } }
- { in: dhcp/zeek-dhcp-dhcp.pcap, hosts: 2 }
- { in: dhcp/zeek-dhcp-dhcp.pcap, who: '90:b1:1c:99:49:29', is: { name: '^btest\.is\.cool$', make: 'Dell', address: '128\.2\.6\.189' } }
- { in: dhcp/zeek-dhcp-dhcp.pcap, who: '00:0c:29:40:0e:ef', is: { role: 'DHCP server', kind: 'virtual' }, isNot: { make: 'Aruba' } }
- { in: dhcp/zeek-dhcp-dhcp_flood.pcap, hosts: 2 }
- { in: dhcp/zeek-dhcp-dhcp_flood.pcap, who: '90:b1:1c:99:49:29', is: { make: 'Dell' } }
- { in: dhcp/zeek-dhcp-dhcp_time_and_nameserver.pcap, hosts: 2 }
- { in: dhcp/zeek-dhcp-dhcp_time_and_nameserver.pcap, who: '00:90:f5:91:cd:1f', is: { name: '^pop-os$', os: 'Linux|Ubuntu|Debian|Android', make: 'Clevo', kind: 'computer' } }

# --- discovery
- { in: discovery/ark-wireshark-lldp.pcap, hosts: 3 }
- { in: discovery/ark-wireshark-lldp.pcap, who: '00:13:21:57:ca:7f', is: { make: 'Hewlett', model: '2600-8-PWR', kind: 'network equipment|switch|router', version: 'H\.08\.89', name: 'ProCurve' } }
- { in: discovery/ark-wireshark-lldp.pcap, who: '00:01:30:f9:ad:a0', is: { make: 'Extreme', model: 'Summit300-48', kind: 'network equipment|switch|router', version: '7\.4e\.1', name: 'Summit300-48' } }
- { in: discovery/ark-wireshark-lldp.pcap, who: '00:04:96:1f:a7:26', is: { make: 'Extreme' } }
- { in: discovery/ndpi-ipp.pcap, hosts: 4 }
- { in: discovery/ndpi-ipp.pcap, who: '10.10.10.251', is: { kind: 'printer', make: 'Hewlett' } }
- { in: discovery/ndpi-ipp.pcap, who: '10.10.10.49', is: { make: 'Apple', os: 'Linux|Ubuntu|Debian|Android', software: 'CUPS' }, isNot: { kind: 'printer', role: 'server' } }
- { in: discovery/ndpi-netbios.pcap, who: '10.0.5.9', is: { name: '^NVR9$', os: 'Windows 7' } }
- { in: discovery/ndpi-netbios.pcap, who: '10.0.5.93', is: { name: '^BOWIE$', os: 'Windows 7' } }
- { in: discovery/ndpi-netbios.pcap, who: '10.19.71.184', is: { name: '^ROSFHQ07WS004$', os: 'Windows' } }
- { in: discovery/ndpi-netbios.pcap, who: '10.17.113.129', is: { name: '^IBIFHQ11WS023$' } }
- { in: discovery/ndpi-sonos.pcapng, who: '192.168.1.70', is: { make: 'Sonos', kind: 'media|speaker', name: 'sonos' } }
- { in: discovery/ndpi-sonos.pcapng, who: '192.168.1.29', is: { os: 'macOS|iOS|Mac OS' }, isNot: { make: 'Sonos' } }
- { in: discovery/ndpi-ssdp-m-search-ua.pcap, hosts: 1 }
- { in: discovery/ndpi-ssdp-m-search-ua.pcap, who: '192.168.242.50', is: { make: 'Apple', os: 'macOS|iOS|Mac OS', kind: 'computer' } }
- { in: discovery/ndpi-tuya_lp.pcap, hosts: 13 }
- { in: discovery/ndpi-tuya_lp.pcap, who: '192.168.242.181', is: { kind: 'automation|embedded', speaks: 'Tuya' } }
- { in: discovery/ndpi-xiaomi.pcap, who: '192.168.244.219', is: { kind: 'mobile', make: 'Xiaomi', os: 'Android' } }
- { in: discovery/suri-llmnr-udp.pcap, hosts: 2 }
- { in: discovery/suri-llmnr-udp.pcap, who: '192.168.10.101', is: { name: '^HS2011$', os: 'Windows' } }
- { in: discovery/suri-llmnr-udp.pcap, who: '192.168.10.233', isNot: { name: 'HS2011' } }
- { in: discovery/zeek-igmp-home-multicast-short.pcap, hosts: 4 }

# --- edge
- { in: edge/ndpi-fuzz-2006-09-29-28586.pcap, who: '172.20.3.5', is: { os: 'Windows NT', software: 'IIS' } }
- { in: edge/ndpi-fuzz-2006-09-29-28586.pcap, who: '172.20.3.13', is: { make: 'Oracle|Sun', software: 'Resin' } }
- { in: edge/zeek-q-in-q.pcap, who: 'e0:cb:4e:5e:1a:0e', is: { make: 'ASUS' } }
- { in: edge/zeek-tcp-options.pcap, who: '00:0b:db:63:58:a6', is: { make: 'Dell' } }

# --- ics
- { in: ics/ark-bacnet-stack-services.pcap, hosts: 2 }
# Device 61, SYNERGY, is on network 13 behind it (corrected: first taken for this one)
- { in: ics/ark-bacnet-stack-services.pcap, who: '192.168.0.5', is: { make: 'Alerton', role: 'BACnet router', kind: 'building' }, isNot: { name: 'SYNERGY', make: 'Acuity' } }
- { in: ics/ark-bacnet-stack-services.pcap, who: '192.168.0.13', is: { name: '^SimpleServer$' }, isNot: { make: 'Acuity' } }
- { in: ics/bac-bacnet_segmented_data.pcap, hosts: 2 }
- { in: ics/bac-bacnet_segmented_data.pcap, who: '10.0.0.1', is: { make: 'Unitec' } }
- { in: ics/ndpi-bacnet.pcap, who: '204.172.177.255', is: { role: 'BACnet device', software: 'BACnet Stack' } }
- { in: ics/ndpi-bacnet.pcap, who: '3c:94:d5:41:38:81', is: { make: 'Juniper' }, isNot: { role: 'BACnet' } }
- { in: ics/ndpi-dnp3.pcap, hosts: 3 }
- { in: ics/ndpi-dnp3.pcap, who: '10.0.0.3', is: { kind: 'PLC|controller|RTU|outstation', speaks: 'DNP3' }, isNot: { make: 'Intel|Texas|Espressif|VMware|PCS|Xensource|3Com|Realtek|Broadcom' } }
- { in: ics/ndpi-dnp3.pcap, who: '10.0.0.8', is: { speaks: 'DNP3' }, isNot: { kind: 'PLC|RTU', make: 'Intel|Texas|Espressif|VMware|PCS|Xensource|3Com|Realtek|Broadcom' } }
- { in: ics/ndpi-hart_ip.pcap, hosts: 2 }
- { in: ics/ndpi-hart_ip.pcap, who: '192.168.0.10', is: { make: 'Rosemount|Emerson', speaks: 'HART', kind: 'gateway|controller' } }
- { in: ics/ndpi-hart_ip.pcap, who: '192.168.0.101', is: { kind: 'virtual' } }
- { in: ics/ndpi-modbus.pcap, hosts: 2 }
- { in: ics/ndpi-modbus.pcap, who: '192.168.110.138', is: { role: 'Modbus server', kind: 'PLC|controller' }, isNot: { make: 'Intel|Texas|Espressif|VMware|PCS|Xensource|3Com|Realtek|Broadcom' } }
- { in: ics/ndpi-modbus.pcap, who: '192.168.110.131', is: { speaks: 'Modbus' }, isNot: { kind: 'PLC|controller', role: 'server' } }
- { in: ics/ndpi-s7comm.pcap, hosts: 2 }
- { in: ics/ndpi-s7comm.pcap, who: '192.168.1.40', is: { kind: 'PLC', make: 'Siemens' } }
- { in: ics/ndpi-s7comm.pcap, who: '192.168.1.10', is: { make: 'ASUS' }, isNot: { kind: 'PLC' } }

# --- iot
- { in: iot/ndpi-alexa-app.pcapng, who: '78:f8:82:d3:fb:c2', is: { make: 'LG', os: 'Android 5\.1\.1', kind: 'mobile', model: 'LGLS751' } }
- { in: iot/ndpi-alexa-app.pcapng, who: '00:c0:ca:91:5a:01', is: { make: 'Alfa' }, isNot: { os: '.' } }
- { in: iot/smartercoffee/mm-Setup-, hosts: 4 }
- { in: iot/smartercoffee/mm-Setup-, who: '5c:cf:7f:07:ae:fb', is: { name: '^ESP_07AEFB$', make: 'Smarter', kind: 'coffee|appliance|embedded' }, isNot: { make: 'Intel|Texas|Espressif|VMware|PCS|Xensource|3Com|Realtek|Broadcom' } }
- { in: iot/ss-G06-tapo-p115.pcap, hosts: 2 }
- { in: iot/ss-G06-tapo-p115.pcap, who: '40:ae:30:46:6e:a8', is: { name: '^P115$', make: 'TP-Link', model: 'P115', kind: 'plug|automation' } }
- { in: iot/ss-G06-tapo-p115.pcap, who: 'd8:3a:dd:ee:25:0a', is: { make: 'Raspberry' }, isNot: { kind: 'plug' } }
- { in: iot/tj-blink-cam-01.pcap, who: 'f4:b8:5e:ff:2b:1b', is: { make: 'Blink', kind: 'camera', name: 'mysimplelink' } }
- { in: iot/tj-blink-cam-01.pcap, who: '00:1c:7f:53:d0:28', is: { make: 'Check ?Point', kind: 'network equipment|switch|router' }, isNot: { os: 'Windows' } }
- { in: iot/tj-schlage-lock-01.pcap, who: '78:db:2f:db:43:48', is: { make: 'Schlage', kind: 'lock', name: '^Schlage$' } }
- { in: iot/tj-schlage-lock-01.pcap, who: '00:1c:7f:53:d0:28', is: { make: 'Check ?Point' } }
- { in: iot/tj-sifely-hub-01.pcap, who: 'f4:cf:a2:eb:59:c4', is: { make: 'Sifely|Sciener', kind: 'lock|automation|hub' }, isNot: { make: 'Intel|Texas|Espressif|VMware|PCS|Xensource|3Com|Realtek|Broadcom' } }
- { in: iot/zeek-mqtt.pcap, who: '10.0.1.4', is: { make: 'Apple', speaks: 'MQTT' } }

# --- medical
- { in: medical/made-here-dcmtk-, hosts: 2 }
- { in: medical/made-here-dcmtk-, who: '10.77.0.10', is: { make: 'Philips', os: 'Linux|Ubuntu|Debian|Android', software: 'DCMTK' }, isNot: { role: 'server' } }
- { in: medical/made-here-dcmtk-, who: '10.77.0.20', is: { os: 'Linux|Ubuntu|Debian|Android', role: 'DICOM server' }, isNot: { make: 'Philips' } }
- { in: medical/mpa-all_alerts.pcap, who: '192.168.1.20', is: { role: 'HL7 sender', software: '^SYS$' } }
- { in: medical/mpa-all_alerts.pcap, who: '192.168.1.10', is: { role: 'HL7 receiver' }, isNot: { role: 'HL7 sender' } }
- { in: medical/mpa-traffic_spike.pcap, hosts: 2 }
- { in: medical/mpa-traffic_spike.pcap, who: '192.168.1.7', is: { role: 'HL7 sender', software: '^SRC$', make: 'TP-Link' } }

# --- mud-url
- { in: mud-url/tcpd-dhcp-mud.pcap, who: 'b8:27:eb:b8:53:c8', is: { name: '^raspberrypi$', make: 'Raspberry', os: 'Linux 4\.1\.18', mudUrl: 'rasbp101$', address: '62\.12\.173\.123' } }
- { in: mud-url/tcpd-lldp_mudurl.pcap, hosts: 1 }
- { in: mud-url/tcpd-lldp_mudurl.pcap, who: '00:23:54:c2:57:02', is: { name: '^upstairs', os: 'Ubuntu|Linux', make: 'ASUS', mudUrl: 'vomitv2\.0$' } }

# --- rdp
- { in: rdp/ndpi-rdp3.pcap, hosts: 2 }
- { in: rdp/ndpi-rdp3.pcap, who: '10.150.9.21', is: { name: '^SEPTU$', os: 'Windows XP', make: 'Dell' }, isNot: { role: 'server' } }
- { in: rdp/ndpi-rdp3.pcap, who: '10.157.4.161', is: { role: 'remote desktop', os: 'Windows' } }
- { in: rdp/zeek-rdp-rdp-to-ssl.pcap, hosts: 2 }
- { in: rdp/zeek-rdp-rdp-to-ssl.pcap, who: '192.168.1.150', is: { role: 'remote desktop', os: 'Windows', kind: 'virtual' } }
- { in: rdp/zeek-rdp-rdp-to-ssl.pcap, who: '192.168.1.200', is: { os: 'Windows', kind: 'virtual' }, isNot: { role: 'remote desktop server' } }

# --- remote
- { in: remote/cs-inconsistent_printer.pcapng, hosts: 2 }
- { in: remote/cs-inconsistent_printer.pcapng, who: '172.16.0.253', is: { kind: 'printer', make: 'Hewlett' } }
- { in: remote/cs-inconsistent_printer.pcapng, who: '172.16.0.8', is: { make: 'Hewlett' }, isNot: { kind: 'printer' } }
- { in: remote/ndpi-bot.pcap, hosts: 2 }
- { in: remote/ndpi-bot.pcap, who: 'b4:96:91:97:e2:fc', isNot: { make: 'Intel|Texas|Espressif|VMware|PCS|Xensource|3Com|Realtek|Broadcom' } }
- { in: remote/ndpi-bot.pcap, who: '40:55:39:0f:ad:c2', is: { make: 'Cisco' }, isNot: { os: '.', software: '.' } }
- { in: remote/ndpi-ftp.pcap, hosts: 2 }
- { in: remote/ndpi-ftp.pcap, who: '192.168.1.212', is: { make: 'Apple' }, isNot: { role: 'server' } }
- { in: remote/ndpi-ftp.pcap, who: '10:13:31:f1:39:76', is: { make: 'Technicolor|Vantiva' }, isNot: { software: '.' } }
- { in: remote/ndpi-soap.pcap, who: '192.168.2.100', is: { os: 'Windows' } }
- { in: remote/ndpi-soap.pcap, who: '60:38:e0:c5:35:a0', is: { make: 'Belkin|Linksys' }, isNot: { os: 'Windows' } }
- { in: remote/ndpi-tftp.pcap, who: '192.168.0.253', is: { make: 'Cisco' } }
- { in: remote/zeek-rfb-vnc-mac-to-linux.pcap, hosts: 2 }
- { in: remote/zeek-rfb-vnc-mac-to-linux.pcap, who: '192.168.2.115', is: { make: 'Apple', os: 'macOS|iOS|Mac OS' }, isNot: { role: 'VNC server' } }
- { in: remote/zeek-rfb-vnc-mac-to-linux.pcap, who: '192.168.2.125', is: { role: 'VNC server', kind: 'virtual', os: 'Linux|Ubuntu|Debian|Android' } }

# --- smb
- { in: smb/ark-smb-port80.pcap, who: '10.0.0.2', is: { os: 'Linux|Ubuntu|Debian|Android' }, isNot: { role: 'server' } }
- { in: smb/ark-smb-port80.pcap, who: '10.0.0.1', isNot: { os: 'Linux|Ubuntu|Debian|Android' } }
- { in: smb/ndpi-smb_deletefile.pcap, hosts: 2 }
- { in: smb/ndpi-smb_deletefile.pcap, who: '192.168.1.187', is: { role: 'SMB server', make: 'Micro-Star|MSI' } }
- { in: smb/ndpi-smb_deletefile.pcap, who: '192.168.1.118', is: { make: 'Apple' }, isNot: { role: 'SMB server', os: 'Windows' } }
- { in: smb/ndpi-smbv1.pcap, hosts: 2 }
- { in: smb/ndpi-smbv1.pcap, who: '10.128.0.243', is: { os: 'Windows 7', name: '^JOHN-PC$', role: 'SMB server' } }
- { in: smb/ndpi-smbv1.pcap, who: '172.16.156.130', is: { os: 'Windows 2000' }, isNot: { role: 'SMB server' } }
- { in: smb/suri-smb1-02.pcap, hosts: 2 }
- { in: smb/suri-smb1-02.pcap, who: '192.168.1.2', is: { name: '^TS412$', make: 'QNAP', os: 'QTS', kind: 'file server', software: 'Samba' } }
- { in: smb/suri-smb1-02.pcap, who: '192.168.1.10', is: { make: 'Apple', os: 'macOS 10\.10', kind: 'computer' }, isNot: { role: 'SMB server' } }
- { in: smb/zeek-smb-smb1_transaction2_request.pcap, who: '192.168.0.2', is: { name: '^JESSIE$', software: 'Samba', role: 'SMB server' }, isNot: { os: 'Windows' } }
- { in: smb/zeek-smb-smb1_transaction2_request.pcap, who: '192.168.0.1', is: { os: 'Windows (NT|9|4)' }, isNot: { role: 'SMB server' } }
- { in: smb/zeek-smb-smb3.pcap, hosts: 2 }
- { in: smb/zeek-smb-smb3.pcap, who: '10.160.65.202', is: { name: '^WS2016$', os: 'Windows (Server 2016|10)', role: 'SMB server', kind: 'server|virtual' } }
- { in: smb/zeek-smb-smb3.pcap, who: '10.160.64.139', is: { kind: 'virtual' }, isNot: { role: 'SMB server', name: 'WS2016' } }

# --- snmp
- { in: snmp/ndpi-snmp.pcap, who: '97.0.115.163', is: { name: '^R1\.lab\.local$' }, isNot: { make: 'Xerox' } }
- { in: snmp/ndpi-snmp.pcap, who: '113.19.156.111', is: { make: 'Cisco' }, isNot: { kind: 'printer' } }
- { in: snmp/suri-snmp-v2c-get.pcap, hosts: 2 }
- { in: snmp/suri-snmp-v2c-get.pcap, who: '10.144.246.161', is: { make: 'Cisco', service: 'udp/161' } }
- { in: snmp/suri-snmp-v2c-get.pcap, who: '10.144.246.184', is: { make: 'ASUS' }, isNot: { service: '161' } }
- { in: snmp/zeek-snmp-snmpv1_get.pcap, hosts: 2 }
- { in: snmp/zeek-snmp-snmpv1_get.pcap, who: '172.31.19.73', is: { name: '^B6300$', make: 'Oki', model: 'B6300', kind: 'printer' } }
- { in: snmp/zeek-snmp-snmpv1_get.pcap, who: '172.31.19.54', is: { make: 'Dell' }, isNot: { kind: 'printer' } }
- { in: snmp/zeek-snmp-snmpv2_get.pcap, hosts: 2 }
- { in: snmp/zeek-snmp-snmpv2_get.pcap, who: '10.10.1.159', is: { make: 'Apple' } }
- { in: snmp/zeek-snmp-snmpv2_get.pcap, who: '10.10.3.109', is: { make: 'Dell', service: 'udp/161' } }
`;

export const EXPECTED_DEVICES: readonly Truth[] = z.array(line).parse(parse(EXPECTED));
