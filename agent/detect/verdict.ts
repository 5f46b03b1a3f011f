/**
 * What becomes of a held first packet, given the findings that it belongs to and what the policy lets each detector do.
 * Called by the enforcer for every held packet: allocates nothing. A verdict is a value with its reason. Pure.
 */
import { VERDICT_ALLOWED, type DetectEvent } from './event.js';
import { detectSettings, type DetectorName, type DetectSettings } from './settings.js';

type Action = DetectSettings[DetectorName]['action'];

export type Verdict =
  | { readonly verdict: 'pass' }
  | { readonly verdict: 'refuse'; readonly reason: 'detector'; readonly detector: DetectorName };

const NAMES = Object.keys(detectSettings.shape) as readonly DetectorName[];
const BITS: ReadonlyMap<DetectorName, number> = new Map(NAMES.map((name, index) => [name, 1 << index]));
export const PASS: Verdict = { verdict: 'pass' };
const REFUSALS = NAMES.map((detector): Verdict => ({ verdict: 'refuse', reason: 'detector', detector }));

/** Sets of detectors are bits of one number. */
export function detectorBit(name: DetectorName): number {
  return BITS.get(name) ?? 0;
}

/** Told of what an approved entry covers too, for information. */
const UNFAMILIAR =
  detectorBit('unfamiliarPeer') | detectorBit('unfamiliarService') | detectorBit('unfamiliarNetwork');

/** Which detectors have this action. */
export function detectorsThat(action: Action, settings: DetectSettings): number {
  return NAMES.reduce(
    (bits, name) => (settings[name].action === action ? bits | detectorBit(name) : bits),
    0,
  );
}

/**
 * `touched`: the detectors whose open findings this event opened or added to. An essential entry is never refused, nor is
 * what an approved entry names refused for being new: both would be a detector against a person's decision.
 */
export function verdictOf(
  event: Readonly<DetectEvent>,
  touched: number,
  refusing: number,
  isEssential: boolean,
): Verdict {
  let deciding = touched & refusing;
  if (event.verdict === VERDICT_ALLOWED) deciding &= ~UNFAMILIAR;
  if (deciding === 0 || isEssential) return PASS;
  return REFUSALS[31 - Math.clz32(deciding & -deciding)] ?? PASS;
}
