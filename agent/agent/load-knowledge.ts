/** What an inventory knows beforehand and lies on disk. Read once at a start, by the agent and by commands that read a capture. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ownMakers, registeredMakers, type MakerTable } from '../inventory/makers.js';
import { PackedMakers } from '../inventory/packed-makers.js';

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

/** Written when Cordon is built: to read the registry anew takes seconds of a small box's processor at every start. */
const PACKED = new URL('../makers.bin', import.meta.url);

/** The IEEE's registry of MAC prefixes. A checkout that was not built reads the package, and one without it has the makers of makers.ts. */
export function loadMakers(): MakerTable {
  return packedMakers() ?? registry() ?? ownMakers();
}

/** For the build; throws where the package oui-data is missing. */
export function packMakers(): void {
  const makers = registry();
  if (makers === null) throw new Error('the package oui-data cannot be read');
  writeFileSync(PACKED, makers.toBytes());
}

function packedMakers(): MakerTable | null {
  try {
    return PackedMakers.fromBytes(readFileSync(PACKED));
  } catch {
    return null;
  }
}

function registry(): PackedMakers | null {
  try {
    const file = createRequire(import.meta.url).resolve('oui-data');
    return registeredMakers(entriesOf(readFileSync(file)));
  } catch {
    return null;
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
