/**
 * What the detectors of first meetings have in common: which packet is a meeting, what becomes familiar by it, and their findings, of which a
 * device has one for each kind and direction, to which further peers are added. Used by unfamiliar-peer.ts, unfamiliar-network.ts,
 * unfamiliar-service.ts and lateral-contact.ts.
 */
import type { AddressTable } from '../address-table.js';
import type { Subject } from '../detector.js';
import { EVENT_IP, UNKNOWN_DEVICE, VERDICT_ALLOWED, VERDICT_REFUSED, type DetectEvent } from '../event.js';
import type { Circle } from './familiar.js';
import type { Description, Opening } from '../finding-book.js';
import { looksLikeAnswer } from '../probes.js';
import type { DetectorName, DetectSettings } from '../settings.js';

const QUIET_MS = 3_600_000;
const DAY_MS = 86_400_000;

type Habits = Pick<DetectSettings['unfamiliarPeer'], 'learnSeconds' | 'action'>;

/** The first packet of something that passed, and that a named device opens or is asked for. Allocates nothing. */
export function isMeeting(addresses: AddressTable, event: DetectEvent): boolean {
  if (event.kind !== EVENT_IP || event.verdict === VERDICT_REFUSED || event.deviceId <= UNKNOWN_DEVICE)
    return false;
  return addresses.isHost(event.peer) && !looksLikeAnswer(event);
}

export function isLearning(circle: Circle, settings: Habits, nowMs: number): boolean {
  return nowMs - circle.sinceMs < settings.learnSeconds * 1000;
}

/** What will be refused does not become familiar: its next attempt would pass otherwise. */
export function staysUnfamiliar(event: DetectEvent, settings: Habits, learns: boolean): boolean {
  return settings.action === 'refuse' && !learns && event.verdict !== VERDICT_ALLOWED;
}

/** For evidence: a circle as it was when the finding was opened. */
export interface Past {
  readonly known: number;
  readonly sinceMs: number;
}

export function watchedDays({ sinceMs }: Past, ms: number): number {
  return Math.round((ms - sinceMs) / DAY_MS);
}

/** `surprise`: what may be one although an entry covers it; `deed`: what the device would be meant to do. */
export function unfamiliarRemedy(isCovered: boolean, surprise: string, deed: string): string {
  return isCovered
    ? `An approved entry covers it; nothing to do unless ${surprise} is a surprise. It is familiar from now on.`
    : `If the device is meant to ${deed}, add an allow entry; if not, set the device to enforce, or contain it. It is familiar from now on.`;
}

/** Whom a device met, which the next opening of the same finding takes over. */
interface Met {
  readonly peers: readonly string[];
}

export abstract class MeetingOpening<M extends Met> implements Opening {
  abstract readonly detector: DetectorName;
  readonly what: string;
  readonly subject: string;
  readonly device: string | null;
  readonly deviceMac: string | null;
  /** Null once there were several. */
  readonly peer: string | null;
  readonly quietMs = QUIET_MS;
  readonly firstMs: number;
  readonly count = 1;
  readonly met: M;
  readonly fromDevice: boolean;

  constructor(what: string, met: M, who: Subject, fromDevice: boolean, nowMs: number) {
    this.what = what;
    this.subject = who.text;
    this.device = who.device;
    this.deviceMac = who.mac;
    this.peer = met.peers.length === 1 ? (met.peers[0] ?? null) : null;
    this.firstMs = nowMs;
    this.met = met;
    this.fromDevice = fromDevice;
  }

  abstract describe(count: number, firstMs: number): Description;
}
