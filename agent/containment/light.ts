/**
 * What the light says, as values of /sys/class/leds/NAME. Pure. Blinking is the kernel's (ledtrig-timer, ledtrig-heartbeat), so that it goes on
 * without us. Where a trigger is missing the light is steady, which says at least that something holds.
 */
import type { ContainmentLevel } from '../messages/vocabulary.js';

export type LightShows = 'normal' | 'held' | 'contained' | 'cut';

export interface LightSetting {
  readonly trigger: 'none' | 'timer' | 'heartbeat';
  /** Where the trigger is `none`, or is not there. */
  readonly isOn: boolean;
}

export const LIGHT: Readonly<Record<LightShows, LightSetting>> = {
  normal: { trigger: 'none', isOn: false },
  /** The button is down and has done nothing yet. */
  held: { trigger: 'heartbeat', isOn: true },
  contained: { trigger: 'timer', isOn: true },
  cut: { trigger: 'none', isOn: true },
};

/** The strictest of all that is ordered on the box: one light for one box. */
export function lightFor(levels: readonly ContainmentLevel[], isHeld: boolean): LightShows {
  if (isHeld) return 'held';
  if (levels.includes('cut')) return 'cut';
  return levels.includes('contained') ? 'contained' : 'normal';
}
