/**
 * The messages of nfnetlink_queue (linux/netfilter/nfnetlink_queue.h): a held packet decoded in place into one reused
 * struct, the configuration of a queue, and verdicts. Called by nfqueue.ts. Decoding never throws and allocates nothing.
 */
import { u16, u32 } from '../packet/read.js';
import { AttributeCursor } from './attributes.js';
import {
  clearKernelPacket,
  emptyKernelPacket,
  readHardwareAddress,
  readLinkHeader,
  readTimestamp,
  readVlan,
  type KernelPacket,
} from './kernel-packet.js';
import {
  FLAG_ACK,
  FLAG_REQUEST,
  MessageBuilder,
  type MessageCursor,
  type MessageHeader,
  SUBSYSTEM_QUEUE,
} from './messages.js';

const MESSAGE_PACKET = 0;
const MESSAGE_VERDICT = 1;
const MESSAGE_CONFIG = 2;
const MESSAGE_VERDICT_BATCH = 3;

const COMMAND_BIND = 1;
const COMMAND_UNBIND = 2;
const COPY_PACKET = 2;
/** NFQA_CFG_F_FAIL_OPEN: a full queue, or a full receive buffer, accepts instead of dropping. */
const FLAG_FAIL_OPEN = 1;

/** NFQA_CFG_*: mask is 4 and flags are 5. */
const CONFIG = { command: 1, params: 2, maxLength: 3, mask: 4, flags: 5 } as const;
const ATTRIBUTE = { verdict: 2, mark: 3 } as const;
const NF_DROP = 0;
const NF_ACCEPT = 1;

/** A packet that waits in the kernel until it gets a verdict. */
export interface QueuedPacket extends KernelPacket {
  /** The queue's own running number: what a verdict names. */
  id: number;
  /** Whole length of the packet where only a part was copied; else payloadLength. */
  wholeLength: number;
  /** When its batch was read, by the clock of the options. */
  receivedMs: number;
}

export interface QueueDecoder {
  readonly packet: QueuedPacket;
  /** Fills `packet`; false when the message is no packet or malformed. `packet.id` is -1 when not even that was read. */
  decode(message: MessageCursor): boolean;
}

export function createQueueDecoder(): QueueDecoder {
  const attributes = new AttributeCursor();
  const inner = new AttributeCursor();
  const packet: QueuedPacket = { ...emptyKernelPacket(), id: -1, wholeLength: 0, receivedMs: 0.5 };
  return {
    packet,
    decode(message) {
      packet.id = -1;
      packet.wholeLength = 0;
      if (!message.isNetfilter) return false;
      clearKernelPacket(packet, message);
      inner.malformed = false;
      attributes.reset(message.buffer, message.attributesStart, message.end);
      while (attributes.next()) readAttribute(packet, attributes, inner);
      if (packet.wholeLength < packet.payloadLength) packet.wholeLength = packet.payloadLength;
      return packet.id >= 0 && !attributes.malformed && !inner.malformed;
    },
  };
}

export function isQueuedPacket(message: MessageCursor): boolean {
  return message.subsystem === SUBSYSTEM_QUEUE && message.operation === MESSAGE_PACKET;
}

function readAttribute(packet: QueuedPacket, attribute: AttributeCursor, inner: AttributeCursor): void {
  // Numbers are enum nfqnl_attr_type.
  switch (attribute.type) {
    case 1: // NFQA_PACKET_HDR: be32 id, be16 protocol, u8 hook, packed
      if (attribute.length < 7) {
        attribute.malformed = true;
        return;
      }
      packet.id = u32(packet.buffer, attribute.offset);
      packet.hwProtocol = u16(packet.buffer, attribute.offset + 4);
      packet.hook = packet.buffer[attribute.offset + 6] ?? 0;
      return;
    case 3: // NFQA_MARK
      packet.mark = attribute.u32be();
      return;
    case 4: // NFQA_TIMESTAMP
      readTimestamp(packet, attribute);
      return;
    case 5:
      packet.inIfindex = attribute.u32be();
      return;
    case 6:
      packet.outIfindex = attribute.u32be();
      return;
    case 7:
      packet.physInIfindex = attribute.u32be();
      return;
    case 8:
      packet.physOutIfindex = attribute.u32be();
      return;
    case 9: // NFQA_HWADDR
      readHardwareAddress(packet, attribute);
      return;
    case 10: // NFQA_PAYLOAD
      packet.payloadOffset = attribute.offset;
      packet.payloadLength = attribute.length;
      return;
    case 13: // NFQA_CAP_LEN
      packet.wholeLength = attribute.u32be();
      return;
    case 19: // NFQA_VLAN
      readVlan(packet, attribute, inner);
      return;
    case 20: // NFQA_L2HDR
      readLinkHeader(packet, attribute);
      return;
    default:
  }
}

