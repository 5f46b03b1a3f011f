/**
 * What is kept of a device's connections while it is learnt: one habit for each (direction, peer, protocol, port), with counts and times and no
 * payload. Made by habit-book.ts, kept by store/habits.ts, read by everything that proposes or proves. Pure.
 */
import { z } from 'zod';

/** Names that one peer was looked up by; the one looked up last is the last. */
export const MAX_NAMES_PER_HABIT = 4;

const count = z.number().nonnegative();

export const habit = z.object({
  /** Who opens the connection, as seen from the device. */
  direction: z.enum(['out', 'in']),
  /** Canonical address of the other end. */
  peer: z.string().max(45),
  /** IANA number. */
  protocol: z.int().min(0).max(255),
  /** Of the one contacted; ICMP: type * 256 + code; null where the protocol has none. */
  port: z.int().min(0).max(65_535).nullable(),
  firstMs: count,
  lastMs: count,
  /** Connections opened. */
  count,
  /** Days (UTC) on which one was opened. */
  days: count,
  /** Of `count`: TCP that did not begin with a SYN. It was open before the box watched, and who opened it was not seen. */
  midstream: count,
  /** Of `count`: no entry of the policy in force permitted it, and it passed because of the device's mode. */
  unlisted: count,
  /** When that was last so; 0: never. */
  unlistedMs: count,
  /** Connections that ended, and what they carried, IP headers included. Out is away from the device. */
  ended: count,
  bytesOut: count,
  bytesIn: count,
  packetsOut: count,
  packetsIn: count,
  /** What the device asked its resolver for before it came here. */
  names: z.array(z.string().max(255)).max(MAX_NAMES_PER_HABIT),
});
export type Habit = z.infer<typeof habit>;

export const learntDevice = z.object({
  /** Its name in the policy, else its MAC, else (behind a router) its address. */
  key: z.string().min(1).max(64),
  mac: z.string().max(17).nullable(),
  /** Latest seen last. */
  addresses: z.array(z.string().max(45)),
  /** DNS servers that it asked. */
  resolvers: z.array(z.string().max(45)),
  sinceMs: count,
  lastMs: count,
  /** Habits that made room for others. */
  forgotten: count,
});
export type LearntDevice = z.infer<typeof learntDevice>;

export function habitKey(one: Pick<Habit, 'direction' | 'peer' | 'protocol' | 'port'>): string {
  return `${one.direction} ${one.peer} ${one.protocol} ${one.port ?? ''}`;
}

/** Nobody ever answered: for TCP, no more came back than one packet (a reset) for each attempt. Unknown while none has ended. */
export function isUnanswered(one: Habit): boolean {
  if (one.ended === 0) return false;
  const answers = one.direction === 'out' ? one.packetsIn : one.packetsOut;
  return one.protocol === 6 ? answers <= one.ended : answers === 0;
}
