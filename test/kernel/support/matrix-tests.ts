/** One test per row of the failure matrix, every column of it, on a real kernel under live traffic. */
import type t from 'tap';
import { breaches, tryFault, type Fault } from '../../../agent/lab/matrix/fault.js';
import { Stand, type StandOptions } from '../../../agent/lab/matrix/stand.js';

export async function testFaults(
  tap: typeof t,
  faults: readonly Fault[],
  options: StandOptions = {},
): Promise<void> {
  const stand = await Stand.open(options);
  tap.teardown(() => stand.close());
  for (const fault of faults)
    tap.test(`${fault.what}: what is permitted goes on, what is refused stays refused`, async (t) => {
      const measured = await tryFault(fault, stand);
      t.same(breaches(fault, measured), [], 'the promise', { measured, why: fault.why });
    });
}
