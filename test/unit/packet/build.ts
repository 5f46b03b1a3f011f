/** Packets built by hand for the tests of this room: bytes from the RFCs' diagrams, no checksums (the decoder reads none). */
export type Bytes = readonly number[];

export const u16 = (value: number): Bytes => [(value >> 8) & 0xff, value & 0xff];
export const u32 = (value: number): Bytes => [...u16(value >>> 16), ...u16(value & 0xffff)];
export const mac = (text: string): Bytes => text.split(':').map((pair) => parseInt(pair, 16));
export const v4 = (text: string): Bytes => text.split('.').map(Number);
export const v6 = (words: readonly number[]): Bytes => words.flatMap(u16);

export const PUMP_MAC = '02:42:ac:11:00:02';
export const SERVER_MAC = 'f0:9f:c2:01:02:03';
export const PUMP6 = v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]);
export const SERVER6 = v6([0x2001, 0xdb8, 0, 1, 0, 0, 0xffff, 0xfffe]);

export const ethernet = (etherType: number, payload: Bytes): Bytes => [
  ...mac(SERVER_MAC),
  ...mac(PUMP_MAC),
  ...u16(etherType),
  ...payload,
];
export const vlan = (id: number, etherType: number): Bytes => [...u16(0xa000 | id), ...u16(etherType)];

export interface Ipv4Options {
  readonly protocol: number;
  readonly fragment?: number;
  readonly options?: Bytes;
  readonly totalLength?: number;
  readonly src?: string;
  readonly dst?: string;
}
export function ipv4(payload: Bytes, o: Ipv4Options): Bytes {
  const options = o.options ?? [];
  const header = 20 + options.length;
  return [
    ...[0x40 | (header / 4), 0, ...u16(o.totalLength ?? header + payload.length), 0, 1],
    ...[...u16(o.fragment ?? 0), 64, o.protocol, 0, 0],
    ...v4(o.src ?? '10.20.0.5'),
    ...v4(o.dst ?? '200.1.2.254'),
    ...options,
    ...payload,
  ];
}
export const ipv6 = (payload: Bytes, nextHeader: number, length = payload.length): Bytes => [
  ...[0x60, 0, 0, 0, ...u16(length), nextHeader, 63],
  ...PUMP6,
  ...SERVER6,
  ...payload,
];
/** An extension header of 8 * (1 + units) bytes. */
export const extension = (next: number, units = 0): Bytes => [
  next,
  units,
  ...new Array<number>(6 + units * 8).fill(0),
];
export const fragment6 = (next: number, offset: number, more: boolean): Bytes => [
  ...[next, 0, ...u16(offset | (more ? 1 : 0))],
  ...u32(7),
];
export const tcp = (flags: number, options: Bytes = [], data: Bytes = []): Bytes => [
  ...[...u16(49_152), ...u16(104), ...u32(0xfffffff0), ...u32(0)],
  ...[((20 + options.length) / 4) << 4, flags, ...u16(64_240), 0, 0, 0, 0],
  ...options,
  ...data,
];
export const udp = (data: Bytes, length = 8 + data.length): Bytes => [
  ...[...u16(40_000), ...u16(123), ...u16(length), 0, 0],
  ...data,
];
export const icmp = (type: number, code: number): Bytes => [type, code, 0, 0, 0, 1, 0, 1];
export const arp = (operation: number): Bytes => [
  ...[...u16(1), ...u16(0x0800), 6, 4, ...u16(operation)],
  ...[...mac(PUMP_MAC), ...v4('10.20.0.5'), ...mac(SERVER_MAC), ...v4('192.168.255.254')],
];
