/** What the flow table counted, into an event, as conntrack's counters are on a box (enforcer/end-event.ts). Called by replay.ts; allocates nothing. */
import { OUTCOME_ANSWERED, OUTCOME_NO_ANSWER, OUTCOME_REJECTED, type DetectEvent } from '../detect/event.js';
import type { FlowTable } from '../flow/flow-table.js';

export function fillCounters(event: DetectEvent, table: FlowTable, flow: number): void {
  const out = event.fromDevice ? 0 : 1;
  event.bytesOut = table.bytes(flow, out);
  event.bytesIn = table.bytes(flow, 1 - out);
  event.packetsOut = table.packets(flow, out);
  event.packetsIn = table.packets(flow, 1 - out);
  event.durationMs = table.lastedMs(flow);
}

export function outcomeOf(table: FlowTable, flow: number): number {
  if (table.wasEstablished(flow)) return OUTCOME_ANSWERED;
  return table.hasReply(flow) || table.wasRejected(flow) ? OUTCOME_REJECTED : OUTCOME_NO_ANSWER;
}
