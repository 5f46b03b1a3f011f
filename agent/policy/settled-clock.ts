/**
 * A wall clock that may be believed: it has run for a while without a jump. A box without a battery starts in the past and is set
 * when a time server answers; a wrong one may set it anywhere, and is mostly put right soon. Pure; asked by
 * enforcer/exception-keeper.ts, which looks at both clocks.
 */

/** What time servers slew is far below; whoever moves it by less at each look gains nothing worth having. */
export const JUMP_MS = 60_000;

export interface ClockState {
  /** Wall minus steady clock, when last looked at. */
  readonly offsetMs: number;
  /** On the steady clock: since the start, or since the last jump. */
  readonly sinceMs: number;
}

export interface Clocks {
  readonly wallMs: number;
  readonly steadyMs: number;
}

/** `before` null: the first look. `jumpedMs`: how far the wall clock was moved since the last one, or null. */
export function lookAtClocks(
  before: ClockState | null,
  { wallMs, steadyMs }: Clocks,
): { readonly state: ClockState; readonly jumpedMs: number | null } {
  const offsetMs = wallMs - steadyMs;
  if (before === null) return { state: { offsetMs, sinceMs: steadyMs }, jumpedMs: null };
  const movedMs = offsetMs - before.offsetMs;
  if (Math.abs(movedMs) < JUMP_MS) return { state: { offsetMs, sinceMs: before.sinceMs }, jumpedMs: null };
  return { state: { offsetMs, sinceMs: steadyMs }, jumpedMs: movedMs };
}

/** The wall clock, or null while it is not to be believed. */
export function settledWallMs(
  state: ClockState | null,
  { wallMs, steadyMs }: Clocks,
  settlesAfterMs: number,
): number | null {
  if (state === null || Math.abs(wallMs - steadyMs - state.offsetMs) >= JUMP_MS) return null;
  return steadyMs - state.sinceMs >= settlesAfterMs ? wallMs : null;
}
