/** Payloads for the tests of this room, built from the diagrams of the standards, with places for what must never be kept. */
import { Buffer } from 'node:buffer';

export type Bytes = readonly number[];

export const ascii = (text: string): Bytes => [...Buffer.from(text, 'utf8')];
export const utf16 = (text: string): Bytes => [...Buffer.from(text, 'utf16le')];
export const be16 = (value: number): Bytes => [(value >> 8) & 255, value & 255];
export const be32 = (value: number): Bytes => [...be16(value >>> 16), ...be16(value & 0xffff)];
export const le16 = (value: number): Bytes => [value & 255, (value >> 8) & 255];
export const zeros = (count: number): Bytes => new Array<number>(count).fill(0);
const padded = (text: string, bytes: number): Bytes => ascii(text.padEnd(bytes).slice(0, bytes));

export const option = (code: number, data: Bytes): Bytes => [code, data.length, ...data];
export const PUMP_MAC: Bytes = [0, 3, 0xb1, 1, 2, 3];

export function dhcp4(options: Bytes, chaddr: Bytes = PUMP_MAC): Bytes {
  return [
    ...[1, 1, 6, 0, ...zeros(24), ...chaddr, ...zeros(10)],
    ...[...zeros(192), 0x63, 0x82, 0x53, 0x63, ...options, 255],
  ];
}

const item = (type: number, data: Bytes): Bytes => [type, 0, ...be16(data.length), ...data];

/** A-ASSOCIATE-RQ; `userIdentity` goes into sub-item 0x58, which holds a user's name. */
export function associate(sopClasses: readonly string[], userIdentity = ''): Bytes {
  const contexts = sopClasses.flatMap((uid, index) =>
    item(0x20, [
      ...[index * 2 + 1, 0, 0, 0],
      ...item(0x30, ascii(uid)),
      ...item(0x40, ascii('1.2.840.10008.1.2')),
    ]),
  );
  const user = item(0x50, [
    ...item(0x51, be32(16_384)),
    ...item(0x52, ascii('1.2.276.0.7230010.3.0.3.6.7')),
    ...item(0x58, [1, 0, ...be16(userIdentity.length), ...ascii(userIdentity), 0, 0]),
    ...item(0x55, ascii('OFFIS_DCMTK_367')),
  ]);
  const body = [
    ...[...be16(1), 0, 0, ...padded('PACS1', 16), ...padded('US_ROOM2', 16), ...zeros(32)],
    ...[...item(0x10, ascii('1.2.840.10008.3.1.1.1')), ...contexts, ...user],
  ];
  return [1, 0, ...be32(body.length), ...body];
}

export const mllp = (...segments: readonly string[]): Bytes => [
  0x0b,
  ...ascii(`${segments.join('\r')}\r`),
  0x1c,
  0x0d,
];
export const MSH = 'MSH|^~\\&|INTELLIVUE|ICU^1.2.3^ISO|EHR|HOSP|20260101120000||ORU^R01^ORU_R01|42|P|2.5.1';

/** SMB1 SESSION_SETUP_ANDX, 13 words: account and domain stand before the native strings. */
export function smb1SessionSetup(account: string, nativeOs: string): Bytes {
  const header = [0xff, ...ascii('SMB'), 0x73, ...zeros(4), 0, ...le16(0x8000), ...zeros(20)];
  const words = [0xff, 0, 0, 0, ...zeros(10), ...le16(0), ...le16(0), ...zeros(8)];
  const strings = [account, 'WARD', nativeOs, 'Windows 7 6.1'].flatMap((text) => [...utf16(text), 0, 0]);
  // One byte of padding aligns the strings to two bytes from the header.
  const data = [0, ...strings];
  const message = [...header, 13, ...words, ...le16(data.length), ...data];
  return [0, 0, ...be16(message.length), ...message];
}

/** SMB2 CREATE request that names a file. */
export function smb2Create(file: string): Bytes {
  const name = utf16(file);
  const header = [0xfe, ...ascii('SMB'), ...le16(64), ...zeros(6), ...le16(5), ...zeros(50)];
  const message = [
    ...header,
    ...le16(57),
    ...zeros(42),
    ...le16(120),
    ...le16(name.length),
    ...zeros(8),
    ...name,
  ];
  return [0, 0, ...be16(message.length), ...message];
}

