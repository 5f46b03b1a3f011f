/**
 * BACnet/IP (ANSI/ASHRAE 135 annex J; tags clause 20.2) and BACnet over Ethernet (clause 7): I-Am, I-Have of a device's own name, and what a device says of its device object in ReadProperty and
 * ReadPropertyMultiple acknowledgements. Of properties only those of PROPERTIES; never a description, a location or a present value.
 */
import { s32, u16, u24, u8 } from '../../packet/read.js';
import {
  CONFIDENCE,
  NO_OBSERVATIONS,
  Observations,
  type DeviceField,
  type Observation,
  type Source,
} from '../observation.js';
import { textOf } from '../text.js';

const BVLC_TYPE = 0x81;
const FORWARDED_NPDU = 4;
const UNCONFIRMED = 1;
const COMPLEX_ACK = 3;
const I_AM = 0;
const I_HAVE = 1;
const READ_PROPERTY = 12;
const READ_PROPERTY_MULTIPLE = 14;
const OBJECT_DEVICE = 8;
const MAX_TAGS = 128;
const OBJECT_NAME = 77;
/** Clause 21, BACnetPropertyIdentifier. */
const PROPERTIES: Readonly<Record<number, readonly [DeviceField, Source]>> = {
  12: ['software', 'bacnet.software'],
  44: ['version', 'bacnet.firmware'],
  70: ['model', 'bacnet.model'],
  77: ['name', 'bacnet.object-name'],
  121: ['make', 'bacnet.vendor-name'],
};

export function readBacnet(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 8 || u8(bytes, start) !== BVLC_TYPE) return NO_OBSERVATIONS;
  const last = Math.min(end, start + u16(bytes, start + 2));
  // What a broadcast device passed on is not about the sender of the packet.
  if (u8(bytes, start + 1) === FORWARDED_NPDU) return NO_OBSERVATIONS;
  return readNetworkMessage(bytes, start + 4, last);
}

/** An 802.3 frame with the SAPs of BACnet and unnumbered information. */
export function isBacnetFrame(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start > 6 && u24(bytes, start) === 0x828203;
}

export function readBacnetFrame(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  return isBacnetFrame(bytes, start, end) ? readNetworkMessage(bytes, start + 3, end) : NO_OBSERVATIONS;
}

function readNetworkMessage(bytes: Uint8Array, start: number, last: number): readonly Observation[] {
  const apdu = afterNetworkHeader(bytes, start, last);
  if (apdu === null) return NO_OBSERVATIONS;
  const out = new Observations();
  if (apdu.hasSource) {
    // From another network: the sender is the BACnet router, and what is said is not about it.
    out.add('role', 'BACnet router', 'bacnet.instance', CONFIDENCE.declared);
    return out.list;
  }
  const type = u8(bytes, apdu.at) >> 4;
  if (type === UNCONFIRMED && u8(bytes, apdu.at + 1) === I_AM) readIAm(bytes, apdu.at + 2, last, out);
  if (type === UNCONFIRMED && u8(bytes, apdu.at + 1) === I_HAVE) readIHave(bytes, apdu.at + 2, last, out);
  // A segmented acknowledgement (bit 3) has two bytes more, and only its first part begins with a tag.
  if (type === COMPLEX_ACK && (u8(bytes, apdu.at) & 8) === 0) {
    const service = u8(bytes, apdu.at + 2);
    if (service === READ_PROPERTY || service === READ_PROPERTY_MULTIPLE)
      readProperties(bytes, apdu.at + 3, last, service === READ_PROPERTY ? 1 : 2, out);
  }
  return out.list;
}

/** Clause 6.2: version 1, control, destination and source where the control bits say so. Null for network messages. */
function afterNetworkHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly at: number; readonly hasSource: boolean } | null {
  if (start + 3 > end || u8(bytes, start) !== 1) return null;
  const control = u8(bytes, start + 1);
  const hasSource = (control & 0x08) !== 0;
  if ((control & 0x80) !== 0) return null;
  let at = start + 2;
  if ((control & 0x20) !== 0) at += 3 + u8(bytes, at + 2);
  if (hasSource) at += 3 + u8(bytes, at + 2);
  // The hop count follows a destination.
  if ((control & 0x20) !== 0) at += 1;
  return at + 2 < end ? { at, hasSource } : null;
}

