/**
 * Writes the activity log: appended, chained, synced to the disk before `record` returns. Files of their own and not a table, so that it outlives a
 * database that has to be set aside. Used by the agent alone. Must never throw once it is open, and never rewrite a line: entries that the disk refuses wait,
 * bounded, and what did not fit is recorded as lost.
 *
 * After a power cut the bytes behind the last line feed are a line that was never acknowledged: they are cut off and that is recorded, with their hash. A
 * whole line that does not fit is damage: it stays as it is, a new segment goes on from it, and that is recorded too.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { NO_HEAD, readEntry, seal, type Head, type NewActivity } from '../activity/entry.js';
import { DAY_MS, isSegmentDone, segmentToDrop, type SegmentFacts } from '../activity/retention.js';
import { listSegments, readLastEntry, readSegment, segmentName, sha256 } from './activity-segments.js';

/** Entries that wait for a disk that refuses; past it the newest are lost, counted, and recorded as lost. */
const MAX_WAITING = 2_000;
/** After a start: a box without a clock of its own has asked for the time by then. */
const FIRST_DROP_MS = 3_600_000;
const BY_THE_LOG = 'activity log';

export interface ActivityLogOptions {
  readonly directory: string;
  readonly keepDays: number;
  readonly nowMs: () => number;
  /** A clock that nobody sets; performance.now() when left out. */
  readonly monotonicMs?: () => number;
  /** The disk refused. Told every time; the caller limits what it logs. */
  readonly onWriteError: (error: unknown) => void;
}

interface Segment {
  readonly number: number;
  readonly file: number;
  readonly begunMs: number;
  sizeBytes: number;
}

