/**
 * Whole Ethernet frames with right checksums, for what no ordinary client sends: forged sources, router advertisements,
 * ARP and neighbour claims, foreign ethertypes. Sent with socat through a raw socket (see ward.ts).
 */
import { addressBytes, parseAddress } from '../../../agent/policy/address.js';

export type Bytes = readonly number[];

const u16 = (value: number): Bytes => [(value >> 8) & 0xff, value & 0xff];
const u32 = (value: number): Bytes => [...u16(value >>> 16), ...u16(value & 0xffff)];
export const macBytes = (text: string): Bytes => text.split(':').map((pair) => Number.parseInt(pair, 16));
export const ascii = (text: string): Bytes => [...Buffer.from(text, 'latin1')];

export function ipBytes(text: string): Bytes {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is not an address`);
  return [...addressBytes(address)];
}

export interface Link {
  readonly from: string;
  readonly to: string;
}

export function ethernet(link: Link, etherType: number, payload: Bytes): Bytes {
  return [...macBytes(link.to), ...macBytes(link.from), ...u16(etherType), ...payload];
}

/** With a VLAN tag behind the MACs (IEEE 802.1Q clause 9.3). */
export function tagged(frame: Bytes, vlan: number): Bytes {
  return [...frame.slice(0, 12), 0x81, 0x00, ...u16(vlan), ...frame.slice(12)];
}

export interface Path {
  readonly source: string;
  readonly destination: string;
  readonly hopLimit?: number;
}

/** Either family, by the addresses. `checksumAt` is where the transport keeps its checksum; null for none. */
export function ip(
  link: Link,
  path: Path,
  protocol: number,
  transport: Bytes,
  checksumAt: number | null,
): Bytes {
  const source = ipBytes(path.source);
  const destination = ipBytes(path.destination);
  const hops = path.hopLimit ?? 64;
  const pseudo =
    protocol === 1 ? [] : [...source, ...destination, ...u32(transport.length), 0, 0, 0, protocol];
  const filled = checksumAt === null ? transport : withChecksum(transport, checksumAt, pseudo);
  if (source.length === 16)
    return ethernet(link, 0x86dd, [
      ...[0x60, 0, 0, 0, ...u16(filled.length), protocol, hops],
      ...source,
      ...destination,
      ...filled,
    ]);
  const header = [
    ...[0x45, 0, ...u16(20 + filled.length), 0, 0, 0x40, 0, hops, protocol, 0, 0],
    ...source,
    ...destination,
  ];
  return ethernet(link, 0x0800, [...withChecksum(header, 10, []), ...filled]);
}

export function udp(link: Link, path: Path, ports: readonly [number, number], data: Bytes): Bytes {
  return ip(link, path, 17, [...u16(ports[0]), ...u16(ports[1]), ...u16(8 + data.length), 0, 0, ...data], 6);
}

export const SYN = 2;

export function tcp(
  link: Link,
  path: Path,
  ports: readonly [number, number],
  flags: number,
  data: Bytes,
): Bytes {
  const header = [
    ...[...u16(ports[0]), ...u16(ports[1]), ...u32(0x1000), ...u32(0x2000)],
    ...[0x50, flags, ...u16(1024), 0, 0, 0, 0],
  ];
  return ip(link, path, 6, [...header, ...data], 16);
}

/** Echo request, of the family of the path. */
export function echo(link: Link, path: Path, id: number, data: Bytes): Bytes {
  const six = path.source.includes(':');
  return ip(link, path, six ? 58 : 1, [six ? 128 : 8, 0, 0, 0, ...u16(id), 0, 1, ...data], 2);
}

/** A query that is no echo: timestamp (RFC 792), node information (RFC 4620). */
export function query(link: Link, path: Path, id: number, data: Bytes): Bytes {
  const six = path.source.includes(':');
  return ip(link, path, six ? 58 : 1, [six ? 139 : 13, 0, 0, 0, ...u16(id), 0, 1, ...data], 2);
}

export interface Quoted {
  readonly path: Path;
  readonly ports: readonly [number, number];
}

/** An ICMP error that quotes a UDP datagram: RFC 792, RFC 4443 section 3; redirects RFC 792, RFC 4861 section 4.5. */
export function icmpError(
  link: Link,
  path: Path,
  kind: 'unreachable' | 'redirect' | 'too-big',
  quoted: Quoted,
  tag: Bytes,
): Bytes {
  const inner = udp(link, quoted.path, quoted.ports, tag).slice(14);
  if (!path.source.includes(':')) {
    const [type, code] = { unreachable: [3, 3], redirect: [5, 1], 'too-big': [3, 4] }[kind] as [
      number,
      number,
    ];
    const rest =
      kind === 'redirect' ? ipBytes(path.source) : kind === 'too-big' ? [0, 0, ...u16(1280)] : u32(0);
    return ip(link, path, 1, [type, code, 0, 0, ...rest, ...inner], 2);
  }
  if (kind !== 'redirect')
    return icmp6(link, path, kind === 'too-big' ? 2 : 1, [
      ...(kind === 'too-big' ? u32(1280) : u32(0)),
      ...inner,
    ]);
  const padded = [...inner, ...new Array<number>((8 - (inner.length % 8)) % 8).fill(0)];
  const option = [4, (8 + padded.length) / 8, 0, 0, 0, 0, 0, 0, ...padded];
  const target = ipBytes(path.source);
  return icmp6(link, { ...path, hopLimit: 255 }, 137, [...u32(0), ...target, ...target, ...option]);
}

/** Any ICMPv6 message: type, then what follows the checksum. RFC 4861 wants hop limit 255, RFC 3810 wants 1. */
export function icmp6(link: Link, path: Path, type: number, body: Bytes): Bytes {
  return ip(link, path, 58, [type, 0, 0, 0, ...body], 2);
}

/** RFC 4861 section 4.4: solicited, override; with the target link-layer address option. */
export function neighborAdvertisement(link: Link, path: Path, target: string, tag: Bytes): Bytes {
  const option = [2, 1, ...macBytes(link.from)];
  return icmp6(link, { hopLimit: 255, ...path }, 136, [
    0x60,
    0,
    0,
    0,
    ...ipBytes(target),
    ...option,
    ...tagOption(tag),
  ]);
}

/** RFC 4861 section 4.2. */
export function routerAdvertisement(link: Link, source: string, tag: Bytes): Bytes {
  return icmp6(link, { source, destination: 'ff02::1', hopLimit: 255 }, 134, [
    ...[64, 0, ...u16(1800), ...u32(0), ...u32(0)],
    ...tagOption(tag),
  ]);
}

export interface ArpClaim {
  readonly operation: 1 | 2;
  /** Who claims which address; the sender of the frame where it is not said. */
  readonly mac?: string;
  readonly address: string;
  readonly target: string;
}

/** RFC 826. The tag stands after the packet, as padding. */
export function arp(link: Link, claim: ArpClaim, tag: Bytes): Bytes {
  return ethernet(link, 0x0806, [
    ...[0, 1, 8, 0, 6, 4, ...u16(claim.operation)],
    ...macBytes(claim.mac ?? link.from),
    ...ipBytes(claim.address),
    ...macBytes(link.to),
    ...ipBytes(claim.target),
    ...tag,
  ]);
}

/** IEEE 802.1AB clause 8: chassis and port by MAC, how long it holds, what else is given, an end. */
export function lldp(from: string, elements: readonly (readonly [type: number, value: Bytes])[]): Bytes {
  const mac = macBytes(from);
  const all: typeof elements = [[1, [4, ...mac]], [2, [3, ...mac]], [3, u16(120)], ...elements, [0, []]];
  const data = all.flatMap(([type, value]) => [...u16((type << 9) | value.length), ...value]);
  return padded(ethernet({ from, to: '01:80:c2:00:00:0e' }, 0x88cc, data));
}

/** CDP version 2 in 802.3 with SNAP; its checksum is that of RFC 1071. */
export function cdp(from: string, elements: readonly (readonly [type: number, value: Bytes])[]): Bytes {
  const data = elements.flatMap(([type, value]) => [...u16(type), ...u16(4 + value.length), ...value]);
  const message = withChecksum([2, 180, 0, 0, ...data], 2, []);
  const frame = [0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, ...message];
  return padded(ethernet({ from, to: '01:00:0c:cc:cc:cc' }, frame.length, frame));
}

/** The least of Ethernet (IEEE 802.3 clause 4.4.2), without the check sequence. */
function padded(frame: Bytes): Bytes {
  return [...frame, ...new Array<number>(Math.max(0, 60 - frame.length)).fill(0)];
}

/** A shell command that sends them one after the other. */
export function rawFrames(frames: readonly Bytes[], device: string): string {
  const lines = frames.map((frame) => {
    const octal = frame.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    return `printf '${octal}' | socat -u - INTERFACE:${device}`;
  });
  return lines.join(' && ') || 'true';
}

/** An option that nobody knows (RFC 4861 section 4.6: to be ignored), so that the frame can be told apart. */
function tagOption(tag: Bytes): Bytes {
  const units = Math.ceil((tag.length + 2) / 8);
  return [253, units, ...tag, ...new Array<number>(units * 8 - 2 - tag.length).fill(0)];
}

/** RFC 1071, over the pseudo-header of RFC 9293 section 3.1 or RFC 8200 section 8.1 and the bytes. */
function withChecksum(bytes: Bytes, at: number, pseudo: Bytes): Bytes {
  const all = [...pseudo, ...bytes];
  let sum = 0;
  for (let index = 0; index < all.length; index += 2) sum += ((all[index] ?? 0) << 8) | (all[index + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const [high = 0, low = 0] = u16(~sum & 0xffff);
  return bytes.map((byte, index) => (index === at ? high : index === at + 1 ? low : byte));
}
