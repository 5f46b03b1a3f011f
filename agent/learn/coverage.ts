/**
 * How much of a device's life has been seen: hours of the week, connections seen once, what is still new, whether a monthly job can have been seen.
 * `cordon learn status` shows it, so that nobody enforces a list learnt on a quiet Sunday. Pure.
 */
import { z } from 'zod';
import { counted } from '../counted.js';
import type { Habit, LearntDevice } from './habit.js';
import { hoursOfWeek, lastRun, since, totalMs, type Stretch } from './watched.js';

const DAY_MS = 86_400_000;
/** The longest month, and a day of grace for a job that runs late. */
const MONTH_MS = 32 * DAY_MS;
/** A restart or an update of the box; a longer pause may have hidden a job. */
const PAUSE_MS = 3_600_000;
/** Days of `newPerDay`. */
export const NEW_DAYS = 14;
/** So many days without anything new: the list has settled. */
const SETTLED_DAYS = 3;
const HOURS_OF_A_WEEK = 168;

const count = z.number().nonnegative();

export const coverage = z.object({
  sinceMs: count,
  lastMs: count,
  /** Since the device was first seen. */
  watchedMs: count,
  /** Monday 00:00 first, 168 of them, local time: was it watched. */
  hours: z.array(z.boolean()),
  hoursWatched: count,
  connections: count,
  seenOnce: count,
  /** Passed though no entry of the policy in force permits it: connections, and times. */
  unlisted: count,
  unlistedTimes: count,
  /** Connections never seen before, a day, the last NEW_DAYS days, today last; null: not watched on that day. */
  newPerDay: z.array(z.number().nullable()),
  /** A job that runs once a month must have been seen; else from when on it must have been, if the box goes on watching. */
  monthlySeen: z.boolean(),
  monthlyFromMs: count,
  forgotten: count,
  verdict: z.enum(['too early', 'still learning', 'a week seen', 'a month seen']),
  /** What is missing, in words. */
  missing: z.array(z.string()),
});
export type Coverage = z.infer<typeof coverage>;

/** `offsetMinutes`: local time minus UTC; hours of the week are those of the ward. */
export function coverageOf(
  device: LearntDevice,
  habits: readonly Habit[],
  stretches: readonly Stretch[],
  nowMs: number,
  offsetMinutes: number,
): Coverage {
  const watched = since(stretches, device.sinceMs);
  const hours = hoursOfWeek(watched, offsetMinutes);
  const hoursWatched = hours.filter(Boolean).length;
  const run = lastRun(watched, PAUSE_MS);
  const monthlySeen = run !== null && run.toMs - run.fromMs >= MONTH_MS;
  const newPerDay = newOf(habits, watched, nowMs, offsetMinutes);
  const lately = newPerDay.slice(-SETTLED_DAYS);
  const isSettled = lately.every((each) => each === 0);
  const missing = [
    ...(hoursWatched < HOURS_OF_A_WEEK
      ? [`${HOURS_OF_A_WEEK - hoursWatched} of 168 hours of the week were never watched`]
      : []),
    ...(isSettled ? [] : [`something new within the last ${SETTLED_DAYS} days, or not watched on them`]),
    ...(monthlySeen ? [] : ['a job that runs once a month may not have run yet']),
    ...(device.forgotten > 0 ? [`${counted(device.forgotten, 'connection')} made room for others`] : []),
  ];
  return {
    sinceMs: device.sinceMs,
    lastMs: device.lastMs,
    watchedMs: totalMs(watched),
    hours: [...hours],
    hoursWatched,
    connections: habits.length,
    seenOnce: habits.filter(({ count: times }) => times === 1).length,
    unlisted: habits.filter(({ unlisted }) => unlisted > 0).length,
    unlistedTimes: habits.reduce((sum, { unlisted }) => sum + unlisted, 0),
    newPerDay: [...newPerDay],
    monthlySeen,
    monthlyFromMs: (run?.fromMs ?? nowMs) + MONTH_MS,
    forgotten: device.forgotten,
    verdict: verdictOf(totalMs(watched), hoursWatched, isSettled, monthlySeen),
    missing,
  };
}

function verdictOf(
  watchedMs: number,
  hoursWatched: number,
  isSettled: boolean,
  monthlySeen: boolean,
): Coverage['verdict'] {
  if (watchedMs < DAY_MS) return 'too early';
  if (hoursWatched < HOURS_OF_A_WEEK || !isSettled) return 'still learning';
  return monthlySeen ? 'a month seen' : 'a week seen';
}

function newOf(
  habits: readonly Habit[],
  watched: readonly Stretch[],
  nowMs: number,
  offsetMinutes: number,
): readonly (number | null)[] {
  const dayOf = (atMs: number): number => Math.floor((atMs + offsetMinutes * 60_000) / DAY_MS);
  const today = dayOf(nowMs);
  return Array.from({ length: NEW_DAYS }, (_, index) => {
    const day = today - NEW_DAYS + 1 + index;
    if (!watched.some(({ fromMs, toMs }) => dayOf(fromMs) <= day && day <= dayOf(toMs))) return null;
    return habits.filter(({ firstMs }) => dayOf(firstMs) === day).length;
  });
}
