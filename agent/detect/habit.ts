/**
 * What a detector knows of a device's habits, in a form that the agent keeps over restarts: numbers under a key, nothing of what was
 * said. Made by detectors, carried by messages/, given back by the agent's store. Pure.
 */
import type { DetectorName } from './settings.js';

/** Numbers of one habit at most. */
export const MAX_HABIT_VALUES = 512;

export interface Habit {
  readonly detector: DetectorName;
  /** The name in the policy: numbers of devices are not kept. */
  readonly device: string;
  /** Which of the detector's habits: empty, or a peer and service. */
  readonly key: string;
  readonly values: readonly number[];
}
