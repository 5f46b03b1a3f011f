/**
 * What each request of messages/enforcer-messages.ts does. Changes run one at a time under the kernel lock.
 */
import { isConfirmed, needsConfirmation } from '../containment/orders.js';
import { attributed } from '../ipc/attributed.js';
import { RequestError } from '../ipc/errors.js';
import type { Handlers } from '../ipc/request-table.js';
import type { ContainmentPreview, LiveFlows, requests } from '../messages/enforcer-messages.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import type { ContainmentKeeper } from './containment-keeper.js';
import type { Evidence } from './evidence.js';
import type { PolicyKeeper } from './policy-keeper.js';

export interface HandlerParts {
  readonly runLocked: <T>(work: () => Promise<T>) => Promise<T>;
  readonly keeper: PolicyKeeper;
  readonly containment: ContainmentKeeper;
  readonly evidence: Evidence;
  readonly preview: (device: string, level: 'contained' | 'cut') => Promise<ContainmentPreview>;
  readonly flows: (device: string | null, limit: number) => Promise<LiveFlows>;
  readonly status: () => Promise<EnforcerStatus>;
}

export function createHandlers({
  runLocked,
  keeper,
  containment,
  evidence,
  preview,
  flows,
  status,
}: HandlerParts): Handlers<typeof requests> {
  return {
    status,
    'policy.apply': ({ text, by, confirmWithinSeconds }, asker) =>
      runLocked(() => keeper.apply(text, attributed(by, asker), confirmWithinSeconds)),
    'policy.confirm': ({ by }, asker) => runLocked(() => keeper.confirm(attributed(by, asker))),
    'policy.rollback': ({ by }, asker) => runLocked(() => keeper.rollback(attributed(by, asker))),
    'policy.current': () => ({ text: keeper.inForce.policyText, state: keeper.state() }),
    flows: ({ device, limit }) => flows(device ?? null, limit),
    'containment.preview': ({ device, level }) => preview(device, level),
    'containment.order': ({ forSeconds, confirmedBy, ...order }, asker) => {
      if (needsConfirmation(order) && !isConfirmed(order, confirmedBy))
        throw new RequestError(
          'not-confirmed',
          `a cut of ${order.device} wants a second person's name, or the name of the device typed again`,
        );
      // Asked of the name alone: it is compared with the second person's.
      const second =
        confirmedBy === null || confirmedBy === order.device ? '' : `, confirmed by ${confirmedBy}`;
      const by = `${attributed(order.by, asker)}${second}`;
      return runLocked(() => containment.order({ ...order, by }, forSeconds));
    },
    'containment.release': ({ device, by, reason }, asker) =>
      runLocked(() => containment.release(device, attributed(by, asker), reason)),
    'familiar.restore': ({ devices }) => ({ restored: evidence.detection.restoreFamiliar(devices) }),
  };
}
