/**
 * Cisco Discovery Protocol (Cisco, "Catalyst frame formats: CDP"): device id, platform, software, capabilities, port and address. An 802.3
 * frame with SNAP (IEEE 802): AA AA 03, OUI 00000C, type 2000.
 */
import { formatAddress } from '../../packet/format.js';
import { s32, u16, u24, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { hostNameOf, textOf } from '../text.js';

const SNAP_BYTES = 8;
const HEADER_BYTES = 4;
const MAX_TLVS = 48;
const CAPABILITIES: readonly (readonly [number, string])[] = [
  [0x01, 'router'],
  [0x08, 'bridge'],
  [0x80, 'telephone'],
];

export function isCdp(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < SNAP_BYTES + HEADER_BYTES) return false;
  return (
    u24(bytes, start) === 0xaaaa03 && u24(bytes, start + 3) === 0x00000c && u16(bytes, start + 6) === 0x2000
  );
}

export function readCdp(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (!isCdp(bytes, start, end)) return NO_OBSERVATIONS;
  const out = new Observations();
  let at = start + SNAP_BYTES + HEADER_BYTES;
  for (let seen = 0; seen < MAX_TLVS && at + 4 <= end; seen++) {
    const length = u16(bytes, at + 2);
    const last = at + length;
    if (length < 4 || last > end) break;
    readTlv(bytes, u16(bytes, at), at + 4, last, out);
    at = last;
  }
  return out.list;
}

function readTlv(bytes: Uint8Array, type: number, at: number, end: number, out: Observations): void {
  switch (type) {
    case 1:
      out.add('name', hostNameOf(textOf(bytes, at, end)), 'cdp.device-id', CONFIDENCE.own);
      return;
    case 2:
      // A count, then NLPID 0xcc (IP) with a length of 4 for the first one.
      if (end - at >= 13 && u16(bytes, at + 4) === 0x0101 && u24(bytes, at + 6) === 0xcc0004)
        out.add(
          'address',
          formatAddress(4, s32(bytes, at + 9) >>> 0, 0, 0, 0),
          'cdp.address',
          CONFIDENCE.told,
        );
      return;
    case 3:
      out.hint(textOf(bytes, at, end), 'cdp.port');
      return;
    case 4:
      for (const [bit, name] of CAPABILITIES)
        if (end - at >= 4 && (u8(bytes, at + 3) & bit) !== 0) out.hint(name, 'cdp.capabilities');
      return;
    case 5:
      out.hint(textOf(bytes, at, end), 'cdp.software');
      return;
    case 6:
      out.hint(textOf(bytes, at, end), 'cdp.platform');
      return;
    default:
  }
}
