/** What detectors learnt, on its way to the agent's store and back. Called by main.ts every half hour and by handlers.ts after a restart. */
import { MEMORY_VERSION } from '../detect/memory.js';
import type { Detection } from '../detect/registry.js';
import { MAX_MEMORIES_PER_MESSAGE, type EventMessage } from '../messages/enforcer-messages.js';
import type { Memory } from '../messages/vocabulary.js';

/** What changed since the last call. */
export function takeMemories(detection: Detection): EventMessage[] {
  const items = detection
    .memories()
    .map(({ values, ...memory }) => ({ ...memory, values: [...values], version: MEMORY_VERSION }));
  const events: EventMessage[] = [];
  for (let start = 0; start < items.length; start += MAX_MEMORIES_PER_MESSAGE)
    events.push({ event: 'memories', items: items.slice(start, start + MAX_MEMORIES_PER_MESSAGE) });
  return events;
}

/** Returns how many were taken; what another version wrote is left out. */
export function restoreMemories(detection: Detection, items: readonly Memory[], nowMs: number): number {
  return detection.restoreMemories(
    items.filter(({ version }) => version === MEMORY_VERSION),
    nowMs,
  );
}
