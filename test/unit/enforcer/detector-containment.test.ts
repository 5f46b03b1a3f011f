import t from 'tap';
import { DetectorContainment } from '../../../agent/enforcer/detector-containment.js';
import type { NewOrder } from '../../../agent/containment/orders.js';
import type { Finding } from '../../../agent/messages/vocabulary.js';
import { DETECTOR_CONTAINMENTS_PER_HOUR } from '../../../agent/policy/default-policy.js';

const finding: Finding = {
  key: 'portScan:pump-1:scans:10.0.0.1',
  detector: 'portScan',
  device: 'pump-1',
  deviceMac: null,
  peer: '10.0.0.1',
  severity: 'high',
  state: 'open',
  title: 'pump-1 scans 10.0.0.1',
  evidence: {},
  remedy: '',
  firstMs: 1,
  lastMs: 2,
  count: 15,
};

t.test('a detector contains a device once, says why, and only so many devices an hour', async (t) => {
  const orders: NewOrder[] = [];
  const deviceOf = ({ scope }: NewOrder): string =>
    scope !== 'box' && 'device' in scope ? scope.device : '';
  const contained = new Set(['contained-before']);
  let nowMs = 1_000_000;
  const containment = new DetectorContainment({
    now: () => nowMs,
    isContained: (device) => contained.has(device),
    mayContain: (device) => device !== 'ventilator',
    order: async (order) => {
      orders.push(order);
      await Promise.resolve();
      contained.add(deviceOf(order));
    },
    onError: (error) => {
      throw error;
    },
  });
  containment.request('contained-before', finding);
  containment.request('ventilator', finding);
  t.same([orders.length, containment.leftToPeople], [0, 1], 'its policy leaves it to people');
  containment.request('pump-1', finding);
  containment.request('pump-1', finding);
  t.same(orders, [
    {
      scope: { device: 'pump-1' },
      level: 'contained',
      sparesLifeSustaining: false,
      by: 'portScan',
      source: 'detector',
      reason: finding.title,
      forSeconds: null,
    },
  ]);
  for (let index = 2; index <= DETECTOR_CONTAINMENTS_PER_HOUR + 2; index++)
    containment.request(`pump-${index}`, finding);
  t.equal(orders.length, DETECTOR_CONTAINMENTS_PER_HOUR);
  t.equal(containment.overBudget, 2);
  nowMs += 3_600_000;
  containment.request('pump-99', finding);
  t.same(orders.at(-1)?.scope, { device: 'pump-99' }, 'the next hour');
});
