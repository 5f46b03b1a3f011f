/** What each file of CORDON_DATA (../shared/data) is, by its MANIFEST.tsv. Read by the reports over all of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Listed {
  /** Below the directory. */
  readonly path: string;
  readonly what: string;
  readonly group: string;
}

export const DATA_DIRECTORY = process.env['CORDON_DATA'] ?? '../shared/data';

/** Files whose path fits all patterns; a word of the command line that is no option narrows them further. Ends the process where there is no manifest. */
export async function readManifest(...patterns: readonly RegExp[]): Promise<Listed[]> {
  const text = await readFile(join(DATA_DIRECTORY, 'MANIFEST.tsv'), 'utf8').catch(() => null);
  if (text === null) {
    process.stderr.write(`no MANIFEST.tsv in ${DATA_DIRECTORY}: set CORDON_DATA\n`);
    process.exit(1);
  }
  const only = process.argv.slice(2).find((argument) => !argument.startsWith('-'));
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .map(([path = '', , , , what = '', group = '']) => ({ path, what, group }))
    .filter(({ path }) => patterns.every((pattern) => pattern.test(path)))
    .filter(({ path }) => only === undefined || path.includes(only));
}
