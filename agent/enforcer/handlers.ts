/**
 * What each request of messages/enforcer-messages.ts does. Changes run one at a time under the kernel lock.
 */
import { confirmationWord, isConfirmed, needsConfirmation, scopeText } from '../containment/orders.js';
import { attributed } from '../ipc/attributed.js';
import { RequestError } from '../ipc/errors.js';
import type { Handlers } from '../ipc/request-table.js';
import type { ContainmentPreview, LiveFlows, requests } from '../messages/enforcer-messages.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import type { ContainmentKeeper } from './containment-keeper.js';
import type { Previewed } from './containment-preview.js';
import type { DesiredKeeper } from './desired-keeper.js';
import type { Evidence } from './evidence.js';
import { writeVariables } from '../policy/site-variables.js';
import { restoreMemories } from './memory-exchange.js';
import type { Names } from './names.js';
import type { PolicyKeeper } from './policy-keeper.js';

export interface HandlerParts {
  readonly runLocked: <T>(work: () => Promise<T>) => Promise<T>;
  readonly keeper: PolicyKeeper;
  readonly containment: ContainmentKeeper;
  readonly desired: DesiredKeeper;
  readonly evidence: Evidence;
  readonly names: Names;
  readonly preview: (order: Previewed) => Promise<ContainmentPreview>;
  /** Of the configuration: what is typed again before the whole box is cut. */
  readonly box: string;
  readonly flows: (device: string | null, limit: number) => Promise<LiveFlows>;
  readonly status: () => Promise<EnforcerStatus>;
}

export function createHandlers({
  runLocked,
  keeper,
  containment,
  desired,
  evidence,
  names,
  preview,
  flows,
  box,
  status,
}: HandlerParts): Handlers<typeof requests> {
  return {
    status,
    'policy.apply': ({ text, by, confirmWithinSeconds }, asker) =>
      runLocked(() => keeper.apply(text, attributed(by, asker), confirmWithinSeconds)),
    'policy.confirm': ({ by }, asker) => runLocked(() => keeper.confirm(attributed(by, asker))),
    'policy.rollback': ({ by }, asker) => runLocked(() => keeper.rollback(attributed(by, asker))),
    'policy.current': async () => ({
      text: await keeper.policyText(),
      state: keeper.state(),
      variables: writeVariables(keeper.variables),
    }),
    flows: ({ device, limit }) => flows(device ?? null, limit),
    'containment.preview': (order) => preview(order),
    'containment.order': ({ confirmedBy, ...order }, asker) => {
      const word = confirmationWord(order.scope, box);
      if (needsConfirmation(order) && !isConfirmed(word, order.by, confirmedBy))
        throw new RequestError(
          'not-confirmed',
          `a cut of ${scopeText(order.scope)} wants a second person's name, or ${word} typed again`,
        );
      // Asked of the name alone: it is compared with the second person's.
      const second = confirmedBy === null || confirmedBy === word ? '' : `, confirmed by ${confirmedBy}`;
      // Not under the kernel lock: the kill switch waits for no policy that is being loaded.
      return containment.order({ ...order, by: `${attributed(order.by, asker)}${second}` });
    },
    'containment.release': ({ scope, by, reason, orders }, asker) =>
      containment.release(scope, attributed(by, asker), reason, orders),
    'memories.restore': ({ items }) => ({ restored: restoreMemories(evidence.detection, items, Date.now()) }),
    names: ({ limit }) => names.table(limit),
    'names.resolved': ({ items }) => names.resolved(items),
    'containment.desired': async ({ text }) => ({ documents: await desired.take(text) }),
    'familiar.restore': ({ devices }) => ({ restored: evidence.detection.restoreFamiliar(devices) }),
  };
}
