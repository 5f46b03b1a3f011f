/**
 * Netlink framing: reading the messages of a datagram (struct nlmsghdr, then struct nfgenmsg) and building messages to
 * send. Numbers in the two headers are in host order, which is little-endian on every machine this runs on (native.ts
 * refuses others). Reading never throws; building throws a RangeError when a single attribute outgrows its u16 length.
 */
import { le16, le32 } from '../packet/read.js';
import { AttributeCursor } from './attributes.js';

export const MESSAGE_HEADER_BYTES = 16;
/** nlmsghdr and nfgenmsg. */
export const NETFILTER_HEADER_BYTES = 20;

export const TYPE_ERROR = 2;
export const TYPE_DONE = 3;

export const FLAG_REQUEST = 0x1;
export const FLAG_ACK = 0x4;
export const FLAG_DUMP_INTERRUPTED = 0x10;
export const FLAG_DUMP = 0x300;
export const FLAG_EXCLUSIVE = 0x200;
export const FLAG_CREATE = 0x400;
export const FLAG_APPEND = 0x800;
const FLAG_CAPPED = 0x100;
const FLAG_ACK_ATTRIBUTES = 0x200;

export const SUBSYSTEM_CONNTRACK = 1;
export const SUBSYSTEM_QUEUE = 3;
export const SUBSYSTEM_ULOG = 4;
export const SUBSYSTEM_NFTABLES = 10;

const ERROR_ATTRIBUTE_MESSAGE = 1;
const ERROR_ATTRIBUTE_OFFSET = 2;

/** Steps through the messages of one datagram. Made once, reset for each datagram. */
export class MessageCursor {
  type = 0;
  flags = 0;
  sequence = 0;
  portId = 0;
  /** Start of the nlmsghdr. */
  start = 0;
  /** End of the message, without padding. */
  end = 0;
  malformed = false;
  buffer: Buffer = Buffer.alloc(0);
  #next = 0;
  #limit = 0;

  reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.#limit = Math.min(end, buffer.length);
    this.#next = Math.max(0, start);
    this.malformed = false;
  }

  next(): boolean {
    const at = this.#next;
    const left = this.#limit - at;
    if (left < MESSAGE_HEADER_BYTES) {
      if (left > 0) this.malformed = true;
      return false;
    }
    const length = le32(this.buffer, at);
    if (length < MESSAGE_HEADER_BYTES || length > left) {
      this.malformed = true;
      return false;
    }
    this.start = at;
    this.end = at + length;
    this.type = le16(this.buffer, at + 4);
    this.flags = le16(this.buffer, at + 6);
    this.sequence = le32(this.buffer, at + 8);
    this.portId = le32(this.buffer, at + 12);
    this.#next = Math.min(at + ((length + 3) & ~3), this.#limit);
    return true;
  }

  get subsystem(): number {
    return this.type >> 8;
  }
  get operation(): number {
    return this.type & 0xff;
  }
  /** Whether there is an nfgenmsg to read. */
  get isNetfilter(): boolean {
    return this.end - this.start >= NETFILTER_HEADER_BYTES;
  }
  /** nfgenmsg.nfgen_family; ask isNetfilter first. */
  get family(): number {
    return this.buffer[this.start + MESSAGE_HEADER_BYTES] ?? 0;
  }
  get attributesStart(): number {
    return this.start + NETFILTER_HEADER_BYTES;
  }
}

export interface KernelAnswer {
  /** 0 is an acknowledgement; otherwise a positive errno. */
  readonly errno: number;
  readonly kernelMessage: string | undefined;
  readonly attributeOffset: number | undefined;
}

/** Reads an NLMSG_ERROR or NLMSG_DONE message, with the extended acknowledgement where there is one. */
export function readAnswer(message: MessageCursor): KernelAnswer {
  const payload = message.start + MESSAGE_HEADER_BYTES;
  // EBADMSG: silence about success must not read as success.
  if (message.end - payload < 4)
    return { errno: 74, kernelMessage: 'malformed answer', attributeOffset: undefined };
  const errno = Math.abs(message.buffer.readInt32LE(payload));
  let kernelMessage: string | undefined;
  let attributeOffset: number | undefined;
  if ((message.flags & FLAG_ACK_ATTRIBUTES) !== 0) {
    const attributes = new AttributeCursor();
    attributes.reset(message.buffer, answerAttributes(message, payload), message.end);
    while (attributes.next()) {
      if (attributes.type === ERROR_ATTRIBUTE_MESSAGE) kernelMessage = attributes.text();
      if (attributes.type === ERROR_ATTRIBUTE_OFFSET) attributeOffset = attributes.u32le();
    }
  }
  return { errno, kernelMessage, attributeOffset };
}

