/**
 * What a detector knows of a device's habits, in a form that the agent keeps over restarts: numbers under a key, nothing of what was
 * said. Made by detectors, carried by messages/, given back by the agent's store. Pure.
 */
/** Numbers of one memory at most. */
export const MAX_MEMORY_VALUES = 512;

/** The meaning of the numbers; what another version kept is not given back. */
export const MEMORY_VERSION = 1;
/** Characters of a key: an IPv6 address and a number. */
export const MAX_MEMORY_KEY = 60;

export interface Memory {
  readonly detector: string;
  /** The name in the policy: numbers of devices are not kept. */
  readonly device: string;
  /** Which of the detector's memories: empty, or a peer and service. */
  readonly key: string;
  readonly values: readonly number[];
}
