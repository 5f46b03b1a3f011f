/**
 * DNS between devices and their servers, as the kernel hands it over (held or logged): questions are remembered, answers
 * matched with them, and what was looked up is told. Called for every such packet, before a held one goes on; what an
 * answer stands for is the business of `onAnswer`. Changes nothing, refuses nothing: a forged answer is not believed here,
 * and whether the device believes it is the device's affair.
 */
import { NameLookups } from '../names/name-lookups.js';
import { QuestionTable } from '../names/question-table.js';
import { readDns, type AddressAnswer, type DnsReading } from '../names/read-dns.js';
import { TcpMessages } from '../names/tcp-messages.js';
import type { NameLookup } from '../messages/vocabulary.js';
import type { KernelPacket } from '../netlink/kernel-packet.js';
import { decodeIp } from '../packet/decode-ip.js';
import { formatAddress } from '../packet/format.js';
import { s32, u16 } from '../packet/read.js';
import {
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  createPacketView,
  type PacketView,
} from '../packet/view.js';
import { DEVICE_MASK, OPENED } from '../ruleset/marks.js';

const DNS_PORT = 53;

export interface NameWatchOptions {
  /** Wall clock, for what is told. */
  readonly now: () => number;
  /** A clock that only goes forward, for what is matched. */
  readonly monotonicMs: () => number;
  readonly nameOf: (deviceId: number) => string | null;
  /** One of the policy's resolvers. */
  readonly isResolver: (address: string) => boolean;
  /** A resolver of the policy answered what this device had asked, with addresses. */
  readonly onAnswer: (deviceId: number, answer: AddressAnswer) => void;
}

export class NameWatch {
  readonly #options: NameWatchOptions;
  readonly #view = createPacketView();
  readonly #questions = new QuestionTable();
  readonly #lookups = new NameLookups();
  readonly #streams = new TcpMessages();
  /** Answers that a device had asked for; from whomever. */
  matched = 0;
  /** Answers to nothing that was asked, and with the right number to another question: late, or forged. */
  unasked = 0;
  otherName = 0;
  unreadable = 0;

  constructor(options: NameWatchOptions) {
    this.#options = options;
  }

  packet(packet: Readonly<KernelPacket>): void {
    const view = this.#view;
    if (decodeIp(view, packet.buffer, packet.payloadOffset, packet.payloadLength) > 1) {
      this.unreadable += 1;
      return;
    }
    const isDns = view.srcPort === DNS_PORT || view.dstPort === DNS_PORT;
    // What a device serves is not what it asks for.
    if (!isDns || (packet.mark & OPENED) === 0 || view.isFragment) return;
    const { buffer } = packet;
    const payload = buffer.subarray(view.payloadOffset, view.payloadOffset + view.payloadLength);
    if (view.protocol === PROTOCOL_UDP && view.payloadLength > 0) this.#read(view, packet.mark, payload);
    if (view.protocol === PROTOCOL_TCP) this.#segment(view, packet.mark, buffer, payload);
  }

  take(): readonly NameLookup[] {
    return this.#lookups.take();
  }

  counters(): Record<string, number> {
    return {
      nameAnswersUnasked: this.unasked,
      nameAnswersOtherName: this.otherName,
      nameMessagesUnreadable: this.unreadable,
      nameStreamsGivenUp: this.#streams.givenUp,
      nameQuestionsForgotten: this.#questions.forgotten,
      nameLookupsUntold: this.#lookups.dropped,
    };
  }

  #segment(view: PacketView, mark: number, buffer: Buffer, payload: Uint8Array): void {
    const key = `${sourceOf(view)}/${view.srcPort}/${destinationOf(view)}/${view.dstPort}`;
    if ((view.tcpFlags & TCP_SYN) !== 0) this.#streams.end(key);
    else if (view.payloadLength > 0) {
      const sequence = s32(buffer, view.transportOffset + 4) >>> 0;
      for (const message of this.#streams.push(key, sequence, payload, !view.truncated))
        this.#read(view, mark, message);
    }
    if ((view.tcpFlags & (TCP_FIN | TCP_RST)) !== 0) this.#streams.end(key);
  }

  #read(view: PacketView, mark: number, message: Uint8Array): void {
    const reading = readDns(message, 0, message.length);
    switch (reading.kind) {
      case 'unreadable':
        this.unreadable += 1;
        return;
      case 'other':
        return;
      case 'question':
      case 'answer':
        this.#match(view, mark & DEVICE_MASK, reading);
    }
  }

  #match(
    view: PacketView,
    deviceId: number,
    reading: Extract<DnsReading, { kind: 'question' | 'answer' }>,
  ): void {
    const { now, monotonicMs, nameOf, isResolver, onAnswer } = this.#options;
    const isAnswer = reading.kind === 'answer';
    if ((isAnswer ? view.srcPort : view.dstPort) !== DNS_PORT) return;
    const device = `${deviceId}/${isAnswer ? destinationOf(view) : sourceOf(view)}`;
    const server = isAnswer ? sourceOf(view) : destinationOf(view);
    const conversation = `${isAnswer ? view.dstPort : view.srcPort}/${server}/${view.protocol}`;
    if (!isAnswer) {
      this.#questions.ask(device, conversation, reading.question, monotonicMs());
      return;
    }
    const { answer } = reading;
    switch (this.#questions.answer(device, conversation, answer, monotonicMs())) {
      case 'answered-before':
        return;
      case 'not-asked':
        this.unasked += 1;
        return;
      case 'other-name':
        this.otherName += 1;
        return;
      case 'asked':
        this.matched += 1;
    }
    const isTrusted = isResolver(server);
    this.#lookups.add(nameOf(deviceId), server, isTrusted, answer, now());
    if (isTrusted && answer.isPlain && answer.addresses.length > 0) onAnswer(deviceId, answer);
  }
}

/** Whether a first packet may be a question; asked for all of them, so it looks at three bytes only. */
export function mayBeDns(packet: Readonly<KernelPacket>): boolean {
  const { buffer, payloadOffset: at, payloadLength } = packet;
  const transport = at + ((buffer[at] ?? 0) >>> 4 === 6 ? 40 : ((buffer[at] ?? 0) & 15) * 4);
  return transport + 4 <= at + payloadLength && u16(buffer, transport + 2) === DNS_PORT;
}

function sourceOf(view: PacketView): string {
  return formatAddress(view.family, view.src0, view.src1, view.src2, view.src3);
}

function destinationOf(view: PacketView): string {
  return formatAddress(view.family, view.dst0, view.dst1, view.dst2, view.dst3);
}
