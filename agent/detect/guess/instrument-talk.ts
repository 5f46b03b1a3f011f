/**
 * Laboratory instruments that use a port of Telnet for their results: ASTM begins with ENQ (LIS01-A2 section 6.2), HL7 in MLLP with VT (HL7 v2 transport
 * specification, MLLP release 1), and a Telnet server or a person with neither. Asked by brute-force.ts when the connection ends. Bounded, allocates nothing.
 */
import { PROTOCOL_TCP } from '../../packet/view.js';
import { byteAt, subjectOf, type DetectEvent } from '../event.js';
import { isTelnet } from './login-services.js';
import { hash3 } from '../slot-table.js';

/** Open connections; one in the place of another is forgotten. */
const CONNECTIONS = 1_024;
const ENQ = 0x05;
const VT = 0x0b;

export class InstrumentTalk {
  readonly #connections = new Int32Array(CONNECTIONS);

  /** EVENT_PAYLOAD. */
  note(event: DetectEvent): void {
    if (event.protocol !== PROTOCOL_TCP || !isTelnet(event.port) || event.payloadLength === 0) return;
    const first = byteAt(event, 0);
    if (first !== ENQ && first !== VT) return;
    const connection = connectionOf(event);
    this.#connections[connection & (CONNECTIONS - 1)] = connection;
  }

  /** EVENT_END. */
  has(event: DetectEvent): boolean {
    if (!isTelnet(event.port)) return false;
    const connection = connectionOf(event);
    return this.#connections[connection & (CONNECTIONS - 1)] === connection;
  }
}

function connectionOf(event: DetectEvent): number {
  return hash3(subjectOf(event), event.peer, event.srcPort * 65_536 + event.port);
}
