/** The decoder for a frame's link type (LINKTYPE_ registry of tcpdump.org): Ethernet, raw IP, and the cooked captures of Linux and BSD loopback. */
import { decodeEthernet } from '../packet/decode-ethernet.js';
import { decodeIp } from '../packet/decode-ip.js';
import type { PacketView } from '../packet/view.js';

const NULL_LOOPBACK = 0;
const ETHERNET = 1;
/** The registry's number, and the ones that BSD and OpenBSD write. */
const RAW_IP: ReadonlySet<number> = new Set([12, 14, 101]);
const LINUX_COOKED = 113;
const LINUX_COOKED_2 = 276;
/** Bytes before the IP header. What is not IP then fails at the version, with a problem of its own. */
const HEADER_BYTES: Readonly<Record<number, number>> = {
  [NULL_LOOPBACK]: 4,
  [LINUX_COOKED]: 16,
  [LINUX_COOKED_2]: 20,
};

/** False where the link type is none of these: the view is then not touched. */
export function decodeFrame(view: PacketView, bytes: Uint8Array, linkType: number): boolean {
  if (linkType === ETHERNET) decodeEthernet(view, bytes, 0, bytes.length);
  else if (RAW_IP.has(linkType)) decodeIp(view, bytes, 0, bytes.length);
  else {
    const headerBytes = HEADER_BYTES[linkType];
    if (headerBytes === undefined) return false;
    decodeIp(view, bytes, headerBytes, Math.max(0, bytes.length - headerBytes));
  }
  return true;
}
