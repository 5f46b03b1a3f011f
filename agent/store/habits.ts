/**
 * What was learnt of devices: their habits, and when the box watched. Used through store.ts by agent/learn-keeper.ts, which bounds the rows and writes
 * seldom: the disk is an SD card.
 */
import type Database from 'better-sqlite3';
import { habit, habitKey, learntDevice, type Habit, type LearntDevice } from '../learn/habit.js';
import type { Stretch } from '../learn/watched.js';

export interface LearntRows {
  readonly device: LearntDevice;
  /** Latest used first, so that a book with less room keeps those. */
  readonly habits: Habit[];
}

export class HabitTable {
  /** Rows that could not be read back. */
  dropped = 0;
  readonly #db: Database.Database;

  constructor(db: Database.Database) {
    this.#db = db;
  }

  putDevice(device: LearntDevice): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO learnt_devices (key, body) VALUES (?, ?)')
      .run(device.key, JSON.stringify(device));
  }

  put(device: string, one: Habit): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO habits (device, key, body) VALUES (?, ?, ?)')
      .run(device, habitKey(one), JSON.stringify(one));
  }

  remove(device: string, one: Habit): void {
    this.#db.prepare('DELETE FROM habits WHERE device = ? AND key = ?').run(device, habitKey(one));
  }

  removeDevice(device: string): void {
    this.#db.prepare('DELETE FROM habits WHERE device = ?').run(device);
    this.#db.prepare('DELETE FROM learnt_devices WHERE key = ?').run(device);
  }

  putWatched(stretches: readonly Stretch[]): void {
    this.#db.prepare('DELETE FROM watched').run();
    const insert = this.#db.prepare('INSERT OR REPLACE INTO watched (from_ms, to_ms) VALUES (?, ?)');
    for (const { fromMs, toMs } of stretches) insert.run(fromMs, toMs);
  }

  watched(): Stretch[] {
    return this.#db
      .prepare<[], Stretch>('SELECT from_ms AS fromMs, to_ms AS toMs FROM watched ORDER BY from_ms')
      .all();
  }

  /** One device after another, so that all of them are never parsed at once. */
  *load(): Generator<LearntRows> {
    const devices = this.#db.prepare<[], string>('SELECT body FROM learnt_devices').pluck().all();
    const rows = this.#db.prepare<[string], string>('SELECT body FROM habits WHERE device = ?').pluck();
    for (const body of devices) {
      const device = learntDevice.safeParse(parseJson(body));
      if (!device.success) {
        this.dropped += 1;
        continue;
      }
      const habits = rows.all(device.data.key).flatMap((text) => {
        const read = habit.safeParse(parseJson(text));
        if (!read.success) this.dropped += 1;
        return read.data ?? [];
      });
      yield { device: device.data, habits: habits.sort((a, b) => b.lastMs - a.lastMs) };
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
