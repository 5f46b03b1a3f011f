/**
 * IEEE 802.11 data frames (IEEE Std 802.11-2020, 9.3.2) with the LLC/SNAP header of RFC 1042, and the radiotap header that
 * capturing cards put before them (https://www.radiotap.org). Management and control frames, what is encrypted and several
 * packets in one frame (A-MSDU) carry nothing that is read here. Never throws.
 */
import { le16, le32, u16, u24, u8 } from '../packet/read.js';
import { LAYER_ETHERNET, type PacketView } from '../packet/view.js';
import { decodePayload, nothingInside, setDestinationMac, setSourceMac, tooShort } from './link-payload.js';

const HEADER_BYTES = 24;
const CONTROL_TYPE = 1;
const DATA_TYPE = 2;
const HAS_NO_DATA = 0x40;
const IS_QOS = 0x80;
/** Of the second byte of frame control. */
const TO_SYSTEM = 0x01;
const FROM_SYSTEM = 0x02;
const IS_PROTECTED = 0x40;
const HAS_HT_CONTROL = 0x80;
/** Of the QoS control field. */
const IS_AGGREGATE = 0x80;

const SNAP_BYTES = 8;
/** DSAP and SSAP 0xaa; then unnumbered information and organisation 0 (RFC 1042; 802.1H bridges have 0x0000f8). */
const SNAP = 0xaaaa03;
const ORGANISATIONS: readonly number[] = [0x000000, 0x0000f8];

const RADIOTAP_BYTES = 8;
const RADIOTAP_MORE = 0x8000_0000;
const RADIOTAP_HAS_TIME = 0x01;
const RADIOTAP_HAS_FLAGS = 0x02;
/** Of the flags field: bytes between the header and its data, so that these begin at a multiple of four. */
const RADIOTAP_PADDED = 0x20;

export function decodeRadiotap(view: PacketView, bytes: Uint8Array, offset: number, length: number): number {
  if (length < RADIOTAP_BYTES) return tooShort(view);
  const headerBytes = le16(bytes, offset + 2);
  if (headerBytes < RADIOTAP_BYTES || headerBytes > length) return tooShort(view);
  const isPadded = (radiotapFlags(bytes, offset, headerBytes) & RADIOTAP_PADDED) !== 0;
  return decodeWireless(view, bytes, offset + headerBytes, length - headerBytes, isPadded);
}

/** Fields are aligned to their own size, from the start of the header on. */
function radiotapFlags(bytes: Uint8Array, offset: number, headerBytes: number): number {
  const present = le32(bytes, offset + 4);
  let at = RADIOTAP_BYTES;
  for (let word = present; (word & RADIOTAP_MORE) !== 0 && at + 4 <= headerBytes; at += 4)
    word = le32(bytes, offset + at);
  if ((present & RADIOTAP_HAS_TIME) !== 0) at = Math.ceil(at / 8) * 8 + 8;
  return (present & RADIOTAP_HAS_FLAGS) !== 0 && at < headerBytes ? u8(bytes, offset + at) : 0;
}

export function decodeWireless(
  view: PacketView,
  bytes: Uint8Array,
  offset: number,
  length: number,
  isPadded = false,
): number {
  if (length < 2) return tooShort(view);
  const kind = u8(bytes, offset);
  const flags = u8(bytes, offset + 1);
  const type = (kind >> 2) & 3;
  if (type === CONTROL_TYPE) return nothingInside(view);
  if (length < HEADER_BYTES) return tooShort(view);
  if (type !== DATA_TYPE || (kind & HAS_NO_DATA) !== 0 || (flags & IS_PROTECTED) !== 0)
    return nothingInside(view);
  const isRelayed = (flags & (TO_SYSTEM | FROM_SYSTEM)) === (TO_SYSTEM | FROM_SYSTEM);
  let headerBytes = HEADER_BYTES + (isRelayed ? 6 : 0);
  if ((kind & IS_QOS) !== 0) {
    if (length > headerBytes && (u8(bytes, offset + headerBytes) & IS_AGGREGATE) !== 0)
      return nothingInside(view);
    headerBytes += 2 + ((flags & HAS_HT_CONTROL) === 0 ? 0 : 4);
  }
  if (isPadded) headerBytes = Math.ceil(headerBytes / 4) * 4;
  const at = offset + headerBytes;
  if (length < headerBytes + SNAP_BYTES) return tooShort(view);
  if (u24(bytes, at) !== SNAP || !ORGANISATIONS.includes(u24(bytes, at + 3))) return nothingInside(view);
  const inside = at + SNAP_BYTES;
  const problem = decodePayload(view, u16(bytes, at + 6), bytes, inside, offset + length - inside);
  view.layers |= LAYER_ETHERNET;
  setDestinationMac(view, bytes, offset + ((flags & TO_SYSTEM) === 0 ? 4 : 16));
  setSourceMac(view, bytes, offset + (isRelayed ? 24 : (flags & FROM_SYSTEM) === 0 ? 10 : 16));
  return problem;
}
