import t from 'tap';
import type { NewOrder } from '../../../agent/containment/orders.js';
import { DetectorContainment } from '../../../agent/enforcer/detector-containment.js';
import type { Finding, StateChange } from '../../../agent/messages/vocabulary.js';
import { orderOf } from '../containment/support.js';

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

function scene(limits = { detectorLimit: 3, boxLimit: 4 }) {
  const orders: NewOrder[] = [];
  const told: Omit<StateChange, 'atMs'>[] = [];
  const contained = new Set(['contained-before']);
  const clock = { nowMs: 10_000_000 };
  const containment = new DetectorContainment({
    steadyMs: () => clock.nowMs,
    isContained: (device) => contained.has(device),
    policyFor: (device) => ({ mayContain: device !== 'ventilator', containFrom: 'medium', ...limits }),
    order: async (order) => {
      orders.push(order);
      await Promise.resolve();
      if (order.scope !== 'box' && 'device' in order.scope) contained.add(order.scope.device);
    },
    tell: (change) => told.push(change),
    onError: (error) => {
      throw error;
    },
  });
  return { containment, orders, told, clock };
}

t.test('a detector contains a device once, and says why', (t) => {
  const { containment, orders, told } = scene();
  containment.request('contained-before', finding);
  containment.request('pump-2', { ...finding, severity: 'low' });
  t.same(orders, [], 'contained already, or not severe enough');
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
  t.same(told, []);
  t.end();
});

t.test('a device that its policy leaves to people is told, not contained; the same one once an hour', (t) => {
  const { containment, orders, told, clock } = scene();
  for (let again = 0; again < 3; again++) containment.request('ventilator', finding);
  t.same([orders.length, containment.leftToPeople, told.length], [0, 3, 1]);
  t.match(told, [
    { kind: 'containment-withheld', device: 'ventilator', detail: /NOT contained.*automation: none/ },
  ]);
  clock.nowMs += 3_600_000;
  containment.request('ventilator', finding);
  t.equal(told.length, 2);
  t.end();
});

t.test('a noisy detector has its budget, all of them together another, and the next hour a new one', (t) => {
  const { containment, orders, told, clock } = scene();
  for (let index = 0; index < 6; index++) containment.request(`pump-${index}`, finding);
  t.equal(orders.length, 3);
  t.equal(containment.overBudget, 3);
  t.match(told.at(-1)?.detail, /pump-5 is NOT contained.*portScan contained 3 devices within the hour/);
  for (let index = 0; index < 3; index++)
    containment.request(`ct-${index}`, { ...finding, detector: 'hostSweep' });
  t.equal(orders.length, 4, 'the other one has what is left of the box');
  t.match(told.at(-1)?.detail, /detectors contained 4 devices/);
  clock.nowMs += 3_600_000;
  containment.request('pump-99', finding);
  t.same(orders.at(-1)?.scope, { device: 'pump-99' });
  t.end();
});

t.test('a restart gives no new budget, a clock that was set none either', (t) => {
  for (const sinceMs of [9_000, 99_000_000]) {
    const { containment, orders } = scene({ detectorLimit: 3, boxLimit: 2 });
    const before = [1, 2].map((id) => orderOf({ id, source: 'detector', by: 'portScan', sinceMs }));
    containment.remember([...before, orderOf({ id: 3 })], 10_000);
    containment.request('pump-1', finding);
    t.equal(orders.length, 0, `ordered at ${sinceMs}`);
  }
  t.end();
});
