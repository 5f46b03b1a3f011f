/**
 * What each request of messages/enforcer-messages.ts does. Changes run one at a time under the kernel lock.
 */
import { isConfirmed, needsConfirmation } from '../containment/orders.js';
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
    'policy.apply': ({ text, by, confirmWithinSeconds }) =>
      runLocked(() => keeper.apply(text, by, confirmWithinSeconds)),
    'policy.confirm': ({ by }) => runLocked(() => keeper.confirm(by)),
    'policy.rollback': ({ by }) => runLocked(() => keeper.rollback(by)),
    'policy.current': () => ({ text: keeper.inForce.policyText, state: keeper.state() }),
    flows: ({ device, limit }) => flows(device ?? null, limit),
    'containment.preview': ({ device, level }) => preview(device, level),
    'containment.order': ({ forSeconds, confirmedBy, ...order }) => {
      if (needsConfirmation(order) && !isConfirmed(order, confirmedBy))
        throw new RequestError(
          'not-confirmed',
          `a cut of ${order.device} wants a second person's name, or the name of the device typed again`,
        );
      return runLocked(() => containment.order(order, forSeconds));
    },
    'containment.release': ({ device, by, reason }) =>
      runLocked(() => containment.release(device, by, reason)),
    'familiar.restore': ({ devices }) => ({ restored: evidence.detection.restoreFamiliar(devices) }),
  };
}
