/**
 * Packets that an nft `queue` rule holds until this process has decided (nfnetlink_queue). Called by the enforcer for the
 * first packets of permitted connections. Whatever goes wrong here lets packets go: a queue that is full, a receive buffer
 * that is full, a message that cannot be read, a decision that throws. It judges nothing itself.
 */
import { MessageBuilder } from './messages.js';
import {
  createQueueDecoder,
  createVerdictWriter,
  isQueuedPacket,
  writeBind,
  writeUnbind,
  type QueueConfiguration,
  type QueuedPacket,
} from './nfqueue-codec.js';
import { openReader, type Reader, type ReaderCounters } from './reader.js';

/** Room for everything but the payload in one message. */
const OVERHEAD_BYTES = 1024;

export interface NfqueueOptions extends QueueConfiguration {
  readonly receiveBufferBytes: number;
  /** What accepted packets are marked with on their further way. */
  readonly acceptedMark: number;
  /** Asked once for each batch: reading the clock allocates. */
  readonly now: () => number;
  /** `decide` threw; the packet was accepted. */
  readonly onError: (error: unknown) => void;
  /** Hold the process open; default false. */
  readonly ref?: boolean;
}

export interface NfqueueCounters extends ReaderCounters {
  received: number;
  accepted: number;
  dropped: number;
  /** Packets that were accepted because `decide` threw. */
  undecided: number;
  /** Datagrams of verdicts that could not be sent, and verdicts that the kernel refused: the packet was gone already. */
  verdictErrors: number;
}

export interface Nfqueue {
  counters(): Readonly<NfqueueCounters>;
  /** Decides what waits, then unbinds. What comes meanwhile is dropped by the kernel: close the way to the queue first. Safe twice. */
  stop(): void;
}

/**
 * Binds the queue and asks `decide` for every packet: true accepts. Verdicts go out together after each batch, drops first,
 * because accepting is "everything up to this one". So a decision cannot be put off. Throws NetlinkError: EPERM without
 * CAP_NET_ADMIN or while another process holds the queue, EOPNOTSUPP where the kernel cannot fail open.
 */
export function openNfqueue(
  options: NfqueueOptions,
  decide: (packet: Readonly<QueuedPacket>) => boolean,
): Nfqueue {
  const decoder = createQueueDecoder();
  const writer = createVerdictWriter(options.queue);
  const builder = new MessageBuilder(8 * 1024);
  const own = { received: 0, accepted: 0, dropped: 0, undecided: 0, verdictErrors: 0, decodeErrors: 0 };
  let acceptUpTo = -1;
  let isBatchNew = true;
  let stopped = false;

  function isAccepted(packet: Readonly<QueuedPacket>): boolean {
    try {
      return decide(packet);
    } catch (error) {
      own.undecided++;
      options.onError(error);
      return true;
    }
  }

  const reader: Reader = openReader({
    groups: [],
    receiveBufferBytes: options.receiveBufferBytes,
    slotBytes: options.copyBytes + OVERHEAD_BYTES,
    ref: options.ref ?? false,
    noEnobufs: true,
    gathers: true,
    onOverrun: () => undefined,
    onRefusal: () => own.verdictErrors++,
    onMessage(message) {
      if (!isQueuedPacket(message)) return;
      const { packet } = decoder;
      if (!decoder.decode(message)) {
        own.decodeErrors++;
        if (packet.id >= 0) acceptUpTo = packet.id;
        return;
      }
      own.received++;
      if (isBatchNew) packet.receivedMs = options.now();
      isBatchNew = false;
      if (isAccepted(packet)) {
        own.accepted++;
        acceptUpTo = packet.id;
      } else {
        own.dropped++;
        writer.drop(builder, packet.id);
      }
    },
    onBatchEnd() {
      isBatchNew = true;
      if (acceptUpTo >= 0) writer.acceptUpTo(builder, acceptUpTo, options.acceptedMark);
      acceptUpTo = -1;
      if (builder.length === 0) return;
      try {
        reader.send(builder);
      } catch {
        // What was not accepted now is with the next batch; drops that were lost are let go then, too.
        own.verdictErrors++;
      }
      builder.clear();
    },
  });
  try {
    configure(reader, options);
    reader.start();
  } catch (error) {
    reader.stop();
    throw error;
  }
  return {
    counters: () => ({
      ...reader.counters,
      ...own,
      decodeErrors: own.decodeErrors + reader.counters.decodeErrors,
    }),
    stop() {
      if (stopped) return;
      stopped = true;
      reader.drain();
      unbind(reader, options.queue);
      reader.stop();
    },
  };
}

/** A queue that is bound and half configured would drop what it is given: on any failure it is unbound. */
function configure(reader: Reader, options: NfqueueOptions): void {
  const bind = new MessageBuilder(256);
  writeBind(bind, options);
  try {
    reader.configure(bind, `bind queue ${options.queue}`);
  } catch (error) {
    unbind(reader, options.queue);
    throw error;
  }
}

function unbind(reader: Reader, queue: number): void {
  const message = new MessageBuilder(64);
  writeUnbind(message, queue);
  try {
    reader.configure(message, `unbind queue ${queue}`);
  } catch {
    // Closing the socket, which follows, unbinds as well.
  }
}
