/** What containing each device would leave and stop, from the policy in force: the page that somebody needs at three in the morning. Pure; used by build-report.ts. */
import type { ContainmentOrder } from '../messages/vocabulary.js';
import type { Policy } from '../policy/schema.js';
import type { ContainmentLine } from './report-model.js';
import { peerText, serviceOf } from './segmentation-part.js';
import { naturally } from './words.js';

export function containmentLines(
  policy: Policy,
  orders: readonly ContainmentOrder[],
  nowMs: number,
): readonly ContainmentLine[] {
  return Object.entries(policy.devices)
    .sort(([a], [b]) => naturally(a, b))
    .map(([name, device]) => ({
      name,
      isLifeSustaining: device.criticality === 'life-sustaining',
      automation: device.automation === 'contain' ? 'a detector may contain it' : 'people only',
      now: orderText(
        orders.filter((order) => order.device === name),
        nowMs,
      ),
      essential: device.allow
        .filter(({ essential }) => essential)
        .map(
          (entry) =>
            `${entry.direction} ${serviceOf(entry)} ${entry.direction === 'out' ? 'to' : 'from'} ${peerText(entry.peer)}: ${entry.why}`,
        ),
      stops: device.allow.filter(({ essential }) => !essential).length,
    }));
}

function orderText(orders: readonly ContainmentOrder[], nowMs: number): string {
  const holding = orders.filter(({ untilMs }) => untilMs === null || untilMs > nowMs);
  if (holding.length === 0) return 'normal';
  return holding
    .map(
      ({ level, by, sinceMs }) => `${level} since ${new Date(sinceMs).toISOString().slice(0, 16)}Z by ${by}`,
    )
    .join('; ');
}
