/** Every bench of `make bench`, in the order they run. A new one is a file beside this and a line here. */
import { apply } from './apply.js';
import type { Bench } from './bench.js';
import { containment } from './containment.js';
import { diskWrites } from './disk-writes.js';
import { inventory } from './inventory.js';
import { latency } from './latency.js';
import { liveFlows } from './live-flows.js';
import { memory } from './memory.js';
import { mud } from './mud.js';
import { names } from './names.js';
import { queue } from './queue.js';
import { replay } from './replay.js';
import { scanAnswer } from './scan-answer.js';
import { traffic } from './traffic.js';

export const BENCHES: readonly Bench[] = [
  queue,
  latency,
  apply,
  containment,
  scanAnswer,
  memory,
  liveFlows,
  mud,
  names,
  traffic,
  replay,
  inventory,
  diskWrites,
];
