/** What port-scan.ts counts of each pair within one window, by slot of its fan-out; allocates nothing after it was made. Pure. */
import { EVENT_IP, VERDICT_REFUSED, type DetectEvent } from '../event.js';
import { FanOut } from '../fan-out.js';
import { isOddProbe, oddKind, PROBE_KINDS } from '../probes.js';

/** Distinct ports counted exactly for one pair; beyond it the finding says "at least". */
const MIN_PORTS_PER_PAIR = 2_048;

/** One window: its counts, and what is known of each group, by slot. */
export interface ScanWindow {
  readonly fanOut: FanOut;
  readonly threshold: number;
  readonly seconds: number;
  /** Only what was refused or failed counts. */
  readonly onlyFailed: boolean;
  /** Probes of each kind. */
  readonly kinds: Uint32Array;
  readonly refused: Uint32Array;
  /** Probes as no system sends them. */
  readonly odd: Uint32Array;
  /** Which odd ones, as bits. */
  readonly oddKinds: Uint32Array;
  /** Connections that were answered and shut at once, without a byte. */
  readonly knocks: Uint32Array;
  /** The port of the first and of the last of them, and whether one was on another port. */
  readonly firstKnocked: Uint16Array;
  readonly lastKnocked: Uint16Array;
  readonly knocksElsewhere: Uint8Array;
  /** A connection between the two carried data. */
  readonly hasTalked: Uint8Array;
  /** The range of ports that the probes left from. */
  readonly leastSrcPort: Uint16Array;
  readonly mostSrcPort: Uint16Array;
  /** Connections that were established and closed without data. */
  readonly connects: Uint32Array;
  /** Answered SYNs that the opener itself reset. */
  readonly halfOpen: Uint32Array;
}

export function createWindow(
  members: number,
  threshold: number,
  seconds: number,
  onlyFailed: boolean,
): ScanWindow {
  const membersPerGroup = Math.min(members / 4, Math.max(MIN_PORTS_PER_PAIR, threshold));
  return {
    fanOut: new FanOut(seconds * 1000, { members, membersPerGroup }),
    // A threshold that cannot be reached would switch the detector off unseen.
    threshold: Math.min(threshold, membersPerGroup),
    seconds,
    onlyFailed,
    kinds: new Uint32Array(members * PROBE_KINDS.length),
    refused: new Uint32Array(members),
    odd: new Uint32Array(members),
    oddKinds: new Uint32Array(members),
    knocks: new Uint32Array(members),
    firstKnocked: new Uint16Array(members),
    lastKnocked: new Uint16Array(members),
    knocksElsewhere: new Uint8Array(members),
    hasTalked: new Uint8Array(members),
    leastSrcPort: new Uint16Array(members),
    mostSrcPort: new Uint16Array(members),
    connects: new Uint32Array(members),
    halfOpen: new Uint32Array(members),
  };
}

/** A slot that was of another pair. */
export function resetGroup(window: ScanWindow, slot: number): void {
  const base = slot * PROBE_KINDS.length;
  for (let kind = 0; kind < PROBE_KINDS.length; kind++) window.kinds[base + kind] = 0;
  window.refused[slot] = 0;
  window.odd[slot] = 0;
  window.oddKinds[slot] = 0;
  window.knocks[slot] = window.firstKnocked[slot] = window.knocksElsewhere[slot] = window.hasTalked[slot] = 0;
  window.leastSrcPort[slot] = 65_535;
  window.mostSrcPort[slot] = 0;
  window.connects[slot] = 0;
  window.halfOpen[slot] = 0;
}

export function noteProbe(window: ScanWindow, slot: number, kind: number, event: DetectEvent): void {
  const at = slot * PROBE_KINDS.length + kind;
  window.kinds[at] = (window.kinds[at] ?? 0) + 1;
  if (event.verdict === VERDICT_REFUSED) window.refused[slot] = (window.refused[slot] ?? 0) + 1;
  if (event.kind !== EVENT_IP) return;
  if (isOddProbe(event)) {
    window.odd[slot] = (window.odd[slot] ?? 0) + 1;
    window.oddKinds[slot] = (window.oddKinds[slot] ?? 0) | (1 << oddKind(event));
  }
  if (event.srcPort < 0) return;
  if (event.srcPort < (window.leastSrcPort[slot] ?? 0)) window.leastSrcPort[slot] = event.srcPort;
  if (event.srcPort > (window.mostSrcPort[slot] ?? 0)) window.mostSrcPort[slot] = event.srcPort;
}
