/**
 * DHCPv6 client messages (RFC 8415 section 8): client id (option 1), option request (6), vendor class (16), client FQDN (39, RFC 4704), MUD URL (112,
 * RFC 8520 section 10). Relayed messages are not read: the link-layer sender is the relay agent.
 */
import { u16, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { hexOf, hostNameOf, mudUrlOf, textOf } from '../text.js';
import { readDnsName } from './dns-message.js';

/** Solicit, request, confirm, renew, rebind, release, decline, information-request. */
const CLIENT_MESSAGES = new Set([1, 3, 4, 5, 6, 8, 9, 11]);
const MAX_OPTIONS = 48;
const MAX_REQUESTED = 24;

/** Advertise and reply: RFC 8415 section 7.3. From the server's port alone, so that a relay agent is none. */
export function readDhcp6Server(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const isServer = end - start >= 8 && (u8(bytes, start) === 2 || u8(bytes, start) === 7);
  return isServer
    ? [{ field: 'role', value: 'DHCP server', source: 'dhcp6.server', confidence: CONFIDENCE.declared }]
    : NO_OBSERVATIONS;
}

export function readDhcp6(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 8 || !CLIENT_MESSAGES.has(u8(bytes, start))) return NO_OBSERVATIONS;
  const out = new Observations();
  let at = start + 4;
  for (let seen = 0; seen < MAX_OPTIONS && at + 4 <= end; seen++) {
    const first = at + 4;
    const last = first + u16(bytes, at + 2);
    if (last > end) break;
    readOption(bytes, u16(bytes, at), first, last, out);
    at = last;
  }
  return out.list;
}

function readOption(bytes: Uint8Array, code: number, at: number, end: number, out: Observations): void {
  switch (code) {
    case 1:
      // RFC 8415 section 11: at most 128 bytes after the type.
      if (end - at > 2) out.hint(hexOf(bytes, at, end), 'dhcp6.client-id');
      return;
    case 6: {
      const codes: number[] = [];
      for (let code = at; code + 2 <= end && codes.length < MAX_REQUESTED; code += 2)
        codes.push(u16(bytes, code));
      out.hint(codes.join(','), 'dhcp6.option-request');
      return;
    }
    case 16:
      if (end - at > 6) {
        const enterprise = u16(bytes, at) * 65_536 + u16(bytes, at + 2);
        const text = textOf(bytes, at + 6, Math.min(end, at + 6 + u16(bytes, at + 4)));
        out.hint(`${enterprise} ${text ?? ''}`.trim(), 'dhcp6.vendor-class');
      }
      return;
    case 39: {
      if (end - at < 2) return;
      // A partial name need not end with the empty label (RFC 4704 section 4.2).
      const labels = readDnsName(bytes, at + 1, at + 1, end)?.labels ?? partialName(bytes, at + 1, end);
      out.add('name', hostNameOf(labels.join('.')), 'dhcp6.client-fqdn', CONFIDENCE.own);
      return;
    }
    case 112:
      out.add('mudUrl', mudUrlOf(textOf(bytes, at, end)), 'dhcp6.mud-url', CONFIDENCE.declared);
      return;
    default:
  }
}

function partialName(bytes: Uint8Array, at: number, end: number): readonly string[] {
  const length = u8(bytes, at);
  return length > 0 && length < 64 && at + 1 + length <= end
    ? [textOf(bytes, at + 1, at + 1 + length) ?? '']
    : [];
}
