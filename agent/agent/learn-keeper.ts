/**
 * The agent's part of learning: folds the enforcer's events into habits, keeps the book in memory and writes it down seldom. Used by main.ts and
 * requests.ts. What is new is written every ten minutes, what only grew once an hour, the time that was watched every half hour: who kills this process,
 * or cuts the power, takes so much of each at most. A habit comes again; coverage then claims less than it could.
 */
import { coverageOf, type Coverage } from '../learn/coverage.js';
import { habitKey, type Habit, type LearntDevice } from '../learn/habit.js';
import { HabitBook, type WhoSeen } from '../learn/habit-book.js';
import { WatchLog } from '../learn/watched.js';
import type { LearnDetail, LearnRow } from '../messages/agent-messages.js';
import type { EventMessage } from '../messages/enforcer-messages.js';
import type { ConnectionSummary, FlowEnd, NameLookup, StateChange } from '../messages/vocabulary.js';
import type { Store } from '../store/store.js';

/** As often as the statistics (recorder.ts). */
const NEWS_INTERVAL_MS = 600_000;
const GROWN_INTERVAL_MS = 3_600_000;
/** Half of the pause that ends a month of watching (learn/coverage.ts): a power cut and what it takes must stay under it. */
const WATCHED_INTERVAL_MS = 1_800_000;
/** A restart of the agent: the enforcer's ends of connections tell of what began meanwhile. */
const WATCH_JOIN_MS = 180_000;
/** As many as the store holds. */
const MAX_FINDINGS = 20_000;

export interface LearnKeeperOptions {
  readonly store: Store;
  readonly nowMs: () => number;
  /** Local time minus UTC, in minutes: hours of the week are those of the ward. */
  readonly offsetMinutes: (atMs: number) => number;
  /** The enforcer is there and tells of everything. */
  readonly isWatching: () => boolean;
  readonly onWriteError: (error: unknown) => void;
}

export class LearnKeeper {
  readonly book = new HabitBook();
  readonly #options: LearnKeeperOptions;
  readonly #watched: WatchLog;
  /** On disk, with whatever counts. */
  readonly #written = new WeakSet<Habit>();
  #waiting = new Map<string, { device: LearntDevice; habits: Map<string, Habit> }>();
  #goneDevices: string[] = [];
  #goneHabits: { readonly device: string; readonly habit: Habit }[] = [];
  #newsWrittenMs: number;
  #grownWrittenMs: number;
  #watchedWrittenMs: number;

  constructor(options: LearnKeeperOptions) {
    this.#options = options;
    const { store, nowMs } = options;
    this.#newsWrittenMs = this.#grownWrittenMs = this.#watchedWrittenMs = nowMs();
    this.#watched = new WatchLog(WATCH_JOIN_MS, store.habits.watched());
    for (const { device, habits } of store.habits.load()) {
      this.book.restore(device, habits);
      for (const one of this.book.habits(device.key)) this.#written.add(one);
    }
    this.book.takeChanges();
  }

  take(event: EventMessage): void {
    switch (event.event) {
      case 'connections':
        for (const item of event.items) if (isOfDevice(item)) this.book.meet(whoOf(item), item.lastMs);
        for (const item of event.items) this.#connection(item);
        return;
      case 'flowEnds':
        for (const item of event.items) this.#end(item);
        return;
      case 'lookups':
        for (const item of event.items) this.#lookup(item);
        return;
      case 'state':
        if (event.items.some(({ kind }) => CHANGES_OF_POLICY.has(kind))) this.book.policyChanged();
        return;
      default:
        return;
    }
  }

