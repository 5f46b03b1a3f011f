/**
 * The IEEE's registry of MAC prefixes from disk, as the package oui-data brings it. Called once at a start, by the agent and by commands that read a
 * capture. A box without the package has the makers of makers.ts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ownMakers, registeredMakers, type MakerTable } from '../inventory/makers.js';

export function loadMakers(): MakerTable {
  try {
    const file = createRequire(import.meta.url).resolve('oui-data');
    const makers = registeredMakers(entriesOf(readFileSync(file)));
    return makers.size > ownMakers().size ? makers : ownMakers();
  } catch {
    return ownMakers();
  }
}

/** Line by line, as the file is laid out: all of it parsed at once is 30 MB for a moment, which the process would keep. */
function* entriesOf(json: Buffer): Iterable<[string, string]> {
  let at = 0;
  while (at < json.length) {
    const end = json.indexOf(0x0a, at);
    const line = json.toString('utf8', at, end === -1 ? json.length : end);
    at = end === -1 ? json.length : end + 1;
    const [, entry] = /^ *(".*")(?:,|)$/.exec(line) ?? [];
    if (entry !== undefined) yield* Object.entries(JSON.parse(`{${entry}}`) as Record<string, string>);
  }
}
