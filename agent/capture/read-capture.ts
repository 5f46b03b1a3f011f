/**
 * Frames of a capture file, in its order: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), either byte order. Streams, so that a
 * capture of any size is read with one record in memory. A record that claims more than MAX_RECORD_BYTES ends the reading with a CaptureError.
 */
import { open } from 'node:fs/promises';

export interface CapturedFrame {
  /** Valid until the next one is asked for. */
  readonly bytes: Uint8Array;
  /** LINKTYPE_ values, see decode-frame.ts. */
  readonly linkType: number;
  readonly timeMs: number;
}

export type CaptureErrorCode = 'not-a-capture' | 'broken-capture';

export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly code: CaptureErrorCode;
  constructor(code: CaptureErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const MAX_RECORD_BYTES = 1024 * 1024;
const MAX_INTERFACES = 1_024;
const CHUNK_BYTES = 256 * 1024;
const PCAP_HEADER_BYTES = 24;
const PCAP_RECORD_BYTES = 16;
const PCAP_MICROSECONDS = 0xa1b2c3d4;
const PCAP_NANOSECONDS = 0xa1b23c4d;
const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const OPTION_TIME_RESOLUTION = 9;

/** Rejects with a CaptureError, or the system's error where the file cannot be read. A last record that is cut is left out. */
export async function* readCapture(file: string): AsyncGenerator<CapturedFrame> {
  const handle = await open(file, 'r');
  try {
    const source = new Source(handle);
    const magic = await source.peek(4);
    if (magic === null) throw new CaptureError('not-a-capture', `${file} is empty or too short`);
    if (magic.readUInt32LE(0) === SECTION_HEADER) yield* readPcapng(source);
    else yield* readPcap(source, magic);
  } finally {
    await handle.close();
  }
}

async function* readPcap(source: Source, magic: Buffer): AsyncGenerator<CapturedFrame> {
  const isLittle = isPcapMagic(magic.readUInt32LE(0));
  if (!isLittle && !isPcapMagic(magic.readUInt32BE(0)))
    throw new CaptureError('not-a-capture', 'neither pcap nor pcapng');
  const header = await source.take(PCAP_HEADER_BYTES);
  if (header === null) throw new CaptureError('not-a-capture', 'the header is cut');
  const isNanoseconds = u32(header, 0, isLittle) === PCAP_NANOSECONDS;
  const linkType = u32(header, 20, isLittle) & 0xffff;
  for (;;) {
    const record = await source.take(PCAP_RECORD_BYTES);
    if (record === null) return;
    const fraction = u32(record, 4, isLittle) / (isNanoseconds ? 1_000_000 : 1_000);
    const timeMs = u32(record, 0, isLittle) * 1_000 + fraction;
    const bytes = await source.take(checkedLength(u32(record, 8, isLittle)));
    if (bytes === null) return;
    yield { bytes, linkType, timeMs };
  }
}

interface Interface {
  readonly linkType: number;
  readonly unitsPerSecond: number;
}

async function* readPcapng(source: Source): AsyncGenerator<CapturedFrame> {
  let isLittle = true;
  let interfaces: Interface[] = [];
  for (;;) {
    const start = await source.peek(12);
    if (start === null) return;
    if (start.readUInt32LE(0) === SECTION_HEADER) {
      isLittle = start.readUInt32LE(8) === BYTE_ORDER;
      interfaces = [];
    }
    const length = u32(start, 4, isLittle);
    if (length < 12 || length % 4 !== 0)
      throw new CaptureError('broken-capture', `a block says that it has ${length} bytes`);
    const block = await source.take(checkedLength(length));
    if (block === null) return;
    const type = u32(block, 0, isLittle);
    const body = block.subarray(8, length - 4);
    if (type === INTERFACE_DESCRIPTION && interfaces.length < MAX_INTERFACES)
      interfaces.push(readInterface(body, isLittle));
    const frame = frameOf(type, body, interfaces, isLittle);
    if (frame !== null) yield frame;
  }
}

function readInterface(body: Buffer, isLittle: boolean): Interface {
  const linkType = body.length < 2 ? -1 : isLittle ? body.readUInt16LE(0) : body.readUInt16BE(0);
  let unitsPerSecond = 1_000_000;
  for (let at = 8; at + 4 <= body.length;) {
    const code = isLittle ? body.readUInt16LE(at) : body.readUInt16BE(at);
    const length = isLittle ? body.readUInt16LE(at + 2) : body.readUInt16BE(at + 2);
    if (code === OPTION_TIME_RESOLUTION && length === 1 && at + 5 <= body.length) {
      const exponent = body.readUInt8(at + 4);
      unitsPerSecond = (exponent & 0x80) === 0 ? 10 ** exponent : 2 ** (exponent & 0x7f);
    }
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return { linkType, unitsPerSecond };
}

function frameOf(
  type: number,
  body: Buffer,
  interfaces: readonly Interface[],
  isLittle: boolean,
): CapturedFrame | null {
  if (type === ENHANCED_PACKET && body.length >= 20) {
    const from = interfaces[u32(body, 0, isLittle)];
    if (from === undefined) return null;
    const units = u32(body, 4, isLittle) * 2 ** 32 + u32(body, 8, isLittle);
    const bytes = body.subarray(20, 20 + u32(body, 12, isLittle));
    return { bytes, linkType: from.linkType, timeMs: (units / from.unitsPerSecond) * 1_000 };
  }
  const [first] = interfaces;
  if (type !== SIMPLE_PACKET || first === undefined || body.length < 4) return null;
  // A simple packet has no time and belongs to the first interface.
  return { bytes: body.subarray(4, 4 + u32(body, 0, isLittle)), linkType: first.linkType, timeMs: 0 };
}

function isPcapMagic(magic: number): boolean {
  return magic === PCAP_MICROSECONDS || magic === PCAP_NANOSECONDS;
}

function u32(bytes: Buffer, at: number, isLittle: boolean): number {
  return isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

function checkedLength(length: number): number {
  if (length <= MAX_RECORD_BYTES) return length;
  throw new CaptureError(
    'broken-capture',
    `a record says that it has ${length} bytes, more than ${MAX_RECORD_BYTES}`,
  );
}

/** A file as a stream of exact pieces. */
class Source {
  readonly #handle: Awaited<ReturnType<typeof open>>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(handle: Awaited<ReturnType<typeof open>>) {
    this.#handle = handle;
  }

  /** Null where fewer bytes are left. */
  async peek(count: number): Promise<Buffer | null> {
    while (this.#rest.length < count) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await this.#handle.read(chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return null;
      this.#rest = Buffer.concat([this.#rest, chunk.subarray(0, bytesRead)]);
    }
    return this.#rest.subarray(0, count);
  }

  async take(count: number): Promise<Buffer | null> {
    const piece = await this.peek(count);
    if (piece !== null) this.#rest = this.#rest.subarray(count);
    return piece;
  }
}
