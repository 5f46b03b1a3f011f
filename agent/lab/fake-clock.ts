/** A wall clock that is set by a file, for processes of a test (libfaketime, Debian package faketime). Monotonic time stays true. */
import { readdir, writeFile } from 'node:fs/promises';
import { run } from './namespace.js';

/** As faketime(1) reads it: `+40d`, `@1970-01-01 00:00:10`; `+0` is the true time. */
export async function setFakeClock(file: string, text: string): Promise<void> {
  await writeFile(file, `${text}\n`);
}

/** For the processes that are to see the clock of `file`. Rejects where the library is missing. */
export async function fakeClockEnvironment(file: string): Promise<Readonly<Record<string, string>>> {
  return {
    LD_PRELOAD: await fakeTimeLibrary(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_CACHE_DURATION: '1',
  };
}

async function fakeTimeLibrary(): Promise<string> {
  for (const directory of await readdir('/usr/lib')) {
    const file = `/usr/lib/${directory}/faketime/libfaketimeMT.so.1`;
    if ((await run(['test', '-e', file])).code === 0) return file;
  }
  throw new Error('libfaketime is missing (Debian package faketime)');
}
