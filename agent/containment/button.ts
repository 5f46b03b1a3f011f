/**
 * The button: a press that goes on contains, one that is let go after longer cuts. Pure. Containing is done while it is held, so
 * that nobody has to know when to let go; cutting wants the letting go, so that what leans on the button for an hour cuts nothing.
 * It never releases. Bounces are the kernel's to hold back (debounce-interval of gpio-key).
 */
import type { KeyEvent } from './input-event.js';

export interface ButtonTimes {
  readonly containsAfterMs: number;
  readonly cutsAfterMs: number;
  readonly stuckAfterMs: number;
}

export type ButtonState =
  | { readonly kind: 'up' }
  /** `done`: what this press has brought about so far. */
  | { readonly kind: 'down'; readonly sinceMs: number; readonly done: 'nothing' | 'contained' | 'stuck' };

export const BUTTON_UP: ButtonState = { kind: 'up' };

export type ButtonAction = 'contain' | 'cut' | 'stuck';

export interface ButtonStep {
  readonly state: ButtonState;
  readonly action: ButtonAction | null;
}

/** `tick`: time has passed. On the steady clock. */
export function stepButton(
  state: ButtonState,
  event: KeyEvent | 'tick',
  nowMs: number,
  times: ButtonTimes,
): ButtonStep {
  if (state.kind === 'up')
    return event === 'down'
      ? { state: { kind: 'down', sinceMs: nowMs, done: 'nothing' }, action: null }
      : { state, action: null };
  const heldMs = nowMs - state.sinceMs;
  switch (event) {
    case 'down':
    case 'tick':
      return held(state, heldMs, times);
    case 'up':
      return letGo(state, heldMs, times);
    case 'lost':
      // It may have been let go and pressed again: a press counts from when it is seen.
      return { state: BUTTON_UP, action: null };
  }
}

function held(
  state: ButtonState & { readonly kind: 'down' },
  heldMs: number,
  times: ButtonTimes,
): ButtonStep {
  if (heldMs >= times.stuckAfterMs && state.done !== 'stuck')
    return { state: { ...state, done: 'stuck' }, action: 'stuck' };
  if (heldMs >= times.containsAfterMs && state.done === 'nothing')
    return { state: { ...state, done: 'contained' }, action: 'contain' };
  return { state, action: null };
}

/** Also when the moment passed unseen, because the process was busy. */
function letGo(
  { done }: ButtonState & { readonly kind: 'down' },
  heldMs: number,
  times: ButtonTimes,
): ButtonStep {
  const state = BUTTON_UP;
  if (done === 'stuck' || heldMs >= times.stuckAfterMs) return { state, action: null };
  if (heldMs >= times.cutsAfterMs) return { state, action: 'cut' };
  if (heldMs >= times.containsAfterMs && done === 'nothing') return { state, action: 'contain' };
  return { state, action: null };
}

/** When `tick` is due, or null. */
export function nextTickMs(state: ButtonState, times: ButtonTimes): number | null {
  if (state.kind === 'up' || state.done === 'stuck') return null;
  return state.sinceMs + (state.done === 'nothing' ? times.containsAfterMs : times.stuckAfterMs);
}