export const tlv = (tag: number, data: Bytes): Bytes =>
  data.length < 128 ? [tag, data.length, ...data] : [tag, 0x82, ...be16(data.length), ...data];

const SYSTEM = [0x2b, 6, 1, 2, 1, 1];
const binding = (last: number, value: string): Bytes =>
  tlv(0x30, [...tlv(6, [...SYSTEM, last, 0]), ...tlv(4, ascii(value))]);

/** GetResponse with sysDescr, sysContact, sysName and sysLocation. */
export function snmpResponse(description: string, contact: string): Bytes {
  const bindings = tlv(0x30, [
    ...binding(1, description),
    ...binding(4, contact),
    ...binding(5, 'pump-17'),
    ...binding(6, contact),
  ]);
  const pdu = tlv(0xa2, [...tlv(2, [1]), ...tlv(2, [0]), ...tlv(2, [0]), ...bindings]);
  return tlv(0x30, [...tlv(2, [1]), ...tlv(4, ascii(contact)), ...pdu]);
}

const attribute = (last: number, value: string): Bytes =>
  tlv(0x31, tlv(0x30, [...tlv(6, [0x55, 4, last]), ...tlv(12, ascii(value))]));
export const distinguishedName = (organization: string, common: string): Bytes =>
  tlv(0x30, [...attribute(10, organization), ...attribute(3, common)]);

/** A certificate message's first certificate, as far as the subject and a little more. */
function certificateMessage(issuer: Bytes, subject: Bytes): Bytes {
  const body = tlv(0x30, [
    ...[...tlv(0xa0, tlv(2, [2])), ...tlv(2, [1]), ...tlv(0x30, zeros(4)), ...issuer],
    ...[...tlv(0x30, zeros(4)), ...subject, ...tlv(0x30, zeros(8))],
  ]);
  const certificate = tlv(0x30, body);
  const list = [0, ...be16(certificate.length), ...certificate];
  return [11, 0, ...be16(list.length + 3), 0, ...be16(list.length), ...list];
}

const record = (...messages: readonly Bytes[]): Bytes => {
  const body = messages.flat();
  return [22, 3, 3, ...be16(body.length), ...body];
};

/** ServerHello and Certificate, as a server sends them. */
export const tlsServer = (issuer: Bytes, subject: Bytes): Bytes =>
  record([2, 0, 0, 4, ...zeros(4)], certificateMessage(issuer, subject));
/** A client's certificate: no ServerHello before it. */
export const tlsClientCertificate = (issuer: Bytes, subject: Bytes): Bytes =>
  record(certificateMessage(issuer, subject));

export function clientHello(name: string): Bytes {
  const serverName = [...be16(name.length + 3), 0, ...be16(name.length), ...ascii(name)];
  const extensions = [...be16(10), ...be16(2), 0, 0, ...be16(0), ...be16(serverName.length), ...serverName];
  const body = [3, 3, ...zeros(32), 0, ...be16(2), 0x13, 1, 1, 0, ...be16(extensions.length), ...extensions];
  return record([1, 0, ...be16(body.length), ...body]);
}

export function rdpClient(name: string): Bytes {
  const core = [
    ...[1, 0xc0, ...le16(216), ...zeros(16), ...le16(2600), 0, 0],
    ...[...utf16(name.padEnd(16, '\0').slice(0, 16)), ...zeros(100)],
  ];
  const body = [
    2,
    0xf0,
    0x80,
    0x7f,
    0x65,
    0x82,
    ...be16(400),
    ...zeros(80),
    ...ascii('Duca'),
    0x81,
    0x00,
    ...core,
  ];
  return [3, 0, ...be16(body.length + 4), ...body];
}

export function modbusIdentification(objects: readonly (readonly [number, string])[]): Bytes {
  const pdu = [
    43,
    14,
    1,
    0x83,
    0,
    0,
    objects.length,
    ...objects.flatMap(([id, text]) => option(id, ascii(text))),
  ];
  return [0, 1, 0, 0, ...be16(pdu.length + 1), 1, ...pdu];
}

const bvlc = (npdu: Bytes): Bytes => [0x81, 0x0a, ...be16(npdu.length + 4), ...npdu];
const deviceObject: Bytes = [2, 0, 0, 7];

/** ReadProperty-ACK of a character string of the device object (or of another one). */
export const bacnetProperty = (property: number, value: string, object: Bytes = deviceObject): Bytes =>
  bvlc([
    ...[1, 0, 0x30, 1, 12, 0x0c, ...object, 0x19, property, 0x3e],
    ...[0x75, value.length + 1, 0, ...ascii(value), 0x3f],
  ]);
