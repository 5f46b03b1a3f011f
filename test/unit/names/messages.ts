/** DNS messages as bytes, for the tests of names. */

export interface Rr {
  readonly name: string;
  readonly type: number;
  readonly ttl?: number;
  readonly class?: number;
  readonly data: Uint8Array;
}

export function dnsName(name: string): Uint8Array {
  const labels = name === '' ? [] : name.split('.');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')])),
    Buffer.of(0),
  ]);
}

export function dnsQuestion(name: string, { id = 7, type = 1 } = {}): Buffer {
  return message(id, 0x0100, name, type, []);
}

export function dnsAnswer(
  name: string,
  records: readonly Rr[],
  { id = 7, type = 1, flags = 0x8180, additional = [] as readonly Rr[] } = {},
): Buffer {
  return message(id, flags, name, type, records, additional);
}

export function a(name: string, address: string, ttl = 60): Rr {
  return { name, type: 1, ttl, data: Buffer.from(address.split('.').map(Number)) };
}

export function aaaa(name: string, hex: string, ttl = 60): Rr {
  return { name, type: 28, ttl, data: Buffer.from(hex, 'hex') };
}

export function cname(name: string, target: string, ttl = 60): Rr {
  return { name, type: 5, ttl, data: dnsName(target) };
}

function message(
  id: number,
  flags: number,
  name: string,
  type: number,
  records: readonly Rr[],
  additional: readonly Rr[] = [],
): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt16BE(additional.length, 10);
  return Buffer.concat([
    header,
    dnsName(name),
    words(type, 1),
    ...[...records, ...additional].flatMap((rr) => {
      const ttl = Buffer.alloc(4);
      ttl.writeUInt32BE(rr.ttl ?? 60);
      return [dnsName(rr.name), words(rr.type, rr.class ?? 1), ttl, words(rr.data.length), rr.data];
    }),
  ]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16BE(value, index * 2));
  return bytes;
}
