/** Habits, devices and findings for the tests of this room, as short as a table row. */
import { habitKey, type Habit, type LearntDevice } from '../../../agent/learn/habit.js';
import type { HabitBook } from '../../../agent/learn/habit-book.js';
import { type SeenConnection } from '../../../agent/learn/habit-book.js';
import type { Finding } from '../../../agent/messages/vocabulary.js';

export const DAY_MS = 86_400_000;
/** Monday 2026-10-05 00:00 UTC. */
export const MONDAY_MS = Date.UTC(2026, 9, 5);

export function habitOf(text: string, more: Partial<Habit> = {}): Habit {
  const match = /^(out|in) (\d+)(?:\/(\d+))? (\S+)$/.exec(text);
  if (!match) throw new Error(`not a habit: ${text}`);
  const [, direction, protocol, port, peer = ''] = match;
  return {
    direction: direction === 'in' ? 'in' : 'out',
    peer,
    protocol: Number(protocol),
    port: port === undefined ? null : Number(port),
    firstMs: MONDAY_MS,
    lastMs: MONDAY_MS + 5 * DAY_MS,
    count: 10,
    days: 5,
    midstream: 0,
    unlisted: 0,
    unlistedMs: 0,
    ended: 10,
    bytesOut: 1_000,
    bytesIn: 2_000,
    packetsOut: 100,
    packetsIn: 100,
    names: [],
    ...more,
  };
}

export const pump: LearntDevice = {
  key: 'pump-1',
  mac: '02:00:00:00:00:0a',
  addresses: ['10.77.0.10', 'fd77::10'],
  resolvers: ['10.77.0.53'],
  sinceMs: MONDAY_MS,
  lastMs: MONDAY_MS + 5 * DAY_MS,
  forgotten: 0,
};

export function findingOf(more: Partial<Finding>): Finding {
  return {
    key: 'portScan:pump-1:x',
    detector: 'portScan',
    device: 'pump-1',
    deviceMac: null,
    peer: null,
    severity: 'high',
    state: 'closed',
    title: 'a scan',
    evidence: {},
    remedy: 'none',
    firstMs: MONDAY_MS + DAY_MS,
    lastMs: MONDAY_MS + DAY_MS + 60_000,
    count: 1,
    ...more,
  };
}

export function connectionOf(
  text: string,
  atMs = MONDAY_MS,
  more: Partial<SeenConnection> = {},
): SeenConnection {
  const { direction, peer, protocol, port } = habitOf(text);
  return {
    ...{ device: 'pump-1', mac: null, address: '10.77.0.10', direction, peer, protocol, port },
    ...{ count: 1, isMidstream: false, isUnlisted: false, firstMs: atMs, lastMs: atMs, ...more },
  };
}

/** `out 10.77.0.1 6 104: 3`, in order of use. */
export function told(book: HabitBook, device: string): readonly string[] {
  return book.habits(device).map((one) => `${habitKey(one)}: ${one.count}`);
}
