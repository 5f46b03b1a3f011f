/**
 * Who in a capture is a device, and by which number. Either the devices that a person named by MAC or address, or everybody on the device
 * side as a person described it by MACs and networks, or every private and link-local address (RFC 1918, RFC 3927, RFC 4193, RFC 4291 section 2.5.6). Asked once for each connection. Pure.
 */
import { formatAddress, formatMac } from '../packet/format.js';
import { UNKNOWN_DEVICE } from '../detect/event.js';
import { ROUTER_ADVERTISEMENT } from '../packet/neighbour.js';
import { isToGroup, PROTOCOL_ICMPV6, PROTOCOL_UDP, type PacketView } from '../packet/view.js';
import type { DeviceLabel } from '../detect/detector.js';
import { isInNetwork, parseAddress, type Network } from '../policy/address.js';

/** Devices with a number of their own; those beyond are counted and share UNKNOWN_DEVICE. */
const MAX_REPLAY_DEVICES = 16_384;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
/** Nobody's connection: neither end is a device. */
export const NOT_OURS = 0;

/** An end of a connection. `mac` is high * 2^24 + low, or -1. */
export interface End {
  family: number;
  w0: number;
  w1: number;
  w2: number;
  w3: number;
  mac: number;
}

export function createEnd(): End {
  return { family: 0, w0: 0.5, w1: 0.5, w2: 0.5, w3: 0.5, mac: 0.5 };
}

export function setEnd(end: End, family: number, w0: number, w1: number, w2: number, w3: number): void {
  end.family = family;
  end.w0 = w0;
  end.w1 = w1;
  end.w2 = w2;
  end.w3 = w3;
}

/** As an `End` has it; 0 is none. */
export function macOf(high: number, low: number): number {
  return (high | low) === 0 ? -1 : high * 0x1000000 + low;
}

export interface NamedDevice {
  readonly name: string;
  readonly ends: readonly string[];
}

/** Who is on the device side of a box. MACs as high * 2^24 + low. */
export interface DeviceSide {
  readonly macs: ReadonlySet<number>;
  readonly networks: readonly Network[];
}

interface Known {
  readonly name: string;
  readonly mac: number;
  readonly hasAddress: boolean;
  label?: DeviceLabel;
}

const NOBODY: DeviceLabel = { name: null, mac: null };

