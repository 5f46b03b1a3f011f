/**
 * Orders as they lie on disk. Pure; written and read by enforcer/state-store.ts.
 *
 * A box may have no battery behind its clock, so the end of a timed order is not a date but the time that is left. While the same
 * boot lasts, the steady clock says how much has passed since it was written. After a boot nobody knows how long the box was
 * off: the order holds for what was left when it was last written (every few minutes). It can so last longer than ordered, by
 * the time that the box was off and those minutes, and never shorter.
 */
import { z } from 'zod';
import { containmentOrder } from '../messages/vocabulary.js';
import { reminderOf, type Order, type Orders } from './orders.js';

const orderRecord = containmentOrder.omit({ untilMs: true }).extend({
  leftMs: z.number().nonnegative().nullable(),
  /** The reminder was given. */
  isReminded: z.boolean(),
  members: z.array(z.string().max(64)),
});

export const containmentRecord = z.strictObject({
  /** /proc/sys/kernel/random/boot_id: which boot `writtenMs`, on the steady clock, belongs to. */
  bootId: z.string().max(64),
  writtenMs: z.number().nonnegative(),
  nextId: z.int().positive(),
  orders: z.array(orderRecord),
});
export type ContainmentRecord = z.infer<typeof containmentRecord>;

export function toRecord(
  orders: Orders,
  nextId: number,
  bootId: string,
  steadyMs: number,
): ContainmentRecord {
  return {
    bootId,
    writtenMs: steadyMs,
    nextId,
    orders: orders.map(({ endsMs, remindMs, members, ...order }) => ({
      ...order,
      leftMs: endsMs === null ? null : Math.max(0, endsMs - steadyMs),
      isReminded: endsMs !== null && remindMs === null,
      members: [...members],
    })),
  };
}

export function fromRecord(record: ContainmentRecord, bootId: string, steadyMs: number): Orders {
  const isSameBoot = bootId !== '' && record.bootId === bootId && record.writtenMs <= steadyMs;
  return record.orders.map(({ leftMs, isReminded, ...order }): Order => {
    const endsMs = leftMs === null ? null : (isSameBoot ? record.writtenMs : steadyMs) + leftMs;
    return {
      ...order,
      endsMs,
      remindMs: endsMs === null || isReminded ? null : reminderOf(endsMs, steadyMs),
    };
  });
}
