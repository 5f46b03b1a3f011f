/**
 * Whether a connection to a resolver carries a tunnel, by its counters: very many packets on one socket, where an ordinary resolver takes
 * another port for each question (RFC 5452 section 9.2). What keeps its socket and asks the same few names now and then (small stacks,
 * forwarders) is none. Called by dns-tunnel.ts. Bounded, allocates nothing after it was made.
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import { datagramHeaderBytes, subjectOf, type DetectEvent } from '../event.js';
import type { DetectSettings } from '../settings.js';
import { SlotTable } from '../slot-table.js';

/** Sockets whose first question looked like data. */
const SOCKETS = 2_048;
/** Share of questions that a tunnel's end answers, at least. */
const LEAST_ANSWERED = 0.25;
/** A tunnel asks for what waits at its other end: dnscat2 every second, iodine every four at the latest. */
const POLL_MS = 10_000;
/** With so many, nearly all answered and the first one drawn by lot, smaller ones are a tunnel too: one that has nothing to carry. */
const BUSY_PACKETS = 200;
const BUSY_ANSWERED = 0.9;
const BUSY_SHARE = 5 / 6;
/** A TCP header with timestamps (RFC 7323) and the length (RFC 1035 section 4.2.2) instead of a UDP header. */
const TCP_EXTRA_BYTES = 26;

export class DnsSockets {
  readonly #settings: DetectSettings['dnsTunnel'];
  readonly #sockets = new SlotTable(SOCKETS);
  readonly #firstBytes = new Int32Array(SOCKETS);

  constructor(settings: DetectSettings['dnsTunnel']) {
    this.#settings = settings;
  }

  get evicted(): number {
    return this.#sockets.evicted;
  }

  /** The first question of a UDP socket, and whether it looks like data. */
  noteFirst(event: DetectEvent, isDrawn: boolean): void {
    const subject = subjectOf(event);
    if (isDrawn) {
      const slot = this.#sockets.intern(subject, event.peer, event.srcPort);
      this.#firstBytes[slot] = event.payloadLength + datagramHeaderBytes(event);
      return;
    }
    // The port was another one's before.
    const slot = this.#sockets.find(subject, event.peer, event.srcPort);
    if (slot >= 0) this.#firstBytes[slot] = 0;
  }

  isTunnel(event: DetectEvent): boolean {
    const { packetsOut, packetsIn } = event;
    if (packetsOut < this.#settings.packetsPerSocket) return false;
    // What nobody answers carries nothing back, and is a flood (connection-burst.ts).
    if (packetsIn < packetsOut * LEAST_ANSWERED) return false;
    return event.bytesOut / packetsOut >= this.#leastMean(event);
  }

  /** Bytes of a packet, on average, from which on it is a tunnel; Infinity: never. */
  #leastMean(event: DetectEvent): number {
    const { packetsOut, packetsIn } = event;
    const { meanPacketBytes } = this.#settings;
    const isPolling = event.durationMs <= packetsOut * POLL_MS;
    if (event.protocol === PROTOCOL_TCP) return isPolling ? meanPacketBytes + TCP_EXTRA_BYTES : Infinity;
    const slot = this.#sockets.find(subjectOf(event), event.peer, event.srcPort);
    const firstBytes = slot < 0 ? 0 : (this.#firstBytes[slot] ?? 0);
    if (!isPolling) {
      const isAlwaysTheSame = event.bytesOut === packetsOut * firstBytes;
      return firstBytes === 0 || isAlwaysTheSame ? Infinity : meanPacketBytes;
    }
    const isBusy = packetsOut >= BUSY_PACKETS && packetsIn >= packetsOut * BUSY_ANSWERED;
    return firstBytes !== 0 && isBusy ? meanPacketBytes * BUSY_SHARE : meanPacketBytes;
  }
}
