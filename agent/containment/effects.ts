/**
 * What all orders together mean for each device: the state machine normal, contained, cut. Pure; the kernel's elements, the
 * deletion of live connections, the preview and the status all ask here, so that they cannot disagree.
 */
import type { ContainmentLevel, ContainmentOrder } from '../messages/vocabulary.js';
import { ownValue } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import type { Orders } from './orders.js';

/** A moment on the steady clock, or null for "until released". */
export type End = number | null;

export interface Effect {
  /** When the last of all orders ends. */
  readonly endsMs: End;
  /** When the last cut ends; a containment that outlives it goes on. Undefined: nobody cut it. */
  readonly cutEndsMs: End | undefined;
}

export interface Effects {
  /** For everything behind the box, beside what holds for single devices. */
  readonly box: Effect | null;
  /** Devices that the policy does not name, beside `box`. */
  readonly unknown: Effect | null;
  readonly devices: ReadonlyMap<string, Effect>;
}

export function effectsOf(orders: Orders, policy: Pick<Policy, 'devices'>): Effects {
  let box: Effect | null = null;
  let unknown: Effect | null = null;
  const devices = new Map<string, Effect>();
  const hold = (device: string, effect: Effect): void => {
    devices.set(device, strictest(devices.get(device) ?? null, effect));
  };
  for (const order of orders) {
    const { endsMs } = order;
    const whole: Effect = { endsMs, cutEndsMs: order.level === 'cut' ? endsMs : undefined };
    const spares = order.level === 'cut' && order.sparesLifeSustaining;
    const spared: Effect = spares ? { endsMs, cutEndsMs: undefined } : whole;
    const forDevice = (device: string): Effect =>
      ownValue(policy.devices, device)?.criticality === 'life-sustaining' ? spared : whole;
    if (order.scope !== 'box') {
      for (const device of 'device' in order.scope ? [order.scope.device] : order.members)
        hold(device, forDevice(device));
      continue;
    }
    box = strictest(box, spared);
    if (!spares) continue;
    // A cut of the box that spares some cannot be one element for all.
    unknown = strictest(unknown, whole);
    for (const device of Object.keys(policy.devices)) hold(device, forDevice(device));
  }
  return { box, unknown, devices };
}

function strictest(a: Effect | null, b: Effect): Effect {
  if (a === null) return b;
  return {
    endsMs: later(a.endsMs, b.endsMs),
    cutEndsMs:
      a.cutEndsMs === undefined
        ? b.cutEndsMs
        : b.cutEndsMs === undefined
          ? a.cutEndsMs
          : later(a.cutEndsMs, b.cutEndsMs),
  };
}

function later(a: End, b: End): End {
  return a === null || b === null ? null : Math.max(a, b);
}

/** Null: a device that the policy does not name. */
export function levelOf(effects: Effects, device: string | null): ContainmentLevel {
  const own = device === null ? effects.unknown : (effects.devices.get(device) ?? null);
  const all = [own, effects.box].filter((effect) => effect !== null);
  if (all.length === 0) return 'normal';
  return all.some(({ cutEndsMs }) => cutEndsMs !== undefined) ? 'cut' : 'contained';
}

/** Orders that reach a device; for null the whole box. */
export function ordersOn(orders: Orders, device: string | null): Orders {
  return orders.filter(
    ({ scope, members }) =>
      scope === 'box' ||
      (device !== null && ('device' in scope ? scope.device === device : members.includes(device))),
  );
}

export function membersOf(policy: Pick<Policy, 'devices'>, tag: string): readonly string[] {
  return Object.entries(policy.devices)
    .filter(([, { tags }]) => tags.includes(tag))
    .map(([name]) => name);
}

/** Of orders as they are told, for readers without the enforcer's own records. */
export function toldLevels(
  orders: readonly ContainmentOrder[],
  policy: Pick<Policy, 'devices'>,
): (device: string) => ContainmentLevel {
  const effects = effectsOf(
    orders.map((order) => ({
      ...order,
      endsMs: null,
      remindMs: null,
      members: order.scope !== 'box' && 'tag' in order.scope ? membersOf(policy, order.scope.tag) : [],
    })),
    policy,
  );
  return (device) => levelOf(effects, device);
}