export class ReplayDevices {
  /** Devices that got no number of their own. */
  refused = 0;
  readonly #isNamed: boolean;
  readonly #side: DeviceSide | null;
  readonly #hasNames: boolean;
  readonly #byMac = new Map<number, number>();
  readonly #byAddress = new Map<number | string, number>();
  /** Index = id. */
  readonly #known: Known[] = [
    { name: '', mac: -1, hasAddress: true },
    { name: '', mac: -1, hasAddress: true },
  ];

  /** Ends are MACs in lower case with colons, and canonical addresses. Nobody named and no side: every inside address is a device. */
  constructor(named: readonly NamedDevice[], side: DeviceSide | null = null) {
    this.#isNamed = named.length > 0 && side === null;
    this.#side = side;
    this.#hasNames = named.length > 0;
    for (const { name, ends } of named) {
      const macs = ends.filter((text) => MAC.test(text)).map(macNumber);
      const id = this.#add(name, macs[0] ?? -1, true);
      for (const mac of macs) this.#byMac.set(mac, id);
      for (const text of ends) if (!MAC.test(text)) this.#byAddress.set(text, id);
    }
  }

  /** False: whoever has an inside address counts as a device. */
  get isNamed(): boolean {
    return this.#isNamed || this.#side !== null;
  }

  /** The number of a device by its name; 0 for none. Cold path. */
  idOf(name: string): number {
    return name === ''
      ? 0
      : Math.max(
          0,
          this.#known.findIndex((known) => known.name === name),
        );
  }

  get size(): number {
    return this.#known.length - 2;
  }

  /** Asked for with every first packet: made once. */
  describe(id: number): DeviceLabel {
    const known = this.#known[id];
    if (known === undefined || known.name === '') return NOBODY;
    return (known.label ??= { name: known.name, mac: known.mac < 0 ? null : macText(known.mac) });
  }

  /** The named device that has an address. */
  nameOfAddress(text: string): string | null {
    return this.#known[this.#byAddress.get(text) ?? 0]?.name || null;
  }

  /** The device of a connection from `source` to `destination`: positive when the source is it, negative when the other, or NOT_OURS. */
  ofConnection(source: End, destination: End): number {
    if (this.#isNamed) return this.#namedIn(source) || -this.#namedIn(destination);
    if (this.#side !== null) {
      if (this.#isOnSide(source, this.#side)) return this.#idOf(source);
      return this.#isOnSide(destination, this.#side) ? -this.#idOf(destination) : NOT_OURS;
    }
    if (isInside(source)) return this.#idOf(source);
    // Neither is inside: somebody on our side opened it, and nobody knows who (forged sources look like this).
    return isInside(destination) ? -this.#idOf(destination) : UNKNOWN_DEVICE;
  }

  /**
   * As `ofConnection`, but for who leases addresses or advertises routes: that is the network where nobody said who the devices are, and is
   * heard where it tells all. So is who asks all for an address.
   */
  ofFirstPacket(view: PacketView, source: End, destination: End): number {
    const found = this.ofConnection(source, destination);
    if (found === NOT_OURS && isLeaseRequest(view) && isToGroup(view)) return -UNKNOWN_DEVICE;
    if (!isNetworkServer(view)) return found;
    const isUnnamed = !this.isNamed && found > 0;
    // What it tells all, devices hear, as on a box.
    const isHeard = found === NOT_OURS && isToGroup(view);
    return isUnnamed || isHeard ? -UNKNOWN_DEVICE : found;
  }

  /** ARP says who sends by its MAC: the address is what it claims. */
  ofSender(sender: End): number {
    if (this.#isNamed) return this.#namedIn(sender);
    if (this.#side !== null && !this.#isOnSide(sender, this.#side)) return NOT_OURS;
    return this.#byMac.get(sender.mac) ?? this.#addByMac(sender.mac);
  }

  #isOnSide(end: End, { macs, networks }: DeviceSide): boolean {
    if (macs.has(end.mac)) return true;
    if (networks.length === 0 || end.family === 0) return false;
    const address = parseAddress(formatEnd(end));
    return address !== null && networks.some((network) => isInNetwork(address, network));
  }

  #namedIn(end: End): number {
    return this.#byMac.get(end.mac) ?? this.#byAddress.get(formatEnd(end)) ?? NOT_OURS;
  }

  #idOf(end: End): number {
    const named = this.#hasNames ? this.#namedIn(end) : NOT_OURS;
    if (named !== NOT_OURS) return named;
    if ((end.w0 | end.w1 | end.w2 | end.w3) === 0) return this.#byMac.get(end.mac) ?? this.#addByMac(end.mac);
    // IPv4 as a number: no text for the many.
    const key = end.family === 4 ? end.w0 | 0 : formatEnd(end);
    const known = this.#byAddress.get(key);
    if (known !== undefined) return known;
    const byMac = this.#byMac.get(end.mac);
    if (byMac !== undefined && this.#known[byMac]?.hasAddress === false) {
      this.#byAddress.set(key, byMac);
      this.#known[byMac] = { name: formatEnd(end), mac: end.mac, hasAddress: true };
      return byMac;
    }
    if (this.#isFull()) return UNKNOWN_DEVICE;
    const id = this.#add(formatEnd(end), end.mac, true);
    this.#byAddress.set(key, id);
    if (end.mac >= 0 && byMac === undefined) this.#byMac.set(end.mac, id);
    return id;
  }

  #addByMac(mac: number): number {
    if (mac < 0 || this.#isFull()) return UNKNOWN_DEVICE;
    const id = this.#add(macText(mac), mac, false);
    this.#byMac.set(mac, id);
    return id;
  }

  #isFull(): boolean {
    if (this.#known.length < MAX_REPLAY_DEVICES) return false;
    this.refused++;
    return true;
  }

  #add(name: string, mac: number, hasAddress: boolean): number {
    return this.#known.push({ name, mac, hasAddress }) - 1;
  }
}

function formatEnd(end: End): string {
  return end.family === 0 ? '' : formatAddress(end.family, end.w0, end.w1, end.w2, end.w3);
}

export function macNumber(text: string): number {
  return Number.parseInt(text.replaceAll(':', ''), 16);
}

function macText(mac: number): string {
  return formatMac(Math.floor(mac / 0x1000000), mac % 0x1000000);
}

/** Private, link-local, loopback, or "not known yet" (a DHCP client). */
function isInside(end: End): boolean {
  const { family, w0 } = end;
  if (family === 6) {
    const top = w0 >>> 16;
    const isLocal = (top & 0xfe00) === 0xfc00 || (top & 0xffc0) === 0xfe80;
    return isLocal || (w0 === 0 && end.w1 === 0 && end.w2 === 0 && end.w3 <= 1);
  }
  const first = w0 >>> 24;
  return (
    first === 10 ||
    first === 127 ||
    w0 === 0 ||
    w0 >>> 20 === 0xac1 ||
    w0 >>> 16 === 0xc0a8 ||
    w0 >>> 16 === 0xa9fe
  );
}

/** A DHCP client asks (RFC 2131 section 4.1): all of them from one address and port to one, until they have addresses. */
export function isLeaseRequest({ protocol, srcPort, dstPort }: PacketView): boolean {
  return protocol === PROTOCOL_UDP && srcPort === 68 && dstPort === 67;
}

/** Leases addresses or advertises routes: a server of the network, whatever address it has. */
function isNetworkServer(view: PacketView): boolean {
  if (view.protocol === PROTOCOL_ICMPV6) return view.icmpType === ROUTER_ADVERTISEMENT;
  if (view.protocol !== PROTOCOL_UDP) return false;
  return (view.srcPort === 67 && view.dstPort === 68) || (view.srcPort === 547 && view.dstPort === 546);
}
