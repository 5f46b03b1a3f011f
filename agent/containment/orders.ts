/**
 * Containment orders and what they add up to. Pure. The stricter order holds; an order ends when a person releases it or
 * at the time it was given for. Used by the enforcer, which acts in the kernel first and records after.
 */
import type { ContainmentLevel, ContainmentOrder } from '../messages/vocabulary.js';

/** Orders kept at once; more than one for every device of the largest policy. */
export const MAX_ORDERS = 40_000;

export type Orders = readonly ContainmentOrder[];

export interface Ordered {
  readonly orders: Orders;
  /** The order as it holds now. */
  readonly held: ContainmentOrder;
}

/**
 * One order per device, source and level. Given again, it ends no sooner than before: to shorten or weaken an order, a
 * person releases it first. So a second person's milder order never lifts what the first one ordered.
 */
export function withOrder(orders: Orders, order: ContainmentOrder): Ordered {
  const isSame = (each: ContainmentOrder): boolean =>
    each.device === order.device && each.source === order.source && each.level === order.level;
  const before = orders.find(isSame);
  const held = before
    ? {
        ...order,
        sinceMs: Math.min(before.sinceMs, order.sinceMs),
        untilMs: laterEnd(before.untilMs, order.untilMs),
      }
    : order;
  return { orders: [...orders.filter((each) => !isSame(each)), held], held };
}

/** Null never ends. */
function laterEnd(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
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

/**
 * A person's cut wants a second look: a second person's name, or the device's name typed again. Orders of the fleet are signed
 * there, and a button is held down for it.
 */
export function needsConfirmation(order: Pick<ContainmentOrder, 'level' | 'source'>): boolean {
  return order.level === 'cut' && (order.source === 'cli' || order.source === 'page');
}

export function isConfirmed(
  order: Pick<ContainmentOrder, 'device' | 'by'>,
  confirmedBy: string | null,
): boolean {
  const second = confirmedBy?.trim() ?? '';
  return second === order.device || (second !== '' && second.toLowerCase() !== order.by.trim().toLowerCase());
}
