import t from 'tap';
import { HeldBalance } from '../../../agent/enforcer/held-balance.js';

/** Steps of [sent, received, waiting], and [lost by this step, unseen by then]. */
type Step = readonly [readonly [number, number, number], readonly [number, number]];
const cases: Readonly<Record<string, readonly Step[]>> = {
  'all received': [
    [
      [20, 20, 0],
      [0, 0],
    ],
    [
      [25, 24, 1],
      [0, 0],
    ],
  ],
  'a few missing: the queue cannot have been full, so they were dropped': [
    [
      [7, 0, 0],
      [7, 0],
    ],
    [
      [8, 1, 0],
      [0, 0],
    ],
  ],
  'many missing in a burst: it was full and failed open': [
    [
      [900, 300, 256],
      [0, 344],
    ],
    [
      [900, 556, 0],
      [0, 344],
    ],
  ],
  'received before it was read as sent': [
    [
      [10, 11, 0],
      [0, 0],
    ],
    [
      [12, 12, 0],
      [0, 0],
    ],
  ],
  'of a burst, some read only in the next step': [
    [
      [400, 400, 0],
      [0, 0],
    ],
    [
      [410, 405, 0],
      [0, 5],
    ],
  ],
  'tables made anew: the counter begins at nothing': [
    [
      [50, 50, 0],
      [0, 0],
    ],
    [
      [3, 53, 0],
      [0, 0],
    ],
    [
      [9, 56, 0],
      [3, 0],
    ],
  ],
};

for (const [what, steps] of Object.entries(cases))
  t.test(what, (t) => {
    const balance = new HeldBalance({ sent: 0, received: 0, waiting: 0 });
    for (const [[sent, received, waiting], expected] of steps) {
      const lost = balance.update({ sent, received, waiting });
      t.same([lost, balance.unseen], expected, `${sent} sent`);
    }
    t.end();
  });