/** After the errno comes our own header again, and our own payload too unless the kernel capped it. */
function answerAttributes(message: MessageCursor, payload: number): number {
  if (message.type === TYPE_DONE) return payload + 4;
  const echoed = payload + 4;
  if ((message.flags & FLAG_CAPPED) !== 0 || message.end - echoed < MESSAGE_HEADER_BYTES)
    return echoed + MESSAGE_HEADER_BYTES;
  return echoed + ((message.buffer.readUInt32LE(echoed) + 3) & ~3);
}

export interface MessageHeader {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly family: number;
  /** nfgenmsg.res_id, written in network order. */
  readonly resourceId?: number;
}

/** Builds one datagram of one or more messages. `bytes` is valid until the next call that adds something. */
export class MessageBuilder {
  length = 0;
  #buffer: Buffer;
  #messageStart = -1;

  constructor(capacityBytes = 4096) {
    this.#buffer = Buffer.alloc(capacityBytes);
  }

  get buffer(): Buffer {
    return this.#buffer;
  }
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
  /** Offset in the current message of what is added next: what the kernel's attributeOffset refers to. */
  get messageOffset(): number {
    return this.length - this.#messageStart;
  }
  /** Begins a new datagram in the same memory. */
  clear(): void {
    this.length = 0;
    this.#messageStart = -1;
  }
  /** Adds a whole message that was built before. */
  append(message: Uint8Array): void {
    const padded = (message.length + 3) & ~3;
    this.#reserve(padded);
    this.#buffer.set(message, this.length);
    for (let at = this.length + message.length; at < this.length + padded; at++) this.#buffer[at] = 0;
    this.length += padded;
  }

  begin(header: MessageHeader): void {
    this.#reserve(NETFILTER_HEADER_BYTES);
    const at = this.length;
    this.#messageStart = at;
    this.#buffer.fill(0, at, at + NETFILTER_HEADER_BYTES);
    this.#buffer.writeUInt16LE(header.type, at + 4);
    this.#buffer.writeUInt16LE(header.flags, at + 6);
    this.#buffer.writeUInt32LE(header.sequence, at + 8);
    this.#buffer.writeUInt8(header.family, at + MESSAGE_HEADER_BYTES);
    this.#buffer.writeUInt16BE(header.resourceId ?? 0, at + MESSAGE_HEADER_BYTES + 2);
    this.length += NETFILTER_HEADER_BYTES;
  }
  end(): void {
    this.#buffer.writeUInt32LE(this.length - this.#messageStart, this.#messageStart);
  }

  /** Opens a nested attribute; give what this returns to endNest. */
  beginNest(type: number): number {
    return this.#payload(type | 0x8000, 0) - 4;
  }
  endNest(at: number): void {
    this.#buffer.writeUInt16LE(this.length - at, at);
  }
  u8(type: number, value: number): void {
    const at = this.#payload(type, 1);
    this.#buffer.writeUInt8(value, at);
  }
  u16be(type: number, value: number): void {
    const at = this.#payload(type, 2);
    this.#buffer.writeUInt16BE(value, at);
  }
  u32be(type: number, value: number): void {
    const at = this.#payload(type, 4);
    this.#buffer.writeUInt32BE(value >>> 0, at);
  }
  u64be(type: number, value: number): void {
    const at = this.#payload(type, 8);
    this.#buffer.writeBigUInt64BE(BigInt(value), at);
  }
  /** NUL-terminated, as the kernel's NLA_NUL_STRING wants it. */
  text(type: number, value: string): void {
    const at = this.#payload(type, Buffer.byteLength(value) + 1);
    this.#buffer.write(value, at);
  }
  raw(type: number, value: Uint8Array): void {
    const at = this.#payload(type, value.length);
    this.#buffer.set(value, at);
  }

  /** Writes an attribute header, zeroes payload and padding, advances, and returns where the payload starts. May move the buffer. */
  #payload(type: number, payloadBytes: number): number {
    if (payloadBytes + 4 > 0xffff) throw new RangeError(`a netlink attribute of ${payloadBytes} bytes`);
    const padded = (payloadBytes + 4 + 3) & ~3;
    this.#reserve(padded);
    const at = this.length;
    this.#buffer.fill(0, at, at + padded);
    this.#buffer.writeUInt16LE(payloadBytes + 4, at);
    this.#buffer.writeUInt16LE(type, at + 2);
    this.length += padded;
    return at + 4;
  }

  #reserve(bytes: number): void {
    if (this.length + bytes <= this.#buffer.length) return;
    const grown = Buffer.alloc(Math.max(this.#buffer.length * 2, this.length + bytes));
    this.#buffer.copy(grown, 0, 0, this.length);
    this.#buffer = grown;
  }
}
