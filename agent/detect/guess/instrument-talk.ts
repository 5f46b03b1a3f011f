/**
 * Laboratory instruments that use a port of Telnet for their results: ASTM begins with ENQ, which is answered by ACK, NAK or ENQ (LIS01-A2 section
 * 6.2), HL7 in MLLP with VT at both ends (HL7 v2 transport specification, MLLP release 1), and a Telnet server or a person with none of these. Both ends
 * must speak so: a guesser may begin with what it likes. Asked by brute-force.ts when the connection ends. Bounded, allocates nothing.
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import { byteAt, connectionHash, type DetectEvent } from '../event.js';
import { isTelnet } from './login-services.js';

/** Open connections; one in the place of another is forgotten. */
const CONNECTIONS = 1_024;
const ENQ = 0x05;
const ACK = 0x06;
const VT = 0x0b;
const NAK = 0x15;
const OPENER = 1;
const ANSWERER = 2;
const BOTH = OPENER | ANSWERER;

export class InstrumentTalk {
  readonly #connections = new Int32Array(CONNECTIONS);
  /** Which ends spoke so. */
  readonly #ends = new Uint8Array(CONNECTIONS);

  /** EVENT_PAYLOAD. */
  note(event: DetectEvent): void {
    if (event.protocol !== PROTOCOL_TCP || !isTelnet(event.port) || event.payloadLength === 0) return;
    const first = byteAt(event, 0);
    if (first !== ENQ && first !== VT && first !== ACK && first !== NAK) return;
    const connection = connectionHash(event);
    const at = connection & (CONNECTIONS - 1);
    if (this.#connections[at] !== connection) this.#ends[at] = 0;
    this.#connections[at] = connection;
    this.#ends[at] = (this.#ends[at] ?? 0) | (event.isReply ? ANSWERER : OPENER);
  }

  /** EVENT_END. */
  has(event: DetectEvent): boolean {
    if (!isTelnet(event.port)) return false;
    const connection = connectionHash(event);
    const at = connection & (CONNECTIONS - 1);
    return this.#connections[at] === connection && this.#ends[at] === BOTH;
  }
}
