/** What containing each device would leave and stop, from the policy in force: the page that somebody needs at three in the morning. Pure; used by build-report.ts. */
import { toldLevels } from '../containment/effects.js';
import { scopeText } from '../containment/orders.js';
import type { ContainmentOrder } from '../messages/vocabulary.js';
import type { Policy, PolicyDevice } from '../policy/schema.js';
import type { ContainmentLine } from './report-model.js';
import { peerText, serviceOf } from './segmentation-part.js';
import { naturally } from './words.js';

export function containmentLines(
  policy: Policy,
  orders: readonly ContainmentOrder[],
): readonly ContainmentLine[] {
  const levelOf = toldLevels(orders, policy);
  return Object.entries(policy.devices)
    .sort(([a], [b]) => naturally(a, b))
    .map(([name, device]) => {
      const level = levelOf(name);
      return {
        name,
        isLifeSustaining: device.criticality === 'life-sustaining',
        automation: device.automation === 'contain' ? 'a detector may contain it' : 'people only',
        now: level === 'normal' ? level : `${level}: ${ordersText(orders, name, device)}`,
        essential: device.allow
          .filter(({ essential }) => essential)
          .map(
            (entry) =>
              `${entry.direction} ${serviceOf(entry)} ${entry.direction === 'out' ? 'to' : 'from'} ${peerText(entry.peer)}: ${entry.why}`,
          ),
        stops: device.allow.filter(({ essential }) => !essential).length,
      };
    });
}

/** Those that reach it, each with its own. */
function ordersText(orders: readonly ContainmentOrder[], name: string, device: PolicyDevice): string {
  return orders
    .filter(
      ({ scope }) =>
        scope === 'box' || ('device' in scope ? scope.device === name : device.tags.includes(scope.tag)),
    )
    .map(
      ({ scope, level, by, sinceMs }) =>
        `${scopeText(scope)} ${level} since ${new Date(sinceMs).toISOString().slice(0, 16)}Z by ${by}`,
    )
    .join('; ');
}
