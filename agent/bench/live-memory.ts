/** Memory after a full collection, so that two readings compare what is alive and not what waits for the collector. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

interface LiveMemory {
  /** What JavaScript holds: the heap in use and the buffers outside of it. */
  readonly liveBytes: number;
  readonly rssBytes: number;
}

export function liveMemory(): LiveMemory {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Twice: the first runs finalisers, the second frees what they held.
  collect();
  collect();
  setFlagsFromString('--no-expose-gc');
  // `external` counts array buffers too.
  const { heapUsed, external, rss } = process.memoryUsage();
  return { liveBytes: heapUsed + external, rssBytes: rss };
}