export class ActivityLog {
  readonly #options: ActivityLogOptions;
  #segment: Segment | null = null;
  #old: SegmentFacts[] = [];
  #head: Head = NO_HEAD;
  #lastMs = 0;
  #waiting: NewActivity[] = [];
  #lost = 0;
  #lostUntold = 0;
  #mayDropAtMs = Infinity;
  #isOpen = false;
  readonly #counters = {
    activityWritesFailed: 0,
    activityLost: 0,
    activityDroppedEarly: 0,
    activityTornTails: 0,
  };

  constructor(options: ActivityLogOptions) {
    this.#options = options;
  }

  /** Two that write would break the chain: call it once it is certain that no other agent runs. What was recorded before waits for it. */
  open(): void {
    this.#isOpen = true;
    this.#mayDropAtMs = this.#monotonicMs() + FIRST_DROP_MS;
    this.#write();
  }

  /** Returns once they are on the disk, or wait for it. */
  record(items: readonly NewActivity[]): void {
    const room = MAX_WAITING - this.#waiting.length;
    this.#waiting.push(...items.slice(0, Math.max(0, room)));
    const excess = Math.max(0, items.length - Math.max(0, room));
    this.#lost += excess;
    this.#lostUntold += excess;
    this.#counters.activityLost = this.#lost;
    this.#write();
  }

  /** Call once a second or so: tries again what waits, and lets go what is older than it has to be. */
  tick(): void {
    if (this.#waiting.length > 0 || this.#segment === null) this.#write();
    this.#retain();
  }

  get head(): Head {
    return this.#head;
  }

  /** When the last entry was written; 0 where there is none. */
  get lastMs(): number {
    return this.#lastMs;
  }

  get sizeBytes(): number {
    return this.#old.reduce((sum, one) => sum + one.sizeBytes, this.#segment?.sizeBytes ?? 0);
  }

  get segments(): number {
    return this.#old.length + (this.#segment === null ? 0 : 1);
  }

  /** Everything that is not as it should be, by counter name. */
  counters(): Record<string, number> {
    return { ...this.#counters, activityWaiting: this.#waiting.length };
  }

  /** Safe twice. */
  close(): void {
    if (this.#waiting.length > 0) this.#write();
    this.#isOpen = false;
    if (this.#segment !== null) closeSync(this.#segment.file);
    this.#segment = null;
  }

  #write(): void {
    if (!this.#isOpen) return;
    try {
      this.#segment ??= this.#open();
      if (isSegmentDone(this.#segment.sizeBytes, this.#segment.begunMs, this.#options.nowMs()))
        this.#rotate(null);
      if (this.#lostUntold > 0) {
        const detail = `${this.#lostUntold} entries did not fit while the disk refused writes`;
        this.#append([this.#ownEntry('entries-lost', detail)]);
        this.#lostUntold = 0;
      }
      this.#append(this.#waiting);
      this.#waiting = [];
    } catch (error) {
      this.#counters.activityWritesFailed += 1;
      this.#options.onWriteError(error);
    }
  }

  /** All of them with one sync, or none. */
  #append(items: readonly NewActivity[]): void {
    const segment = this.#segment;
    if (segment === null || items.length === 0) return;
    let head = this.#head;
    const notedMs = this.#options.nowMs();
    const lines = items.map((item) => {
      const { entry, line } = seal(item, head, notedMs, sha256);
      head = { seq: entry.seq, hash: entry.hash };
      return `${line}\n`;
    });
    const bytes = Buffer.from(lines.join(''));
    try {
      writeWhole(segment.file, bytes);
      fdatasyncSync(segment.file);
    } catch (error) {
      this.#takeBack(segment);
      throw error;
    }
    segment.sizeBytes += bytes.length;
    this.#head = head;
    this.#lastMs = notedMs;
  }

  /** Half a line must not stand before the next one. Where even this fails, opening anew repairs it. */
  #takeBack(segment: Segment): void {
    try {
      ftruncateSync(segment.file, segment.sizeBytes);
    } catch {
      closeSync(segment.file);
      this.#segment = null;
    }
  }

  #open(): Segment {
    const { directory } = this.#options;
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    const files = listSegments(directory);
    const last = files.at(-1);
    this.#old = files.slice(0, -1).map(({ number, path }) => {
      const { entry, sizeBytes } = readLastEntry(path);
      return { number, sizeBytes, lastMs: entry === null ? this.#options.nowMs() : Date.parse(entry.noted) };
    });
    if (last === undefined) return this.#begin(1, 'log-begun', 'the first entry');
    return this.#resume(last.number, last.path, files.at(-2)?.path ?? null);
  }

  #resume(number: number, path: string, pathBefore: string | null): Segment {
    const { lines, torn, sizeBytes } = readSegment(path);
    const file = openSync(path, 'a', 0o640);
    const wholeBytes = sizeBytes - torn.length;
    if (torn.length > 0) {
      ftruncateSync(file, wholeBytes);
      fsyncSync(file);
    }
    const entries = lines.map((line) => readEntry(line, sha256));
    const lastStated = entries.findLast(({ entry }) => entry !== null)?.entry ?? null;
    const lastBefore = lastStated ?? (pathBefore === null ? null : readLastEntry(pathBefore).entry);
    this.#head = lastBefore === null ? NO_HEAD : { seq: lastBefore.seq, hash: lastBefore.hash };
    this.#lastMs = lastBefore === null ? 0 : Date.parse(lastBefore.noted);
    const begunMs =
      lastStated === null ? this.#options.nowMs() : Date.parse(entries[0]?.entry?.noted ?? lastStated.noted);
    const segment: Segment = { number, file, sizeBytes: wholeBytes, begunMs };
    this.#segment = segment;
    if (torn.length > 0) {
      this.#counters.activityTornTails += 1;
      const detail = `${torn.length} bytes behind the last whole line were cut off (SHA-256 ${sha256(torn.toString('latin1'))})`;
      this.#append([this.#ownEntry('tail-repaired', detail, segmentName(number))]);
    }
    const bad = entries.findIndex(({ ok }) => !ok);
    if (bad >= 0 && entries.at(-1)?.ok === false)
      this.#rotate(
        this.#ownEntry('damage-found', `line ${bad + 1} is not what was written`, segmentName(number)),
      );
    return this.#segment;
  }

  #rotate(reason: NewActivity | null): void {
    const before = this.#segment;
    if (before === null) return;
    const next = this.#begin(
      before.number + 1,
      'segment-begun',
      `goes on from ${segmentName(before.number)}`,
    );
    closeSync(before.file);
    this.#old.push({ number: before.number, sizeBytes: before.sizeBytes, lastMs: this.#lastMs });
    this.#segment = next;
    if (reason !== null) this.#append([reason]);
  }

  /** The first line carries the hash of the last one of the segment before. */
  #begin(number: number, what: string, detail: string): Segment {
    const path = join(this.#options.directory, segmentName(number));
    const nowMs = this.#options.nowMs();
    const { entry, line } = seal(
      this.#ownEntry(what, detail, segmentName(number)),
      this.#head,
      nowMs,
      sha256,
    );
    const bytes = Buffer.from(`${line}\n`);
    const file = openSync(path, 'ax', 0o640);
    try {
      writeWhole(file, bytes);
      fsyncSync(file);
    } catch (error) {
      closeSync(file);
      rmSync(path, { force: true });
      throw error;
    }
    syncDirectory(this.#options.directory);
    this.#head = { seq: entry.seq, hash: entry.hash };
    this.#lastMs = nowMs;
    return { number, file, begunMs: nowMs, sizeBytes: bytes.length };
  }

  /** The record that a segment goes is on the disk before it goes. */
  #retain(): void {
    const { segment, nowMs } = { segment: this.#segment, nowMs: this.#options.nowMs() };
    if (segment === null || this.#waiting.length > 0) return;
    const all = [
      ...this.#old,
      { number: segment.number, sizeBytes: segment.sizeBytes, lastMs: this.#lastMs },
    ];
    const drop = segmentToDrop(all, this.#options.keepDays, nowMs, this.#monotonicMs() >= this.#mayDropAtMs);
    if (drop === null) return;
    const path = join(this.#options.directory, segmentName(drop.number));
    try {
      const { entry } = readLastEntry(path);
      const why =
        drop.why === 'old'
          ? `older than ${this.#options.keepDays} days`
          : 'before its time: the log had no room left';
      const upTo = entry === null ? 'its last entry cannot be read' : `entries up to ${entry.seq}`;
      const refers = entry === null ? {} : { refers: { seq: entry.seq, hash: entry.hash } };
      this.#append([
        { ...this.#ownEntry('segment-dropped', `${upTo}: ${why}`, segmentName(drop.number)), ...refers },
      ]);
      rmSync(path, { force: true });
    } catch (error) {
      this.#counters.activityWritesFailed += 1;
      this.#options.onWriteError(error);
      return;
    }
    this.#old = this.#old.filter(({ number }) => number !== drop.number);
    if (drop.why === 'old') this.#mayDropAtMs = this.#monotonicMs() + DAY_MS;
    else this.#counters.activityDroppedEarly += 1;
  }

  #monotonicMs(): number {
    return (this.#options.monotonicMs ?? (() => performance.now()))();
  }

  #ownEntry(what: string, detail: string, object = ''): NewActivity {
    return { atMs: this.#options.nowMs(), who: BY_THE_LOG, what, object, detail };
  }
}

function writeWhole(file: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
