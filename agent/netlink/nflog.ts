/**
 * Packets that an nft `log group N` statement hands to userspace (nfnetlink_log), decoded in place into one reused
 * struct. Called by the enforcer for the refusal and new-connection groups. It allocates nothing per packet, keeps
 * nothing, and judges nothing; the payload is hostile and is not looked at here.
 */
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
import { FLAG_ACK, FLAG_REQUEST, MessageBuilder, type MessageCursor, SUBSYSTEM_ULOG } from './messages.js';
import { openReader, type ReaderCounters } from './reader.js';

/** Room for everything but the payload in one message: attributes, prefix (at most 128 bytes), hardware header. */
const OVERHEAD_BYTES = 1024;

const MESSAGE_PACKET = 0;
const MESSAGE_CONFIG = 1;
const COMMAND_BIND = 1;
const COPY_META = 1;
const COPY_PACKET = 2;
const FLAG_SEQUENCE = 1;

const CONFIG = { command: 1, mode: 2, bufferBytes: 3, timeout: 4, threshold: 5, flags: 6 } as const;

/** One packet. The object and the buffer are reused: copy what is to be kept. */
export interface NflogPacket extends KernelPacket {
  /** Index into the `prefixes` given at open; -1 for any other prefix or none. */
  prefixIndex: number;
  /** The group's own running number. */
  seq: number;
}

export interface NflogOptions {
  readonly group: number;
  /** Of each packet, from the network header on; 0 for none, at most 65,531. */
  readonly copyBytes: number;
  readonly receiveBufferBytes: number;
  readonly prefixes: readonly string[];
  /** Packets the kernel gathers into one datagram. 1, the default, hands over at once. */
  readonly queueThreshold?: number;
  /** With a threshold above 1: hand over after this long at the latest. Rounded up to 10 ms; default 10. */
  readonly flushAfterMs?: number;
  /** Hold the process open; default false. */
  readonly ref?: boolean;
}

export interface NflogCounters extends ReaderCounters {
  received: number;
  /** Packets the kernel numbered and we never saw. */
  seqGaps: number;
}

export interface NflogReader {
  counters(): Readonly<NflogCounters>;
  /** Safe twice. */
  stop(): void;
}

/**
 * Binds the group and calls back for every packet. Throws NetlinkError: EPERM without CAP_NET_ADMIN or while another
 * process holds the group (the kernel allows one). No PF_BIND is sent: nft names its logger itself, and PF_BIND would
 * redirect every other logger in the namespace to this socket.
 */
export function openNflog(
  options: NflogOptions,
  onPacket: (packet: Readonly<NflogPacket>) => void,
): NflogReader {
  const decoder = createNflogDecoder(options.prefixes);
  let received = 0;
  let decodeErrors = 0;
  let seqGaps = 0;
  let expectedSeq = -1;
  const reader = openReader({
    groups: [],
    receiveBufferBytes: options.receiveBufferBytes,
    slotBytes: options.copyBytes + OVERHEAD_BYTES,
    ref: options.ref ?? false,
    onOverrun: () => undefined,
    onMessage(message) {
      if (message.subsystem !== SUBSYSTEM_ULOG || message.operation !== MESSAGE_PACKET) return;
      if (!decoder.decode(message)) {
        decodeErrors++;
        return;
      }
      received++;
      const { packet } = decoder;
      if (expectedSeq >= 0 && packet.seq !== expectedSeq) seqGaps += (packet.seq - expectedSeq) >>> 0;
      expectedSeq = (packet.seq + 1) >>> 0;
      onPacket(packet);
    },
  });
  try {
    reader.configure(bindMessage(options), `bind NFLOG group ${options.group}`);
    reader.start();
  } catch (error) {
    reader.stop();
    throw error;
  }
  return {
    counters: () => ({
      ...reader.counters,
      received,
      seqGaps,
      decodeErrors: decodeErrors + reader.counters.decodeErrors,
    }),
    stop: () => {
      reader.stop();
    },
  };
}

