/**
 * How the 32 bits of the packet mark and of the conntrack mark are used. The compiler writes them into rules and set
 * keys, the enforcer reads them back from logged packets and connections. Pure.
 *
 *   bit 29      this packet came in on the network side    } stamped in prerouting, before anything is decided
 *   bit 28      this packet came in on the device side     }
 *   bit 25      the numbered device is the one contacted
 *   bit 24      the numbered device opened the connection
 *   bit 23      shadow: no entry permits it, and it passes
 *   bit 22      observe: the same                             } until it is logged
 *   bits 23, 22 in a connection's mark: no data seen yet of the one who opened it, of the other
 *   bits 0..19  the device's number (assign-ids.ts)
 *
 * A connection's mark is the mark of the device that decided it, so that one look-up finds a contained device for every
 * packet of a live connection. Bit 31 says that both ends are guarded devices: then both are looked up.
 */
export const SIDE_NETWORK = 0x2000_0000;
export const SIDE_DEVICE = 0x1000_0000;
export const CONTACTED = 0x0200_0000;
export const OPENED = 0x0100_0000;
export const WOULD_REFUSE = 0x0080_0000;
export const OBSERVED = 0x0040_0000;
/** Conntrack mark only: the first data of each direction is yet to come, and will be logged. */
export const AWAITS_DATA = 0x0080_0000;
export const AWAITS_ANSWER = 0x0040_0000;
/** A packet mark without bits 22 and 23 is what a connection keeps. */
export const CONNECTION_MASK = 0xff3f_ffff;
export const DEVICE_MASK = 0x000f_ffff;
/** Conntrack mark only. */
export const BOTH_GUARDED = 0x8000_0000;
/**
 * Packet mark of what the inet table let through. The bridge table drops IP packets without it, so that bridged traffic
 * which never met the filter (br_netfilter unloaded, or its sysctl turned off by somebody else) is refused, not passed.
 */
export const ADMITTED = 0x00c0_4d00;

/** A device behind the box that the policy does not name. */
export const UNKNOWN_DEVICE_ID = 1;
export const FIRST_DEVICE_ID = 2;

export interface MarkedDevice {
  readonly deviceId: number;
  readonly opened: boolean;
}

/** The device a logged packet's mark speaks of. Deciding side unknown (mark without a device): null. */
export function deviceOfMark(mark: number): MarkedDevice | null {
  const deviceId = mark & DEVICE_MASK;
  if (deviceId === 0) return null;
  return { deviceId, opened: (mark & OPENED) !== 0 };
}

/** As nft prints marks, so that text and listing can be compared by eye. */
export function markText(mark: number): string {
  return `0x${(mark >>> 0).toString(16).padStart(8, '0')}`;
}
