/**
 * The one shape of a detector, and what it is given. A detector is fed every event, keeps numbers in bounded memory, and
 * opens or touches findings in the book; it never tells anyone itself (the book decides when), reads no clock and logs nothing.
 */
import { formatMac } from '../packet/format.js';
import type { AddressTable } from './address-table.js';
import { UNKNOWN_DEVICE, type DetectEvent } from './event.js';
import type { FindingBook } from './finding-book.js';
import type { Memory } from './memory.js';
import type { DetectorName } from './settings.js';

/** How people know a device; both null for one that is not known. */
export interface DeviceLabel {
  readonly name: string | null;
  readonly mac: string | null;
}

export interface DetectContext {
  readonly addresses: AddressTable;
  /** Cold path: called when a finding is opened. */
  readonly describe: (deviceId: number) => DeviceLabel;
  /** Cold path: the number of a device by its name, 0 for one that is not known. Needed where memories are given back. */
  readonly idOf?: (device: string) => number;
  readonly book: FindingBook;
}

export interface Detector {
  readonly name: DetectorName;
  /** The kinds of events that it looks at (SEES_… of event.ts): it is called for no others. */
  readonly kinds: number;
  observe(event: DetectEvent, nowMs: number): void;
  /** About once a second, so that memory is given back without traffic too. A detector without it has nothing to do then. */
  tick?(nowMs: number): void;
  /**
   * Before this time `tick` tells nothing and may be left out, but for one before the next event: a replay skips idle time so. Without it
   * `tick` never tells anything.
   */
  dueMs?(): number;
  /** Memories that changed since they were last taken, for the agent's store; or all, and then none counts as taken. Cold path. */
  memories?(isAll: boolean): Iterable<Memory>;
  /** Gives back one of them, into what is not known better by now. Cold path. */
  restore?(memory: Memory, nowMs: number): void;
  /** What was not kept, by name. */
  counters(): Readonly<Record<string, number>>;
}

/** Examples of ports, hosts or addresses that a finding lists. */
export const MAX_EXAMPLES = 16;

/** Cold path. Each once, while there is room. */
export function addExample(list: string[], text: string): void {
  if (list.length < MAX_EXAMPLES && !list.includes(text)) list.push(text);
}

/** For titles: the only one, or how many there are. Cold path. */
export function oneOrCount(list: readonly string[], noun: string): string {
  return list.length === 1 ? (list[0] ?? '') : `${list.length} ${noun}`;
}

/** Who an event is about, in words: for keys, titles and the finding's columns. */
export interface Subject {
  /** Policy name, else MAC, else the address on the device side. */
  readonly text: string;
  readonly device: string | null;
  readonly mac: string | null;
}

/** Cold path. An unknown device is known by the MAC of its own frames, or by the address that was asked for. */
export function describeSubject(context: DetectContext, event: DetectEvent): Subject {
  const isKnown = event.deviceId > UNKNOWN_DEVICE;
  const label = isKnown ? context.describe(event.deviceId) : { name: null, mac: null };
  const frameMac = event.fromDevice && event.macHigh >= 0 ? formatMac(event.macHigh, event.macLow) : null;
  const mac = label.mac ?? frameMac;
  const text = label.name ?? mac ?? context.addresses.text(event.local) ?? 'unknown device';
  return { text, device: label.name, mac };
}

/** Text of a ticket, or the words for an address that made room for others. */
export function addressOr(context: DetectContext, ticket: number, otherwise = 'an address not kept'): string {
  return context.addresses.text(ticket) ?? otherwise;
}

/** Events per second over a span, to one decimal; a span under a second counts as one. */
export function ratePerSecond(count: number, firstMs: number, lastMs: number): number {
  return Math.round((count / Math.max(1, (lastMs - firstMs) / 1000)) * 10) / 10;
}

/** `60 s`, `24 h`. */
export function spanText(seconds: number): string {
  if (seconds < 7200) return `${seconds} s`;
  return `${Math.round(seconds / 3600)} h`;
}
