/**
 * What a detector knows of a device's habits, in a form that the agent keeps over restarts: numbers under a key, nothing of what was
 * said. Made by detectors, carried by messages/, given back by the agent's store. Pure.
 */
import type { DetectorName } from './settings.js';

/** Numbers of one habit at most. */
export const MAX_HABIT_VALUES = 512;
/** Habits of one detector about one device at most. */
export const MAX_HABITS_PER_DEVICE = 64;
/** The meaning of the numbers; what was kept by another version is not given back. */
export const HABIT_VERSION = 1;

export interface Habit {
  readonly detector: DetectorName;
  /** The name in the policy: numbers of devices are not kept. */
  readonly device: string;
  /** Which of the detector's habits: empty, or a peer and service. */
  readonly key: string;
  readonly values: readonly number[];
}
