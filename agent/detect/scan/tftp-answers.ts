/**
 * Which UDP is the answer to a TFTP request: the server sends it from a port of its own choice to the very port that asked its port 69 (RFC 1350
 * section 4), and connection tracking takes it for a new connection. A device that boots from the network asks for some twenty files, each from
 * another port, which would look like a scan. Used by detectors that count ports; bounded, allocates nothing after it was made.
 */
import { PROTOCOL_UDP } from '../../packet/view.js';
import { EVENT_IP, subjectOf, type DetectEvent } from '../event.js';
import { FanOut } from '../fan-out.js';

const TFTP_PORT = 69;
/** (device, server, port that asked); 96 bytes each. */
const REQUESTS = 1_024;
const REQUESTS_PER_PAIR = 256;
/** A boot loader asks again for a minute; the end of an answer that nobody acknowledged is told up to 90 s after it. */
const REMEMBERED_MS = 180_000;

export class TftpAnswers {
  readonly #asked = new FanOut(REMEMBERED_MS, { members: REQUESTS, membersPerGroup: REQUESTS_PER_PAIR });

  /** To be shown every first packet: remembers requests. */
  note(event: DetectEvent, nowMs: number): void {
    if (event.port !== TFTP_PORT || event.protocol !== PROTOCOL_UDP || event.kind !== EVENT_IP) return;
    this.#asked.add(subjectOf(event), event.peer, event.fromDevice ? 1 : 0, event.srcPort, nowMs);
  }

  /** Also for the end of a connection. */
  isAnswer(event: DetectEvent): boolean {
    if (event.protocol !== PROTOCOL_UDP || this.#asked.members === 0) return false;
    return this.#asked.has(subjectOf(event), event.peer, event.fromDevice ? 0 : 1, event.port);
  }

  expire(nowMs: number): void {
    this.#asked.expire(nowMs);
  }

  /** Requests that were not kept. */
  get dropped(): number {
    return this.#asked.evicted + this.#asked.beyondLimit;
  }
}
