/** Orders for tests: what a test does not name is a nurse's containment of pump-1 without an end. */
import type { NewOrder, Order } from '../../../agent/containment/orders.js';

export function orderOf(parts: Partial<Order> & Pick<Order, 'id'>): Order {
  return {
    scope: { device: 'pump-1' },
    level: 'contained',
    sparesLifeSustaining: false,
    by: 'nurse',
    source: 'cli',
    reason: 'odd traffic',
    sinceMs: 0,
    endsMs: null,
    remindMs: null,
    members: [],
    ...parts,
  };
}

export function ordered(parts: Partial<NewOrder> = {}): NewOrder {
  return {
    scope: { device: 'pump-1' },
    level: 'contained',
    sparesLifeSustaining: false,
    by: 'nurse',
    source: 'cli',
    reason: 'odd traffic',
    forSeconds: null,
    ...parts,
  };
}
