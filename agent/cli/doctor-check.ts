/** What one check of `cordon doctor` says. Made by the doctor-*.ts files, printed by doctor.ts. */

export type Outcome = 'ok' | 'warn' | 'fail';

export interface Check {
  /** Stable, for programs: `kernel.nflog`. */
  readonly id: string;
  readonly outcome: Outcome;
  /** What was found, or why it matters that it was not. */
  readonly reason: string;
  /** What to do; null where there is nothing to do. */
  readonly remedy: string | null;
}

export function ok(id: string, reason: string): Check {
  return { id, outcome: 'ok', reason, remedy: null };
}

/** It runs, but less well than it should, or it could not be found out. */
export function warn(id: string, reason: string, remedy: string): Check {
  return { id, outcome: 'warn', reason, remedy };
}

/** Cordon cannot do its work so. */
export function fail(id: string, reason: string, remedy: string): Check {
  return { id, outcome: 'fail', reason, remedy };
}