/** Clause 16.10: object identifier, largest APDU, segmentation, vendor. */
function readIAm(bytes: Uint8Array, start: number, end: number, out: Observations): void {
  const object = readTag(bytes, start, end);
  if (object === null || !isDeviceObject(bytes, object)) return;
  out.add('role', 'BACnet device', 'bacnet.instance', CONFIDENCE.declared);
  let at = object.end;
  for (let skipped = 0; skipped < 2; skipped++) at = readTag(bytes, at, end)?.end ?? end;
  const vendor = readTag(bytes, at, end);
  if (vendor !== null && vendor.number === 2) out.hint(String(unsignedOf(bytes, vendor)), 'bacnet.vendor');
}

/** Clause 16.9: whose object it is, which one, its name. Only a device's own. */
function readIHave(bytes: Uint8Array, start: number, end: number, out: Observations): void {
  const device = readTag(bytes, start, end);
  const object = device && readTag(bytes, device.end, end);
  const name = object && readTag(bytes, object.end, end);
  if (!device || !object || !name || !isDeviceObject(bytes, device) || !isDeviceObject(bytes, object)) return;
  out.add('role', 'BACnet device', 'bacnet.instance', CONFIDENCE.declared);
  addProperty(bytes, name, OBJECT_NAME, out);
}

/** `idTag`: the context tag that names the property, 1 in ReadProperty and 2 in ReadPropertyMultiple. */
function readProperties(
  bytes: Uint8Array,
  start: number,
  end: number,
  idTag: number,
  out: Observations,
): void {
  let at = start;
  let isDevice = false;
  let property = -1;
  let depth = 0;
  for (let seen = 0; seen < MAX_TAGS && at < end; seen++) {
    const tag = readTag(bytes, at, end);
    if (tag === null) return;
    at = tag.end;
    if (tag.kind === 'opening') depth += 1;
    else if (tag.kind === 'closing') depth -= 1;
    else if (tag.kind === 'context' && tag.number === 0) isDevice = isDeviceObject(bytes, tag);
    else if (tag.kind === 'context' && tag.number === idTag && depth === idTag - 1)
      property = unsignedOf(bytes, tag);
    else if (tag.kind === 'application' && depth === idTag && isDevice)
      addProperty(bytes, tag, property, out);
  }
}

function addProperty(bytes: Uint8Array, tag: Tag, property: number, out: Observations): void {
  const field = PROPERTIES[property];
  // Character string (tag 7), character set 0 is UTF-8 (clause 20.2.9).
  if (field === undefined || tag.number !== 7 || u8(bytes, tag.start) !== 0) return;
  const value = textOf(bytes, tag.start + 1, tag.end);
  out.add(field[0], value, field[1], CONFIDENCE.declared);
  out.hint(value, field[1]);
}

interface Tag {
  readonly kind: 'application' | 'context' | 'opening' | 'closing';
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/** Clause 20.2.1. Null where it runs past the end. */
function readTag(bytes: Uint8Array, at: number, end: number): Tag | null {
  if (at >= end) return null;
  const first = u8(bytes, at);
  const isContext = (first & 0x08) !== 0;
  const low = first & 0x07;
  let start = at + 1;
  let number = first >> 4;
  if (number === 15) {
    number = u8(bytes, start);
    start += 1;
  }
  if (isContext && low >= 6) return { kind: low === 6 ? 'opening' : 'closing', number, start, end: start };
  let length = low;
  if (low === 5) {
    length = u8(bytes, start);
    start += 1;
    if (length === 254) {
      length = u16(bytes, start);
      start += 2;
    } else if (length === 255) return null;
  }
  // An application boolean (tag 1) has its value where others have their length.
  if (!isContext && number === 1) length = 0;
  const last = start + length;
  return last > end ? null : { kind: isContext ? 'context' : 'application', number, start, end: last };
}

function isDeviceObject(bytes: Uint8Array, tag: Tag): boolean {
  return tag.end - tag.start === 4 && s32(bytes, tag.start) >>> 22 === OBJECT_DEVICE;
}

function unsignedOf(bytes: Uint8Array, tag: Tag): number {
  let value = 0;
  for (let at = tag.start; at < Math.min(tag.end, tag.start + 4); at++) value = value * 256 + u8(bytes, at);
  return value;
}
