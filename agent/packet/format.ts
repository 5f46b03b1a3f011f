/**
 * Text for people from the numbers of a view: addresses and MACs. The cold path of a box: called when a finding or an event is
 * written, never per packet. `cordon inventory --capture` does it for each packet, so it is not slow either.
 */
import { addressFromBytes } from '../policy/address.js';

/** Dotted quad for family 4 (the first word), RFC 5952 for 6. Words are uint32 in network order. */
export function formatAddress(family: number, w0: number, w1: number, w2: number, w3: number): string {
  if (family === 4) return `${w0 >>> 24}.${(w0 >>> 16) & 255}.${(w0 >>> 8) & 255}.${w0 & 255}`;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  [w0, w1, w2, w3].forEach((word, index) => {
    view.setUint32(index * 4, word);
  });
  return addressFromBytes(bytes).text;
}

const OCTETS = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** `02:42:ac:11:00:02` from two halves of 24 bits. */
export function formatMac(high: number, low: number): string {
  return `${threeOctets(high)}:${threeOctets(low)}`;
}

function threeOctets(half: number): string {
  return `${OCTETS[(half >>> 16) & 255] ?? ''}:${OCTETS[(half >>> 8) & 255] ?? ''}:${OCTETS[half & 255] ?? ''}`;
}