  /** Call once a second or so. */
  tick(): void {
    const now = this.#options.nowMs();
    if (this.#options.isWatching()) this.#watched.see(now);
    if (now - this.#newsWrittenMs >= NEWS_INTERVAL_MS)
      this.#write(now - this.#grownWrittenMs >= GROWN_INTERVAL_MS);
  }

  /** For a process that stops. */
  finish(): void {
    this.#write(true);
  }

  /** The ones heard last first. */
  rows(): LearnRow[] {
    return this.book.devices().map((device) => ({ device, coverage: this.#coverage(device) }));
  }

  show(key: string): LearnDetail | null {
    const device = this.book.find(key);
    if (device === null) return null;
    const habits = this.book.habits(device.key);
    const peers = new Set(habits.map(({ peer }) => peer));
    const { rows } = this.#options.store.findings.list(MAX_FINDINGS, null, null);
    return {
      device,
      coverage: this.#coverage(device),
      habits: [...habits],
      findings: rows.filter(
        (finding) =>
          finding.device === device.key ||
          (device.mac !== null && finding.deviceMac === device.mac) ||
          (finding.device === null && finding.deviceMac === null && peers.has(finding.peer ?? '')),
      ),
      others: this.book.devices().flatMap(({ key: other, addresses }) => {
        const met = other === device.key ? [] : addresses.filter((address) => peers.has(address));
        return met.length === 0 ? [] : [{ device: other, addresses: met }];
      }),
    };
  }

  counters(): Record<string, number> {
    return { ...this.book.counters };
  }

  #coverage(device: LearntDevice): Coverage {
    const now = this.#options.nowMs();
    const stretches = this.#watched.stretches();
    return coverageOf(device, this.book.habits(device.key), stretches, now, this.#options.offsetMinutes(now));
  }

  #connection(item: ConnectionSummary): void {
    // Refused: it is no habit. Without an address: not IP.
    if (item.refused !== null || item.peer === null || item.protocol === null || !isOfDevice(item)) return;
    this.book.connection({
      ...whoOf(item),
      direction: item.from === 'device' ? 'out' : 'in',
      peer: item.peer,
      protocol: item.protocol,
      port: item.port,
      count: item.count,
      isMidstream: item.isMidstream === true,
      isUnlisted: item.wouldRefuse,
      firstMs: item.firstMs,
      lastMs: item.lastMs,
    });
  }

  #lookup({ device, name, addresses, resolver, lastMs }: NameLookup): void {
    if (device === null || addresses.length === 0) return;
    this.book.lookup({ device, mac: null, address: null }, { name, addresses, resolver }, lastMs);
  }

  #end(item: FlowEnd): void {
    const { device, deviceAddress, from, peer, protocol, port, flows, lastMs } = item;
    const { bytesOut, bytesIn, packetsOut, packetsIn } = item;
    const direction = from === 'device' ? 'out' : 'in';
    const who = { device, mac: null, address: deviceAddress };
    this.book.end({
      ...who,
      ...{ direction, peer, protocol, port, ended: flows, bytesOut, bytesIn, packetsOut, packetsIn, lastMs },
    });
  }

  #write(withGrown: boolean): void {
    const { store, nowMs, onWriteError } = this.#options;
    // One time for all three, or a longer one would be found short by the time that a write takes, and wait for the next write.
    const now = nowMs();
    this.#gather();
    this.#newsWrittenMs = now;
    const due = [...this.#waiting.values()].map(({ device, habits }) => ({
      device,
      habits: [...habits.values()].filter((one) => withGrown || !this.#written.has(one)),
    }));
    const isNews =
      this.#goneDevices.length + this.#goneHabits.length > 0 || due.some(({ habits }) => habits.length > 0);
    const isWatchedDue = now - this.#watchedWrittenMs >= WATCHED_INTERVAL_MS;
    if (!isNews && !withGrown && !isWatchedDue) return;
    try {
      store.transaction(() => {
        for (const key of this.#goneDevices) store.habits.removeDevice(key);
        for (const { device, habit } of this.#goneHabits) store.habits.remove(device, habit);
        for (const { device, habits } of due) {
          if (habits.length > 0 || withGrown) store.habits.putDevice(device);
          for (const one of habits) store.habits.put(device.key, one);
        }
        store.habits.putWatched(this.#watched.stretches());
      });
    } catch (error) {
      onWriteError(error);
      return;
    }
    this.#watchedWrittenMs = now;
    this.#goneDevices = [];
    this.#goneHabits = [];
    for (const { habits } of due) for (const one of habits) this.#written.add(one);
    if (!withGrown) return;
    this.#waiting = new Map();
    this.#grownWrittenMs = now;
  }

  #gather(): void {
    const { devices, goneDevices, goneHabits } = this.book.takeChanges();
    this.#goneDevices.push(...goneDevices);
    this.#goneHabits.push(...goneHabits);
    for (const key of goneDevices) this.#waiting.delete(key);
    for (const { device, habit } of goneHabits) this.#waiting.get(device)?.habits.delete(habitKey(habit));
    for (const { device, habits } of devices) {
      const waiting = this.#waiting.get(device.key)?.habits ?? new Map<string, Habit>();
      for (const one of habits) waiting.set(habitKey(one), one);
      this.#waiting.set(device.key, { device, habits: waiting });
    }
  }
}

const CHANGES_OF_POLICY: ReadonlySet<StateChange['kind']> = new Set(['policy-applied', 'policy-rolled-back']);

/** A frame of layer 2 that names nobody is no connection of a device. */
function isOfDevice(item: ConnectionSummary): boolean {
  return item.device !== null || item.deviceMac !== null || item.deviceAddress !== null;
}

function whoOf(item: ConnectionSummary): WhoSeen {
  return { device: item.device, mac: item.deviceMac, address: item.deviceAddress };
}
