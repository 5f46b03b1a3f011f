/** What an inventory knows beforehand and lies on disk. Read once at a start, by the agent and by commands that read a capture. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ownMakers, registeredMakers, type MakerTable } from '../inventory/makers.js';

/** Fingerprint rules of the site, beside the configuration. */
export const SITE_RULES = 'knowledge.yaml';

/** Null where there are none, or they cannot be read. */
export function readSiteRules(configFile: string): string | null {
  try {
    return readFileSync(join(dirname(configFile), SITE_RULES), 'utf8');
  } catch {
    return null;
  }
}

/** The IEEE's registry of MAC prefixes, as the package oui-data brings it. A box without the package has the makers of makers.ts. */
export function loadMakers(): MakerTable {
  try {
    const file = createRequire(import.meta.url).resolve('oui-data');
    return registeredMakers(entriesOf(readFileSync(file)));
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
    const [, entry] = /^ *(".*"),?$/.exec(line) ?? [];
    if (entry !== undefined) yield* Object.entries(JSON.parse(`{${entry}}`) as Record<string, string>);
  }
}
