/** What each class of MANIFEST.tsv should be recognised by, and which classes must stay quiet. Read by detection-report.ts. */

/** One of these detectors is enough. */
export const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  scan: ['portScan', 'hostSweep', 'failedConnections'],
  brute: ['bruteForce'],
  beacon: ['beacon'],
  c2: ['beacon', 'dga', 'unfamiliarNetwork', 'outlier', 'protocolMismatch'],
  tunnel: ['dnsTunnel', 'icmpTunnel', 'volume'],
  dos: ['connectionBurst', 'spoofing'],
  worm: ['wormSpread', 'hostSweep', 'lateralContact'],
  lateral: ['lateralContact', 'unfamiliarService'],
  exploit: ['lateralContact', 'protocolMismatch', 'unfamiliarService', 'outlier'],
  'dhcp-attack': ['rogueServer', 'spoofing', 'connectionBurst'],
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
};
