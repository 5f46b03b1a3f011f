/**
 * Containment orders: how they are added, merged, released and ended. Pure. Used by the enforcer, which acts in the kernel
 * first and records after. What they add up to for a device is in effects.ts.
 *
 * The rule: every order stands for itself, and the stricter of all that reach a device holds. Releasing one leaves the others.
 * Ends are measured on a steady clock (milliseconds that only ever pass), because a box may have no battery behind its clock.
 */
import type { ContainmentOrder, ContainmentScope } from '../messages/vocabulary.js';

/** Orders kept at once; more than one for every device of the largest policy. */
export const MAX_ORDERS = 40_000;
/** A reminder comes this long before an order ends by itself, or at three quarters of a short one. */
export const REMINDER_MS = 600_000;

export interface Order extends Omit<ContainmentOrder, 'untilMs'> {
  /** Steady clock. Null: until released by a person. */
  readonly endsMs: number | null;
  /** Steady clock; null once the reminder was given, or where there is none to give. */
  readonly remindMs: number | null;
  /** Of a tag: who had it at any time since the order was given. A change of policy releases nobody. */
  readonly members: readonly string[];
}

export type Orders = readonly Order[];

export interface NewOrder extends Omit<ContainmentOrder, 'id' | 'sinceMs' | 'untilMs'> {
  readonly forSeconds: number | null;
}

/** Wall clock for people, steady clock for ends. */
export interface Now {
  readonly wallMs: number;
  readonly steadyMs: number;
}

export function createOrder(
  { forSeconds, ...order }: NewOrder,
  id: number,
  members: readonly string[],
  now: Now,
): Order {
  const endsMs = forSeconds === null ? null : now.steadyMs + forSeconds * 1000;
  return {
    ...order,
    id,
    sinceMs: now.wallMs,
    endsMs,
    remindMs: endsMs === null ? null : reminderOf(endsMs, now.steadyMs),
    members,
  };
}

export function reminderOf(endsMs: number, fromMs: number): number {
  return endsMs - Math.min(REMINDER_MS, Math.floor((endsMs - fromMs) / 4));
}

export function toMessage(order: Order, now: Now): ContainmentOrder {
  const { id, scope, level, sparesLifeSustaining, by, source, reason, sinceMs, endsMs } = order;
  const untilMs = endsMs === null ? null : Math.max(0, Math.round(now.wallMs + endsMs - now.steadyMs));
  return { id, scope, level, sparesLifeSustaining, by, source, reason, sinceMs, untilMs };
}

export interface Ordered {
  readonly orders: Orders;
  /** The order as it holds now. */
  readonly held: Order;
}

/**
 * The same person, or detector, ordering the same again has one order: it keeps its number and ends no sooner than before. To
 * shorten or weaken an order, release it.
 */
export function withOrder(orders: Orders, order: Order): Ordered {
  const before = orders.find((each) => isSame(each, order));
  if (!before) return { orders: [...orders, order], held: order };
  const endsMs = laterEnd(before.endsMs, order.endsMs);
  const held: Order = {
    ...order,
    id: before.id,
    sinceMs: before.sinceMs,
    endsMs,
    remindMs: endsMs === null ? null : endsMs === order.endsMs ? order.remindMs : before.remindMs,
    members: [...new Set([...before.members, ...order.members])],
  };
  return { orders: orders.map((each) => (each === before ? held : each)), held };
}

function isSame(a: Order, b: Order): boolean {
  return (
    isSameScope(a.scope, b.scope) &&
    a.source === b.source &&
    a.level === b.level &&
    a.by === b.by &&
    a.sparesLifeSustaining === b.sparesLifeSustaining
  );
}

/** Null never ends. */
function laterEnd(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}

export interface Released {
  readonly orders: Orders;
  readonly released: Orders;
}

/** Only orders with exactly this scope: an order on a ward is not lifted for one bed by a release of the bed. */
export function releaseOrders(
  orders: Orders,
  scope: ContainmentScope,
  ids: readonly number[] | 'all',
): Released {
  const isReleased = (order: Order): boolean =>
    isSameScope(order.scope, scope) && (ids === 'all' || ids.includes(order.id));
  return {
    orders: orders.filter((order) => !isReleased(order)),
    released: orders.filter(isReleased),
  };
}

export function expireOrders(orders: Orders, steadyMs: number): Released {
  const isOver = (order: Order): boolean => order.endsMs !== null && order.endsMs <= steadyMs;
  return { orders: orders.filter((order) => !isOver(order)), released: orders.filter(isOver) };
}

export interface Reminded {
  readonly orders: Orders;
  readonly due: Orders;
}

/** Orders that end soon, each once. */
export function remindOrders(orders: Orders, steadyMs: number): Reminded {
  const due = orders.filter(({ remindMs }) => remindMs !== null && remindMs <= steadyMs);
  if (due.length === 0) return { orders, due };
  return { orders: orders.map((each) => (due.includes(each) ? { ...each, remindMs: null } : each)), due };
}

/** Steady clock: the next moment at which an order ends or its reminder is due; null for never. */
export function nextMomentMs(orders: Orders): number | null {
  let next: number | null = null;
  for (const { endsMs, remindMs } of orders)
    for (const moment of [endsMs, remindMs])
      if (moment !== null && (next === null || moment < next)) next = moment;
  return next;
}

/** Who has a tag now joins the orders on that tag for good; the same list when nobody is new. */
export function withMembers(orders: Orders, membersOf: (tag: string) => readonly string[]): Orders {
  const next = orders.map((order) => {
    if (order.scope === 'box' || !('tag' in order.scope)) return order;
    const members = [...new Set([...order.members, ...membersOf(order.scope.tag)])];
    return members.length === order.members.length ? order : { ...order, members };
  });
  return next.every((order, index) => order === orders[index]) ? orders : next;
}

export function isSameScope(a: ContainmentScope, b: ContainmentScope): boolean {
  return scopeText(a) === scopeText(b);
}

/** `pump-1`, `tag icu`, `the whole box`: for people, and one to one, because names have no spaces. */
export function scopeText(scope: ContainmentScope): string {
  if (scope === 'box') return 'the whole box';
  return 'device' in scope ? scope.device : `tag ${scope.tag}`;
}

/**
 * A cut wants a second look: a second person's name, or the name of what is cut typed again. A button is held down for it, and
 * detectors never cut.
 */
export function needsConfirmation(order: Pick<ContainmentOrder, 'level' | 'source'>): boolean {
  return order.level === 'cut' && ['cli', 'page', 'fleet'].includes(order.source);
}

/** What is typed again for a scope: the device, the tag, or the box's own name. */
export function confirmationWord(scope: ContainmentScope, box: string): string {
  if (scope === 'box') return box;
  return 'device' in scope ? scope.device : scope.tag;
}

export function isConfirmed(word: string, by: string, confirmedBy: string | null): boolean {
  const second = confirmedBy?.trim() ?? '';
  return second === word || (second !== '' && second.toLowerCase() !== by.trim().toLowerCase());
}
