import t from 'tap';
import { CaptureReader } from '../../../agent/capture/capture-reader.js';

interface Got {
  readonly bytes: string;
  readonly linkType: number;
  readonly timeMs: number;
}

function words(isBig: boolean, ...values: readonly (readonly [bytes: 2 | 4, value: number])[]): number[] {
  return values.flatMap(([bytes, value]) => {
    const all = [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).slice(4 - bytes);
    return isBig ? all : all.reverse();
  });
}

function pcap(isBig: boolean, isNano: boolean): number[] {
  const w = (...values: (readonly [2 | 4, number])[]): number[] => words(isBig, ...values);
  const magic = isNano ? 0xa1b23c4d : 0xa1b2c3d4;
  return [
    ...w([4, magic], [2, 2], [2, 4], [4, 0], [4, 0], [4, 65_535], [4, 101]),
    ...w([4, 1_000], [4, isNano ? 500_000_000 : 500_000], [4, 3], [4, 60]),
    ...[1, 2, 3],
  ];
}

function block(isBig: boolean, type: number, body: readonly number[]): number[] {
  const length = body.length + 12;
  return [...words(isBig, [4, type], [4, length]), ...body, ...words(isBig, [4, length])];
}

/** Two interfaces with clocks of their own; one packet of each kind, then a section that begins anew. */
function pcapng(isBig: boolean): number[] {
  const w = (...values: (readonly [2 | 4, number])[]): number[] => words(isBig, ...values);
  const section = block(
    isBig,
    0x0a0d0d0a,
    w([4, 0x1a2b3c4d], [2, 1], [2, 0], [4, 0xffffffff], [4, 0xffffffff]),
  );
  const micro = block(isBig, 1, w([2, 101], [2, 0], [4, 0]));
  const seconds = block(isBig, 1, [
    ...w([2, 1], [2, 0], [4, 0], [2, 9], [2, 1]),
    0,
    0,
    0,
    0,
    ...w([2, 0], [2, 0]),
  ]);
  const enhanced = block(isBig, 6, [...w([4, 0], [4, 0], [4, 1_500_000], [4, 3], [4, 60]), 1, 2, 3, 0]);
  const other = block(isBig, 6, [...w([4, 1], [4, 0], [4, 7], [4, 1], [4, 60]), 9, 0, 0, 0]);
  const simple = block(isBig, 3, [...w([4, 2]), 4, 5, 0, 0]);
  const obsolete = block(isBig, 2, [
    ...w([2, 0], [2, 0], [4, 0], [4, 2_000_000], [4, 1], [4, 60]),
    6,
    0,
    0,
    0,
  ]);
  return [
    ...section,
    ...micro,
    ...seconds,
    ...enhanced,
    ...other,
    ...simple,
    ...obsolete,
    ...section,
    ...enhanced,
  ];
}

function read(bytes: readonly number[], chunkBytes: number): { got: Got[]; reader: CaptureReader } {
  const got: Got[] = [];
  const reader = new CaptureReader((packet) => {
    const { bytes, offset, length, linkType, timeMs } = packet;
    got.push({ bytes: [...bytes.subarray(offset, offset + length)].join(), linkType, timeMs });
  });
  // One Buffer for every chunk, as a file is read: slice() of a Buffer shares its memory.
  const chunk = Buffer.alloc(chunkBytes);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const length = Math.min(chunkBytes, bytes.length - at);
    chunk.set(bytes.slice(at, at + length));
    reader.push(chunk.subarray(0, length));
  }
  reader.end();
  return { got, reader };
}

t.test('pcap in both byte orders and clocks, in chunks of any size', (t) => {
  for (const isBig of [true, false])
    for (const isNano of [true, false])
      for (const chunk of [1, 7, 1_000]) {
        const { got, reader } = read(pcap(isBig, isNano), chunk);
        t.same(got, [{ bytes: '1,2,3', linkType: 101, timeMs: 1_000_500 }]);
        t.equal(reader.problem, 'none');
      }
  t.end();
});

t.test('pcapng: interfaces with their own clocks, every kind of packet block, a new section', (t) => {
  for (const isBig of [true, false])
    for (const chunk of [1, 13, 10_000]) {
      const { got, reader } = read(pcapng(isBig), chunk);
      t.same(got, [
        { bytes: '1,2,3', linkType: 101, timeMs: 1_500 },
        { bytes: '9', linkType: 1, timeMs: 7_000 },
        { bytes: '4,5', linkType: 101, timeMs: 7_000 },
        { bytes: '6', linkType: 101, timeMs: 2_000 },
      ]);
      t.equal(reader.counters()['pcapng.unknownInterface'], 1, 'interfaces end with their section');
      t.equal(reader.problem, 'none');
    }
  t.end();
});

t.test('what is no capture, or ends early, is a problem and never an exception', (t) => {
  t.equal(read([1, 2, 3, 4, 5], 2).reader.problem, 'not-a-capture');
  t.equal(read([], 1).reader.problem, 'not-a-capture');
  t.equal(read(pcap(true, false).slice(0, -1), 9).reader.problem, 'ends-early');
  t.end();
});

t.test('mutated captures', (t) => {
  let seed = 3;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    return (seed >>> 8) % below;
  };
  const whole = [pcap(true, false), pcap(false, true), pcapng(true), pcapng(false)];
  let sound = 0;
  for (let round = 0; round < 5_000; round++) {
    const bytes = [...(whole[round % 4] ?? [])];
    for (let change = random(4); change >= 0; change--) bytes[random(bytes.length)] = random(256);
    const { got } = read(bytes.slice(0, random(bytes.length + 1)), 1 + random(64));
    if (got.every(({ timeMs }) => timeMs >= 0 && timeMs <= 8.64e15)) sound++;
  }
  t.equal(sound, 5_000);
  t.end();
});
