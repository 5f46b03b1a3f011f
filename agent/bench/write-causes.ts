/**
 * What made a box write: each look blames what reached its disk since the last one on the files that changed last, and a database on the tables that were
 * written. What changes within seconds is one cause, as it shares the file system's journal. Used by disk-writes.ts.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { OwnDisk } from './own-disk.js';
import type { WalCommits } from './wal-commits.js';

const TOGETHER_MS = 10_000;

export interface Cause {
  /** Files and tables, joined by `+`. */
  readonly what: string;
  bytes: number;
  times: number;
}

interface Burst {
  readonly what: Set<string>;
  readonly beganMs: number;
  bytes: number;
}

export class WriteCauses {
  /** What reached the disk since the first look. */
  bytes = 0;
  readonly #dir: string;
  readonly #disk: OwnDisk;
  readonly #log: WalCommits;
  #files: ReadonlyMap<string, string>;
  #written: number;
  /** The first is what was under way before the first look. */
  readonly #bursts: Burst[] = [{ what: new Set(), beganMs: 0, bytes: 0 }];

  private constructor(dir: string, disk: OwnDisk, log: WalCommits, written: number) {
    this.#dir = dir;
    this.#disk = disk;
    this.#log = log;
    this.#written = written;
    this.#files = this.#read();
  }

  /** `log`: of the one database in `dir`, and looked at up to now. */
  static async start(dir: string, disk: OwnDisk, log: WalCommits): Promise<WriteCauses> {
    await disk.sync();
    return new WriteCauses(dir, disk, log, await disk.writtenBytes());
  }

  async look(nowMs: number): Promise<void> {
    const files = this.#read();
    const changed = [...files].flatMap(([path, state]) => (this.#files.get(path) === state ? [] : [path]));
    this.#files = files;
    const what = [
      ...changed.filter((path) => !path.startsWith('agent/agent.db')),
      ...this.#log.look().flatMap(({ tables }) => tables),
    ];
    const last = this.#bursts.at(-1);
    if (what.length > 0 && (last === undefined || nowMs - last.beganMs > TOGETHER_MS))
      this.#bursts.push({ what: new Set(what), beganMs: nowMs, bytes: 0 });
    else for (const each of what) last?.what.add(each);
    const written = await this.#disk.writtenBytes();
    const burst = this.#bursts.at(-1);
    if (burst !== undefined) burst.bytes += written - this.#written;
    this.bytes += written - this.#written;
    this.#written = written;
  }

  /** Dearest first. */
  causes(): readonly Cause[] {
    const causes = new Map<string, Cause>();
    for (const { what: names, bytes } of this.#bursts) {
      if (names.size === 0 && bytes === 0) continue;
      const what = names.size === 0 ? 'from before' : [...names].sort().join('+');
      const cause = causes.get(what) ?? { what, bytes: 0, times: 0 };
      cause.bytes += bytes;
      cause.times += 1;
      causes.set(what, cause);
    }
    return [...causes.values()].sort((a, b) => b.bytes - a.bytes);
  }

  #read(): ReadonlyMap<string, string> {
    return new Map(
      readdirSync(this.#dir, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
        const found = statSync(join(this.#dir, path), { throwIfNoEntry: false });
        return found?.isFile() === true ? [[path, `${found.ino} ${found.size} ${found.mtimeMs}`]] : [];
      }),
    );
  }
}
