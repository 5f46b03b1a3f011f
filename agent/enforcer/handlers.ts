/**
 * What each request of messages/enforcer-messages.ts does. Changes run one at a time under the kernel lock.
 */
import type { Handlers } from '../ipc/request-table.js';
import type { requests } from '../messages/enforcer-messages.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import type { ContainmentKeeper } from './containment-keeper.js';
import type { Evidence } from './evidence.js';
import type { PolicyKeeper } from './policy-keeper.js';

export interface HandlerParts {
  readonly runLocked: <T>(work: () => Promise<T>) => Promise<T>;
  readonly keeper: PolicyKeeper;
  readonly containment: ContainmentKeeper;
  readonly evidence: Evidence;
  readonly status: () => Promise<EnforcerStatus>;
}

export function createHandlers({
  runLocked,
  keeper,
  containment,
  evidence,
  status,
}: HandlerParts): Handlers<typeof requests> {
  return {
    status,
    'policy.apply': ({ text, by, confirmWithinSeconds }) =>
      runLocked(() => keeper.apply(text, by, confirmWithinSeconds)),
    'policy.confirm': ({ by }) => runLocked(() => keeper.confirm(by)),
    'policy.rollback': ({ by }) => runLocked(() => keeper.rollback(by)),
    'policy.current': () => ({ text: keeper.inForce.policyText, state: keeper.state() }),
    'containment.order': ({ forSeconds, ...order }) => runLocked(() => containment.order(order, forSeconds)),
    'containment.release': ({ device, by, reason }) =>
      runLocked(() => containment.release(device, by, reason)),
    'familiar.restore': ({ devices }) => ({ restored: evidence.detection.restoreFamiliar(devices) }),
  };
}