/** Everything in one message: the kernel binds first and then reads the rest, so no packet meets half a configuration. */
function bindMessage(options: NflogOptions): MessageBuilder {
  const builder = new MessageBuilder(256);
  builder.begin({
    type: (SUBSYSTEM_ULOG << 8) | MESSAGE_CONFIG,
    flags: FLAG_REQUEST | FLAG_ACK,
    sequence: 1,
    family: 0,
    resourceId: options.group,
  });
  builder.u8(CONFIG.command, COMMAND_BIND);
  const mode = Buffer.alloc(6);
  mode.writeUInt32BE(options.copyBytes);
  mode.writeUInt8(options.copyBytes === 0 ? COPY_META : COPY_PACKET, 4);
  builder.raw(CONFIG.mode, mode);
  const threshold = options.queueThreshold ?? 1;
  builder.u32be(CONFIG.threshold, threshold);
  if (threshold > 1) builder.u32be(CONFIG.timeout, Math.max(1, Math.ceil((options.flushAfterMs ?? 10) / 10)));
  builder.u16be(CONFIG.flags, FLAG_SEQUENCE);
  builder.end();
  return builder;
}

export interface NflogDecoder {
  readonly packet: NflogPacket;
  /** Fills `packet`; false when the message is malformed. */
  decode(message: MessageCursor): boolean;
}

export function createNflogDecoder(prefixes: readonly string[]): NflogDecoder {
  const prefixBytes = prefixes.map((prefix) => Buffer.from(prefix));
  const attributes = new AttributeCursor();
  const inner = new AttributeCursor();
  const packet = emptyPacket();
  return {
    packet,
    decode(message) {
      if (!message.isNetfilter) return false;
      clear(packet, message);
      inner.malformed = false;
      attributes.reset(message.buffer, message.attributesStart, message.end);
      while (attributes.next()) readAttribute(packet, attributes, inner, prefixBytes);
      return !attributes.malformed && !inner.malformed;
    },
  };
}

function readAttribute(
  packet: NflogPacket,
  attribute: AttributeCursor,
  inner: AttributeCursor,
  prefixes: readonly Buffer[],
): void {
  // Numbers are enum nfulnl_attr_type of linux/netfilter/nfnetlink_log.h.
  switch (attribute.type) {
    case 1: // NFULA_PACKET_HDR: be16 protocol, u8 hook
      packet.hwProtocol = attribute.u16be();
      if (attribute.length >= 3) packet.hook = packet.buffer[attribute.offset + 2] ?? 0;
      return;
    case 2: // NFULA_MARK
      packet.mark = attribute.u32be();
      return;
    case 3: // NFULA_TIMESTAMP
      readTimestamp(packet, attribute);
      return;
    case 4:
      packet.inIfindex = attribute.u32be();
      return;
    case 5:
      packet.outIfindex = attribute.u32be();
      return;
    case 6:
      packet.physInIfindex = attribute.u32be();
      return;
    case 7:
      packet.physOutIfindex = attribute.u32be();
      return;
    case 8: // NFULA_HWADDR
      readHardwareAddress(packet, attribute);
      return;
    case 9: // NFULA_PAYLOAD
      packet.payloadOffset = attribute.offset;
      packet.payloadLength = attribute.length;
      return;
    case 10: // NFULA_PREFIX
      packet.prefixIndex = prefixIndex(packet.buffer, attribute, prefixes);
      return;
    case 12: // NFULA_SEQ
      packet.seq = attribute.u32be();
      return;
    case 16: // NFULA_HWHEADER
    case 21: // NFULA_L2HDR: what the bridge family sends instead
      readLinkHeader(packet, attribute);
      return;
    case 20: // NFULA_VLAN
      readVlan(packet, attribute, inner);
      return;
    default:
  }
}

function prefixIndex(buffer: Buffer, attribute: AttributeCursor, prefixes: readonly Buffer[]): number {
  let length = attribute.length;
  if (length > 0 && buffer[attribute.offset + length - 1] === 0) length--;
  for (let index = 0; index < prefixes.length; index++) {
    const prefix = prefixes[index];
    if (prefix?.length !== length) continue;
    let at = 0;
    while (at < length && prefix[at] === buffer[attribute.offset + at]) at++;
    if (at === length) return index;
  }
  return -1;
}

function emptyPacket(): NflogPacket {
  return { ...emptyKernelPacket(), prefixIndex: -1, seq: 0 };
}

function clear(packet: NflogPacket, message: MessageCursor): void {
  clearKernelPacket(packet, message);
  packet.prefixIndex = -1;
  packet.seq = 0;
}
