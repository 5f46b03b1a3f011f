/** Memory after a full collection, so that two readings compare what is alive and not what waits for the collector. */
import { collectGarbage } from '../enforcer/collect-garbage.js';

interface LiveMemory {
  /** What JavaScript holds: the heap in use and the buffers outside of it. */
  readonly liveBytes: number;
  readonly rssBytes: number;
}

export function liveMemory(): LiveMemory {
  // Twice: the first runs finalisers, the second frees what they held.
  collectGarbage();
  collectGarbage();
  // `external` counts array buffers too.
  const { heapUsed, external, rss } = process.memoryUsage();
  return { liveBytes: heapUsed + external, rssBytes: rss };
}
