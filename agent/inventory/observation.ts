/**
 * What a passive parser may say of a device, and the closed list of the elements that it may say it from. An observation
 * never holds a payload, an identifier of a person or free text longer than MAX_VALUE_CHARACTERS: a source that is not
 * named here cannot be kept.
 */

/** What is known of a device. `address`, `mac`, `role` and the three after it have several values, every other one best value. */
export const DEVICE_FIELDS = [
  'kind',
  'make',
  'model',
  'serial',
  'software',
  'version',
  'os',
  'name',
  'address',
  'mac',
  'port',
  /** Who made its network interface, where that says nothing of the device: a chip, a module, a virtual machine. */
  'interface',
  'role',
  /** What it answers on: `tcp/104`. */
  'service',
  /** Protocols that it speaks: `DICOM`. */
  'speaks',
  /** `internet`, `from internet`. */
  'reaches',
  'mudUrl',
] as const;
export type DeviceField = (typeof DEVICE_FIELDS)[number];

/** Values longer than this are cut: a make, a version or a banner is shorter. */
export const MAX_VALUE_CHARACTERS = 128;

/** Protocol and element, one for each thing that any parser reads. Fingerprint rules are written against these names. */
export const SOURCES = [
  'arp',
  'nd',
  'dhcp4.address',
  'dhcp4.server',
  'dhcp4.host-name',
  'dhcp4.assigned-name',
  'dhcp4.client-fqdn',
  'dhcp4.parameter-list',
  'dhcp4.vendor-class',
  'dhcp4.client-id',
  'dhcp4.user-class',
  'dhcp4.vi-vendor-class',
  'dhcp4.vi-vendor-info',
  'dhcp4.mud-url',
  'dhcp6.server',
  'dhcp6.client-id',
  'dhcp6.client-fqdn',
  'dhcp6.vendor-class',
  'dhcp6.option-request',
  'dhcp6.mud-url',
  'mdns.host',
  'mdns.service',
  'mdns.txt-make',
  'mdns.txt-model',
  'mdns.txt-version',
  'ssdp.server',
  'ssdp.user-agent',
  'ssdp.device-type',
  'llmnr.name',
  'nbns.name',
  'nbns.role',
  'netbios.host',
  'netbios.session',
  'netbios.version',
  'lldp.name',
  'lldp.description',
  'lldp.capabilities',
  'lldp.port',
  'lldp.make',
  'lldp.model',
  'lldp.serial',
  'lldp.software',
  'lldp.firmware',
  'lldp.address',
  'lldp.mud-url',
  'cdp.device-id',
  'cdp.platform',
  'cdp.software',
  'cdp.capabilities',
  'cdp.port',
  'cdp.address',
  'dns.question',
  'tls.server-name',
  'tls.certificate-subject',
  'tls.certificate-organization',
  'tls.certificate-issuer',
  'http.user-agent',
  'http.server',
  'ssh.banner',
  'ftp.banner',
  'telnet.banner',
  'vnc.version',
  'snmp.description',
  'snmp.object-id',
  'snmp.enterprise',
  'snmp.entity',
  'snmp.name',
  'smb.native-os',
  'smb.native-lan-manager',
  'smb.dialect',
  'smb.server-name',
  'ntlm.version',
  'ntlm.computer',
  'rdp.client-build',
  'rdp.client-name',
  'dicom.ae-title',
  'dicom.implementation-class',
  'dicom.implementation-version',
  'dicom.sop-class',
  'dicom.modality',
  'hl7.application',
  'hl7.facility',
  'hl7.message-type',
  'hl7.version',
  'tcp.syn',
  'tcp.syn-ack',
  'tcp.service',
  'traffic',
  'plant.protocol',
  's7.order-number',
  'enip.vendor',
  'enip.device-type',
  'enip.product',
  'enip.revision',
  'enip.serial',
  'modbus.vendor',
  'modbus.product-code',
  'modbus.revision',
  'modbus.product-name',
  'modbus.model',
  'modbus.server',
  'bacnet.instance',
  'bacnet.vendor',
  'bacnet.vendor-name',
  'bacnet.model',
  'bacnet.firmware',
  'bacnet.software',
  'bacnet.object-name',
  'oui',
  'box.port',
  'operator',
] as const;
export type Source = (typeof SOURCES)[number];

export interface Observation {
  /** `hint`: means nothing by itself; fingerprint rules turn it into fields, and it is not kept. */
  readonly field: DeviceField | 'hint';
  readonly value: string;
  readonly source: Source;
  /** 0 to 100; see the table of CONFIDENCE. */
  readonly confidence: number;
  /** Whom it is about. `receiver`: the called AE title, the HL7 receiving application. Absent: who sent the packet. */
  readonly about?: 'receiver';
}

/** How much a source is worth, so that parsers agree. Nothing on the wire is authenticated: none reaches the operator's 100. */
export const CONFIDENCE = {
  /** The device names its own make, model, serial or version in a field made for it. */
  declared: 85,
  /** The device's own name or address in a protocol that depends on it. */
  own: 75,
  /** A text of the device that usually holds it. */
  told: 60,
  /** Said by another party, or of a library rather than of the device. */
  hearsay: 40,
  /** A guess from how a stack behaves. */
  guess: 25,
} as const;

export const NO_OBSERVATIONS: readonly Observation[] = [];

/** Parsers gather here, so that no packet can make more than a handful; the rest is dropped by the limit. */
export const MAX_OBSERVATIONS_PER_PACKET = 32;

export class Observations {
  readonly list: Observation[] = [];

  /** Null and empty values are ignored. */
  add(
    field: Observation['field'],
    value: string | null,
    source: Source,
    confidence: number,
    about?: 'receiver',
  ): void {
    if (value === null || value === '' || this.list.length >= MAX_OBSERVATIONS_PER_PACKET) return;
    const cut = value.slice(0, MAX_VALUE_CHARACTERS);
    this.list.push(
      about === undefined
        ? { field, value: cut, source, confidence }
        : { field, value: cut, source, confidence, about },
    );
  }

  hint(value: string | null, source: Source): void {
    this.add('hint', value, source, 0);
  }
}