export interface QueueConfiguration {
  readonly queue: number;
  /** Of each packet, from the network header on. */
  readonly copyBytes: number;
  /** Packets that wait at once; then the queue fails open. */
  readonly maxLength: number;
}

/** Everything in one message: between a bind and the rest a packet would meet a queue that copies nothing, and be dropped. */
export function writeBind(builder: MessageBuilder, configuration: QueueConfiguration): void {
  builder.begin(header(MESSAGE_CONFIG, configuration.queue, FLAG_REQUEST | FLAG_ACK));
  builder.raw(CONFIG.command, Uint8Array.of(COMMAND_BIND, 0, 0, 0));
  const params = Buffer.alloc(5);
  params.writeUInt32BE(configuration.copyBytes);
  params.writeUInt8(COPY_PACKET, 4);
  builder.raw(CONFIG.params, params);
  builder.u32be(CONFIG.maxLength, configuration.maxLength);
  builder.u32be(CONFIG.mask, FLAG_FAIL_OPEN);
  builder.u32be(CONFIG.flags, FLAG_FAIL_OPEN);
  builder.end();
}

export function writeUnbind(builder: MessageBuilder, queue: number): void {
  builder.begin(header(MESSAGE_CONFIG, queue, FLAG_REQUEST | FLAG_ACK));
  builder.raw(CONFIG.command, Uint8Array.of(COMMAND_UNBIND, 0, 0, 0));
  builder.end();
}

/** Adds verdicts to a datagram, allocating nothing. */
export interface VerdictWriter {
  drop(builder: MessageBuilder, id: number): void;
  /** Accepts every packet that still waits, up to this id, and gives it the mark. */
  acceptUpTo(builder: MessageBuilder, id: number, mark: number): void;
}

export function createVerdictWriter(queue: number): VerdictWriter {
  const drop = template(header(MESSAGE_VERDICT, queue, FLAG_REQUEST), NF_DROP, false);
  const accept = template(header(MESSAGE_VERDICT_BATCH, queue, FLAG_REQUEST), NF_ACCEPT, true);
  return {
    drop(builder, id) {
      writeU32be(drop.bytes, drop.idAt, id);
      builder.append(drop.bytes);
    },
    acceptUpTo(builder, id, mark) {
      writeU32be(accept.bytes, accept.idAt, id);
      writeU32be(accept.bytes, accept.markAt, mark);
      builder.append(accept.bytes);
    },
  };
}

/** A verdict's message, made once: from packet to packet only the numbers in it differ. */
function template(
  head: MessageHeader,
  code: number,
  hasMark: boolean,
): { readonly bytes: Uint8Array; readonly idAt: number; readonly markAt: number } {
  const builder = new MessageBuilder(64);
  const verdict = Buffer.alloc(8);
  verdict.writeUInt32BE(code);
  builder.begin(head);
  builder.raw(ATTRIBUTE.verdict, verdict);
  const idAt = builder.length - 4;
  if (hasMark) builder.u32be(ATTRIBUTE.mark, 0);
  builder.end();
  return { bytes: Uint8Array.from(builder.bytes), idAt, markAt: builder.length - 4 };
}

function writeU32be(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function header(operation: number, queue: number, flags: number): MessageHeader {
  return { type: (SUBSYSTEM_QUEUE << 8) | operation, flags, sequence: 0, family: 0, resourceId: queue };
}
