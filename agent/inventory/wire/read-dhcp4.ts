/**
 * DHCPv4 client messages (RFC 2131, options of RFC 2132): what a client says of itself. Reads options 12, 50, 53, 55, 60, 61, 77
 * (RFC 3004), 81 (RFC 4702), 124 and 125 (RFC 3925), 161 (RFC 8520 section 10), 52 for overload; nothing of a server's messages
 * but the address that an ACK assigns and the host name (12) that it gives.
 */
import { formatAddress, formatMac } from '../../packet/format.js';
import { s32, u16, u24, u8 } from '../../packet/read.js';
import { CONFIDENCE, Observations, type Observation } from '../observation.js';
import { hexOf, hostNameOf, mudUrlOf, textOf } from '../text.js';

export interface Dhcp4Reading {
  /** The client's MAC (chaddr): behind a relay agent the frame comes from somebody else. */
  readonly mac: string;
  /** Assigned by an ACK, or used already (ciaddr). */
  readonly address: string | null;
  /** From a server or a relay agent. */
  readonly isReply: boolean;
  readonly observations: readonly Observation[];
}

const OPTIONS_OFFSET = 240;
const MAGIC_COOKIE = 0x63825363;
const SNAME = { offset: 44, bytes: 64 };
const FILE = { offset: 108, bytes: 128 };
/** RFC 2131 has no limit; a message of 1,500 bytes cannot hold more that means anything. */
const MAX_OPTIONS = 128;
const BOOT_REQUEST = 1;
const BOOT_REPLY = 2;
const ACK = 5;

/** Null where it is not DHCP over Ethernet. */
export function readDhcp4(bytes: Uint8Array, start: number, end: number): Dhcp4Reading | null {
  if (end - start < OPTIONS_OFFSET) return null;
  const operation = u8(bytes, start);
  if (operation !== BOOT_REQUEST && operation !== BOOT_REPLY) return null;
  if (u8(bytes, start + 1) !== 1 || u8(bytes, start + 2) !== 6) return null;
  if (s32(bytes, start + 236) !== MAGIC_COOKIE) return null;
  const mac = formatMac(u24(bytes, start + 28), u24(bytes, start + 31));
  const message = { type: 0, overload: 0, out: new Observations() };
  const isRequest = operation === BOOT_REQUEST;
  readOptions(bytes, start + OPTIONS_OFFSET, end, message, isRequest);
  // RFC 2132 section 9.3: options may go on in the file and server name fields.
  if ((message.overload & 1) !== 0)
    readOptions(bytes, start + FILE.offset, start + FILE.offset + FILE.bytes, message, isRequest);
  if ((message.overload & 2) !== 0)
    readOptions(bytes, start + SNAME.offset, start + SNAME.offset + SNAME.bytes, message, isRequest);
  if (message.type === 0) return null;
  const ciaddr = addressAt(bytes, start + 12);
  const yiaddr = message.type === ACK ? addressAt(bytes, start + 16) : null;
  return { mac, address: isRequest ? ciaddr : yiaddr, isReply: !isRequest, observations: message.out.list };
}

interface Message {
  type: number;
  overload: number;
  readonly out: Observations;
}

function readOptions(
  bytes: Uint8Array,
  from: number,
  end: number,
  message: Message,
  isRequest: boolean,
): void {
  let at = from;
  for (let seen = 0; seen < MAX_OPTIONS && at < end; seen++) {
    const code = u8(bytes, at);
    if (code === 255) return;
    if (code === 0) {
      at += 1;
      continue;
    }
    const first = at + 2;
    const last = first + u8(bytes, at + 1);
    if (first > end || last > end) return;
    if (code === 53 && last > first) message.type = u8(bytes, first);
    if (code === 52 && last > first) message.overload |= u8(bytes, first);
    if (isRequest) readClientOption(bytes, code, first, last, message.out);
    else if (code === 12)
      message.out.add(
        'name',
        hostNameOf(textOf(bytes, first, last)),
        'dhcp4.assigned-name',
        CONFIDENCE.hearsay,
      );
    at = last;
  }
}

function readClientOption(bytes: Uint8Array, code: number, at: number, end: number, out: Observations): void {
  switch (code) {
    case 12:
      out.add('name', hostNameOf(textOf(bytes, at, end)), 'dhcp4.host-name', CONFIDENCE.own);
      return;
    case 55:
      out.hint(Array.from(bytes.subarray(at, Math.min(end, at + 40))).join(','), 'dhcp4.parameter-list');
      return;
    case 60:
      out.hint(textOf(bytes, at, end), 'dhcp4.vendor-class');
      return;
    case 61:
      // Type 1 is the MAC again; the others tell a device from a newly made-up MAC (RFC 4361: a DUID).
      if (end - at > 1 && u8(bytes, at) !== 1) out.hint(hexOf(bytes, at, end), 'dhcp4.client-id');
      return;
    case 77:
      out.hint(readUserClass(bytes, at, end), 'dhcp4.user-class');
      return;
    case 81:
      // Flags and two unused result codes; bit 2 (E) says DNS wire format, else ASCII (RFC 4702 section 2).
      if (end - at > 3) out.add('name', fqdn(bytes, at, end), 'dhcp4.client-fqdn', CONFIDENCE.own);
      return;
    case 124:
      if (end - at > 5)
        out.hint(
          `${enterprise(bytes, at)} ${textOf(bytes, at + 5, end) ?? ''}`.trim(),
          'dhcp4.vi-vendor-class',
        );
      return;
    case 125:
      if (end - at > 5) out.hint(String(enterprise(bytes, at)), 'dhcp4.vi-vendor-info');
      return;
    case 161:
      out.add('mudUrl', mudUrlOf(textOf(bytes, at, end)), 'dhcp4.mud-url', CONFIDENCE.declared);
      return;
    default:
  }
}

/** RFC 3004: counted strings; what Windows and many others send is one string without the count. */
function readUserClass(bytes: Uint8Array, at: number, end: number): string | null {
  const isCounted = at < end && at + 1 + u8(bytes, at) <= end && u8(bytes, at) > 0 && u8(bytes, at) < 32;
  return isCounted ? textOf(bytes, at + 1, at + 1 + u8(bytes, at)) : textOf(bytes, at, end);
}

function fqdn(bytes: Uint8Array, at: number, end: number): string | null {
  if ((u8(bytes, at) & 4) === 0) return hostNameOf(textOf(bytes, at + 3, end));
  const labels: string[] = [];
  let label = at + 3;
  while (label < end && u8(bytes, label) > 0 && u8(bytes, label) < 64 && labels.length < 8) {
    const next = label + 1 + u8(bytes, label);
    if (next > end) break;
    labels.push(textOf(bytes, label + 1, next) ?? '');
    label = next;
  }
  return hostNameOf(labels.join('.'));
}

function enterprise(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) * 65_536 + u16(bytes, at + 2)) >>> 0;
}

function addressAt(bytes: Uint8Array, at: number): string | null {
  const word = s32(bytes, at) >>> 0;
  return word === 0 || word === 0xffffffff ? null : formatAddress(4, word, 0, 0, 0);
}
