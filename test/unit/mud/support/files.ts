/** Published MUD files for the tests of this room. Third-party data that is not part of the project: empty where absent. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromRoot } from '../../../root.js';

const ROOT = fromRoot('');
export const MUD_DIRECTORY = join(process.env['CORDON_DATA'] ?? join(ROOT, '../shared/data'), 'mud');

export interface PublishedFile {
  /** `unsw/wemoswitchMud.json`. */
  readonly name: string;
  readonly text: string;
}

export function publishedFiles(): readonly PublishedFile[] {
  if (!existsSync(MUD_DIRECTORY)) return [];
  return readdirSync(MUD_DIRECTORY, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(json|mud)$/.test(name))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(MUD_DIRECTORY, name), 'utf8') }));
}

export const NO_DATA = 'the published MUD files are not here (CORDON_DATA)';
