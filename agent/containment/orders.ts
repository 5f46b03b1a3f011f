/**
 * Containment orders and what they add up to. Pure. The stricter order holds; an order ends when a person releases it or
 * at the time it was given for. Used by the enforcer, which acts in the kernel first and records after.
 */
import type { ContainmentLevel, ContainmentOrder } from '../messages/vocabulary.js';

/** Orders kept at once; more than one for every device of the largest policy. */
export const MAX_ORDERS = 40_000;

export type Orders = readonly ContainmentOrder[];

/** One order per device and source: giving it again replaces it. */
export function withOrder(orders: Orders, order: ContainmentOrder): Orders {
  return [...orders.filter((each) => each.device !== order.device || each.source !== order.source), order];
}

export interface Released {
  readonly orders: Orders;
  readonly released: Orders;
}

/** A person's release ends every order on the device, whoever gave it: the person is told which. */
export function releaseDevice(orders: Orders, device: string): Released {
  return {
    orders: orders.filter((order) => order.device !== device),
    released: orders.filter((order) => order.device === device),
  };
}

export function expireOrders(orders: Orders, nowMs: number): Released {
  const isOver = (order: ContainmentOrder): boolean => order.untilMs !== null && order.untilMs <= nowMs;
  return { orders: orders.filter((order) => !isOver(order)), released: orders.filter(isOver) };
}

export interface Effect {
  readonly level: Exclude<ContainmentLevel, 'normal'>;
  /**
   * When the kernel may end it by itself. Null when nothing was ordered so, or when a milder order outlives it: then the
   * kernel holds the stricter one until the enforcer lowers it, and never re-opens on its own.
   */
  readonly untilMs: number | null;
}

/** What holds for a device now, or null for normal. */
export function effectOn(orders: Orders, device: string): Effect | null {
  const own = orders.filter((order) => order.device === device);
  const first = own[0];
  if (!first) return null;
  const level = own.some((order) => order.level === 'cut') ? 'cut' : 'contained';
  const ends = own.map((order) => order.untilMs);
  const sameLevel = own.every((order) => order.level === level);
  if (!sameLevel || ends.includes(null)) return { level, untilMs: null };
  return { level, untilMs: Math.max(...ends.filter((end) => end !== null)) };
}

/** The next moment at which an order ends, or null. */
export function nextExpiryMs(orders: Orders): number | null {
  const ends = orders.map((order) => order.untilMs).filter((end) => end !== null);
  return ends.length === 0 ? null : ends.reduce((a, b) => Math.min(a, b));
}
