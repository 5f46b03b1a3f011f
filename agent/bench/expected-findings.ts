/**
 * What each class of MANIFEST.tsv should be recognised by, and which classes must stay quiet. Read by detection-report.ts. Written
 * before the thresholds were last touched; where a capture holds less than its name says, the reason stands here.
 */

/** One of these detectors is enough. */
export const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  scan: ['portScan', 'hostSweep', 'failedConnections'],
  brute: ['bruteForce'],
  beacon: ['beacon'],
  c2: ['beacon', 'dga', 'unfamiliarNetwork', 'outlier', 'protocolMismatch'],
  tunnel: ['dnsTunnel', 'icmpTunnel', 'encryptedDns', 'volume'],
  dos: ['connectionBurst', 'spoofing'],
  worm: ['wormSpread', 'hostSweep', 'lateralContact'],
  lateral: ['lateralContact', 'unfamiliarService'],
  exploit: ['lateralContact', 'protocolMismatch', 'unfamiliarService', 'outlier'],
  'dhcp-attack': ['rogueServer', 'spoofing', 'connectionBurst'],
};

interface Special {
  readonly detectors: readonly string[];
  readonly why: string;
}

/** Where the class says something else than what is in the file. */
export const SPECIAL: Readonly<Record<string, Special>> = {
  'flows/slips/port-scans/horizontal/conn.log': {
    detectors: ['wormSpread', 'hostSweep', 'failedConnections'],
    why: 'a spamming bot that meets scattered hosts',
  },
  'flows/slips/test11-portscan.binetflow': { detectors: ['portScan'], why: 'a port scan' },
  'flows/slips/test9-mixed-zeek-dir/conn.log': {
    detectors: ['wormSpread', 'hostSweep', 'failedConnections'],
    why: 'the same bot, longer',
  },
  'flows/stratosphere-sds/001-zeek-scenario-malicious/labeled-conn.log': {
    detectors: ['beacon', 'failedConnections'],
    why: 'njRAT calls a server that does not answer',
  },
  'flows/stratosphere-sds/002-zeek-scenario-port-scanning/conn.log': {
    detectors: ['hostSweep'],
    why: 'nmap over three networks',
  },
  'flows/stratosphere-sds/008-zeek-mixed/data/conn.log.labeled': {
    detectors: ['failedConnections', 'portScan'],
    why: 'attacked from the internet',
  },
  'flows/stratosphere-sds/011-zeek-mixed/data/conn.log.labeled': {
    detectors: ['failedConnections', 'portScan'],
    why: 'attacked from the internet',
  },
  'flows/slips/test5-mixed.binetflow': {
    detectors: ['connectionBurst', 'dga'],
    why: 'a storm of look-ups; the log has no names',
  },
  'flows/stratosphere-sds/005-zeek-scenario-malicious/conn.log': {
    detectors: ['connectionBurst', 'dga'],
    why: 'a storm of look-ups; the log has no names',
  },
  'pcap/attack-scan/pa-Discovery_dcerp_srvsvc_NetShareEnum.pcapng': {
    detectors: ['lateralContact', 'unfamiliarService'],
    why: 'one SMB session: what it enumerates is inside',
  },
  'pcap/attack-scan/pa-Discovery_impacket_rpcdump.pcapng': {
    detectors: ['lateralContact', 'unfamiliarService'],
    why: 'one RPC session: what it enumerates is inside',
  },
  'pcap/attack-exploit/mk-blaster.pcap': {
    detectors: ['unfamiliarService', 'wormSpread'],
    why: 'only the shell on port 4444, after the infection; no spread is in the file',
  },
};

/** What no detector of connections can see, and why. Listed as missed, with this beside it. */
export const CANNOT: Readonly<Record<string, string>> = {
  'pcap/attack-exploit/cs-sessionhijacking.pcapng':
    'a stolen cookie inside HTTP from a host of the same network to a web server that both use',
};

/** Loud findings in captures of benign classes that are right to tell: not counted as false alarms, but shown. */
export const RIGHT_TO_TELL: Readonly<Record<string, string>> = {
  'pcap/smb/zeek-smb-smb1-OSS-fuzz-54883.pcap': 'made by a fuzzer: what is on the SMB port is not SMB',
  'pcap/dhcp/tcpd-dhcpv4v6-rfc5970-rfc8572.pcap':
    'two networks in one file, days apart: a DHCPv6 server that nobody met before is how mitm6 looks',
};

/** A finding of medium severity or above in one of these is a false alarm. */
export const BENIGN: readonly string[] = [
  'arp',
  'bacnet',
  'benign-neg',
  'dhcp',
  'dicom',
  'discovery',
  'hl7',
  'ics',
  'iot-real',
  'mdns',
  'modbus',
  'mqtt',
  'mudurl',
  'ntp',
  'rdp',
  'remote',
  'smb',
  'snmp',
];

/** Captures whose devices have public addresses, or where one host is the subject: otherwise every inside address is a device. */
export const DEVICES: Readonly<Record<string, readonly string[]>> = {
  'flows/stratosphere-sds/008-zeek-mixed/data/conn.log.labeled': ['147.32.81.167'],
  'flows/stratosphere-sds/011-zeek-mixed/data/conn.log.labeled': ['147.32.83.165'],
  'pcap/attack-c2/mk-evilprogram.pcap': ['24.6.125.19'],
};
