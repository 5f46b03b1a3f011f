/**
 * Text for people from the numbers of a view: addresses and MACs. The cold path: called when a finding or an event is
 * written, never per packet.
 */
import { addressFromBytes } from '../policy/address.js';

/** Dotted quad for family 4 (the first word), RFC 5952 for 6. Words are uint32 in network order. */
export function formatAddress(family: number, w0: number, w1: number, w2: number, w3: number): string {
  const words = family === 4 ? [w0] : [w0, w1, w2, w3];
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setUint32(index * 4, word);
  });
  return addressFromBytes(bytes).text;
}

/** `02:42:ac:11:00:02` from two halves of 24 bits. */
export function formatMac(high: number, low: number): string {
  const hex = high.toString(16).padStart(6, '0') + low.toString(16).padStart(6, '0');
  return hex.replace(/..(?!$)/g, '$&:');
}
