/** What the kernel decided about a packet or a connection, by its mark (ruleset/marks.ts). */
import { VERDICT_ALLOWED, VERDICT_OBSERVED, VERDICT_WOULD_REFUSE } from '../detect/event.js';
import { CONNECTION_OBSERVED, CONNECTION_WOULD_REFUSE, OBSERVED, WOULD_REFUSE } from '../ruleset/marks.js';

/** Of a first packet that is held, and of the first data of a connection. */
export function verdictOfPacket(mark: number): number {
  if ((mark & WOULD_REFUSE) !== 0) return VERDICT_WOULD_REFUSE;
  return (mark & OBSERVED) !== 0 ? VERDICT_OBSERVED : VERDICT_ALLOWED;
}

/** The same of the whole connection, by its own mark. Opened under a ruleset that did not say so yet: as if permitted. */
export function verdictOfConnection(mark: number): number {
  if ((mark & CONNECTION_WOULD_REFUSE) !== 0) return VERDICT_WOULD_REFUSE;
  return (mark & CONNECTION_OBSERVED) !== 0 ? VERDICT_OBSERVED : VERDICT_ALLOWED;
}
