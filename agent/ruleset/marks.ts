/**
 * How the 32 bits of the packet mark and of the conntrack mark are used. The compiler writes them into rules and set
 * keys, the enforcer reads them back from logged packets and connections. Pure.
 *
 *   bit 29      this packet came in on the network side    } stamped in prerouting, before anything is decided
 *   bit 28      this packet came in on the device side     }
 *   bit 25      the numbered device is the one contacted
 *   bit 24      the numbered device opened the connection
 *   bits 30, 27, 26  held for a verdict, and permitted: what passes if nobody gives one
 *   bit 23      shadow: no entry permits it, and it passes
 *   bit 22      observe: the same                             } until it is logged
 *   bits 23, 22 in a connection's mark: no data seen yet of the one who opened it, of the other
 *   bits 27, 26 in a connection's mark: what bits 23 and 22 said of its first packet
 *   bit 21      an essential entry permits it (only while it is held)
 *   bit 20      of a conversation with a DNS server, not its first packet; in a connection's mark: all of it
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
/** Conntrack mark only: shadow, or observe, let its first packet through. Its first data and its end are told with the same verdict. */
export const CONNECTION_WOULD_REFUSE = 0x0800_0000;
export const CONNECTION_OBSERVED = 0x0400_0000;
/** DNS (port 53) that a device opened: what is asked and answered is read. */
export const ASKS_NAMES = 0x0010_0000;
/** A packet mark without bits 20, 22, 23, 26 and 27 is what a connection keeps, and what its packets get back. */
export const CONNECTION_MASK = 0xf32f_ffff;
export const DEVICE_MASK = 0x000f_ffff;
/** Conntrack mark only. */
export const BOTH_GUARDED = 0x8000_0000;
/**
 * Packet mark of what the inet table let through. The bridge table drops IP packets without it, so that bridged traffic
 * which never met the filter (br_netfilter unloaded, or its sysctl turned off by somebody else) is refused, not passed.
 */
export const ADMITTED = 0x00c0_4d00;

/**
 * Packet mark of a first packet on its way to the queue, beside its device: if the kernel lets it go by itself (nobody
 * listens, the queue is full) the bridge table must know it as admitted. Set bits 30, 27, 26 and no side (28, 29). A verdict
 * puts ADMITTED in its place.
 */
export const HELD = 0x4c00_0000;
export const HELD_MASK = 0x7c00_0000;
/** No detector may refuse it: automation never goes past what containment would leave. */
export const ESSENTIAL = 0x0020_0000;

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
