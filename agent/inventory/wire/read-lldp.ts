/**
 * LLDP (IEEE 802.1AB clause 8), its inventory of LLDP-MED (ANSI/TIA-1057 section 10.2.6) and its MUD URL (RFC 8520 section 11). Never an asset
 * number or a location.
 */
import { formatAddress } from '../../packet/format.js';
import { s32, u16, u24, u8 } from '../../packet/read.js';
import { CONFIDENCE, Observations, type DeviceField, type Observation, type Source } from '../observation.js';
import { mudUrlOf, textOf } from '../text.js';

export const ETHERTYPE_LLDP = 0x88cc;

const MAX_TLVS = 64;
const TIA = 0x0012bb;
const IANA = 0x00005e;
const MED: Readonly<Record<number, readonly [DeviceField, Source]>> = {
  6: ['version', 'lldp.firmware'],
  7: ['version', 'lldp.software'],
  8: ['serial', 'lldp.serial'],
  9: ['make', 'lldp.make'],
  10: ['model', 'lldp.model'],
};
/** Clause 8.5.8.1, table 8-4. */
const CAPABILITIES: readonly (readonly [number, string])[] = [
  [1 << 2, 'bridge'],
  [1 << 3, 'access point'],
  [1 << 4, 'router'],
  [1 << 5, 'telephone'],
];

export function readLldp(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  const out = new Observations();
  let at = start;
  for (let seen = 0; seen < MAX_TLVS && at + 2 <= end; seen++) {
    const header = u16(bytes, at);
    const first = at + 2;
    const last = first + (header & 0x1ff);
    const type = header >> 9;
    if (type === 0 || last > end) break;
    readTlv(bytes, type, first, last, out);
    at = last;
  }
  return out.list;
}

function readTlv(bytes: Uint8Array, type: number, at: number, end: number, out: Observations): void {
  switch (type) {
    case 4:
      out.hint(textOf(bytes, at, end), 'lldp.port');
      return;
    case 5:
      out.add('name', textOf(bytes, at, end), 'lldp.name', CONFIDENCE.own);
      return;
    case 6:
      out.hint(textOf(bytes, at, end), 'lldp.description');
      return;
    case 7:
      // What it can do, then what is switched on.
      if (end - at >= 4)
        for (const [bit, name] of CAPABILITIES)
          if ((u16(bytes, at + 2) & bit) !== 0) out.hint(name, 'lldp.capabilities');
      return;
    case 8:
      // Length with the subtype, subtype 1 (IANA family IPv4), address.
      if (end - at >= 6 && u8(bytes, at) === 5 && u8(bytes, at + 1) === 1)
        out.add(
          'address',
          formatAddress(4, s32(bytes, at + 2) >>> 0, 0, 0, 0),
          'lldp.address',
          CONFIDENCE.told,
        );
      return;
    case 127:
      readOrganization(bytes, at, end, out);
      return;
    default:
  }
}

function readOrganization(bytes: Uint8Array, at: number, end: number, out: Observations): void {
  if (end - at < 5) return;
  const subtype = u8(bytes, at + 3);
  const text = textOf(bytes, at + 4, end);
  if (u24(bytes, at) === IANA && subtype === 1)
    out.add('mudUrl', mudUrlOf(text), 'lldp.mud-url', CONFIDENCE.declared);
  const field = u24(bytes, at) === TIA ? MED[subtype] : undefined;
  if (field !== undefined) out.add(field[0], text, field[1], CONFIDENCE.declared);
}
