/**
 * RDP connection set-up (MS-RDPBCGR 2.2.1.3.2, client core data): the client's build and, where it looks like a machine's, its name. Never the
 * routing cookie of the connection request (2.2.1.1), which holds a user name.
 */
import { le16, u16, u8 } from '../../packet/read.js';
import { CONFIDENCE, NO_OBSERVATIONS, Observations, type Observation } from '../observation.js';
import { indexOfAscii, textOfUtf16 } from '../text.js';

const TPKT_VERSION = 3;
const X224_DATA = 0xf0;
const MAX_SEARCH_BYTES = 512;
/** T.124: the client's key, before its data blocks. */
const GCC_KEY = 'Duca';
const CLIENT_CORE = 0x01c0;
const BUILD_OFFSET = 20;
const NAME_OFFSET = 24;
const NAME_BYTES = 32;

export function readRdp(bytes: Uint8Array, start: number, end: number): readonly Observation[] {
  if (end - start < 12 || u8(bytes, start) !== TPKT_VERSION || u8(bytes, start + 5) !== X224_DATA)
    return NO_OBSERVATIONS;
  // T.125 Connect-Initial is application tag 101.
  if (u16(bytes, start + 7) !== 0x7f65) return NO_OBSERVATIONS;
  const key = indexOfAscii(bytes, GCC_KEY, start, Math.min(end, start + MAX_SEARCH_BYTES));
  if (key === -1) return NO_OBSERVATIONS;
  // A PER length of one or two bytes stands before the first block.
  const block = (u8(bytes, key + 4) & 0x80) !== 0 ? key + 6 : key + 5;
  if (u16(bytes, block) !== CLIENT_CORE || block + NAME_OFFSET + NAME_BYTES > end) return NO_OBSERVATIONS;
  const out = new Observations();
  const build = le16(bytes, block + BUILD_OFFSET);
  if (build >= 1000) out.hint(String(build), 'rdp.client-build');
  const name = textOfUtf16(bytes, block + NAME_OFFSET, block + NAME_OFFSET + NAME_BYTES);
  out.add('name', machineName(name), 'rdp.client-name', CONFIDENCE.told);
  return out.list;
}

/**
 * Thin clients are sometimes named after who sits there. Kept is what a set-up program or an administrator makes up: letters, digits and dashes
 * with a digit in it, and no run of digits as long as a date of birth or a record number.
 */
function machineName(name: string | null): string | null {
  if (name === null || !/^[A-Za-z][A-Za-z0-9-]{1,14}$/.test(name)) return null;
  return /\d/.test(name) && !/\d{6}/.test(name) && !/\d{2,4}-\d{2}-\d{2}/.test(name) ? name : null;
}
