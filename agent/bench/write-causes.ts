/**
 * What made processes write: the kernel counts bytes by process, not by file, so each look blames what a process wrote since the last one on the files of
 * the box's state that changed meanwhile. Used by disk-writes.ts.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Running } from '../lab/namespace.js';

export interface Cause {
  /** Files that changed at the same look, joined by `+`. */
  readonly files: string;
  bytes: number;
  times: number;
}

export class WriteCauses {
  /** Bytes, by process. */
  readonly total: Record<string, number> = {};
  readonly #dir: string;
  readonly #processes: Readonly<Record<string, Running>>;
  readonly #written: Record<string, number> = {};
  readonly #causes = new Map<string, Cause>();
  #files: ReadonlyMap<string, string>;

  constructor(dir: string, processes: Readonly<Record<string, Running>>) {
    this.#dir = dir;
    this.#processes = processes;
    this.#files = this.#read();
    for (const [name, process] of Object.entries(processes)) this.#written[name] = writtenBytes(process);
  }

  look(): void {
    const files = this.#read();
    for (const [name, process] of Object.entries(this.#processes)) {
      const now = writtenBytes(process);
      const bytes = now - (this.#written[name] ?? now);
      this.#written[name] = now;
      if (bytes === 0) continue;
      this.total[name] = (this.total[name] ?? 0) + bytes;
      const changed = [...files].flatMap(([path, state]) =>
        path.startsWith(`${name}/`) && this.#files.get(path) !== state ? [path] : [],
      );
      const what = changed.length === 0 ? `${name}/?` : changed.sort().join('+');
      const cause = this.#causes.get(what) ?? { files: what, bytes: 0, times: 0 };
      cause.bytes += bytes;
      cause.times += 1;
      this.#causes.set(what, cause);
    }
    this.#files = files;
  }

  /** Dearest first. */
  causes(): readonly Cause[] {
    return [...this.#causes.values()].sort((a, b) => b.bytes - a.bytes);
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

/** Pages made dirty on a file system that has a disk. */
export function writtenBytes({ pid }: Pick<Running, 'pid'>): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