export const bacnetIAm = (vendor: number): Bytes =>
  bvlc([1, 0, 0x10, 0, 0xc4, ...deviceObject, 0x22, 5, 0xc4, 0x91, 0, 0x21, vendor]);

const lldpTlv = (type: number, data: Bytes): Bytes => [...be16((type << 9) | data.length), ...data];
export const lldp = (make: string, serial: string, asset: string): Bytes => [
  ...[...lldpTlv(1, [4, ...PUMP_MAC]), ...lldpTlv(2, [3, ...PUMP_MAC]), ...lldpTlv(3, be16(120))],
  ...[...lldpTlv(5, ascii('monitor-3')), ...lldpTlv(127, [0, 0x12, 0xbb, 9, ...ascii(make)])],
  ...lldpTlv(127, [0, 0x12, 0xbb, 8, ...ascii(serial)]),
  ...lldpTlv(127, [0, 0x12, 0xbb, 11, ...ascii(asset)]),
  ...lldpTlv(0, []),
];

const cdpTlv = (type: number, data: Bytes): Bytes => [...be16(type), ...be16(data.length + 4), ...data];
export const cdp = (device: string, platform: string): Bytes => [
  ...[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2, 180, 0, 0],
  ...[...cdpTlv(1, ascii(device)), ...cdpTlv(6, ascii(platform)), ...cdpTlv(4, be32(0x90))],
];

const dnsName = (name: string): Bytes => [
  ...name.split('.').flatMap((label) => [label.length, ...ascii(label)]),
  0,
];
const dnsRecord = (name: string, type: number, data: Bytes): Bytes => [
  ...[...dnsName(name), ...be16(type), ...be16(1), ...be32(120), ...be16(data.length), ...data],
];
/** An mDNS announcement of a printer; people choose the instance name. */
export const mdnsPrinter = (instance: string): Bytes => [
  ...[0, 0, 0x84, 0, 0, 0, 0, 3, 0, 0, 0, 0],
  ...dnsRecord('_ipp._tcp.local', 12, dnsName(`${instance}._ipp._tcp.local`)),
  ...dnsRecord(`${instance}._ipp._tcp.local`, 16, [
    ...option(0, ascii('ty=HP LaserJet 4250')).slice(1),
    ...option(0, ascii('note=second floor')).slice(1),
  ]),
  ...dnsRecord('npi3c2b1a.local', 1, [10, 0, 0, 9]),
];
export const dnsQuestion = (name: string): Bytes => [
  ...[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...dnsName(name), ...be16(1), ...be16(1)],
];

/** A list-identity reply of EtherNet/IP with one identity item. */
export function enipIdentity(product: string): Bytes {
  const name = ascii(product);
  const item = [
    1,
    0,
    ...Array<number>(16).fill(0),
    1,
    0,
    14,
    0,
    55,
    0,
    20,
    11,
    0,
    0,
    0x34,
    0xab,
    0x12,
    0,
    name.length,
    ...name,
    3,
  ];
  const data = [1, 0, 0x0c, 0, item.length, 0, ...item];
  return [0x63, 0, data.length, 0, ...Array<number>(20).fill(0), ...data];
}

/** RFC 1002 section 4.3.2: the called name, then the caller's, both encoded as RFC 1001 section 14.1 says. */
export function sessionRequest(called: string, calling: string): Bytes {
  const encoded = (name: string, suffix: number): number[] => {
    const codes = [...ascii(name.padEnd(15)), suffix];
    return [32, ...codes.flatMap((code) => [65 + (code >> 4), 65 + (code & 15)]), 0];
  };
  return [0x81, 0, 0, 68, ...encoded(called, 0x20), ...encoded(calling, 0)];
}

/** A report of RFC 3412 with an engine id of enterprise 9. */
export function snmp3Report(): Bytes {
  const engine = [0x04, 9, 0x80, 0, 0, 9, 3, 0, 1, 2, 3];
  const parameters = [0x30, engine.length + 4, ...engine, 2, 1, 0, 4, 0].slice(0, engine.length + 6);
  const global = [0x30, 3, 2, 1, 1];
  const body = [2, 1, 3, ...global, 0x04, parameters.length, ...parameters];
  return [0x30, body.length, ...body];
}
