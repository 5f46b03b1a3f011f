/** The inputs that fuzzing begins with: small, made here, one file each in test/corpus/TARGET; bytes as hexadecimal. Used by main.ts and the test. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FuzzTarget } from './targets.js';

export function readCorpus({ name, isText }: FuzzTarget): readonly Uint8Array[] {
  const directory = fileURLToPath(new URL(`../../test/corpus/${name}/`, import.meta.url));
  return readdirSync(directory)
    .sort()
    .map((file) => {
      const bytes = readFileSync(`${directory}${file}`);
      return isText ? bytes : Buffer.from(bytes.toString('latin1').replace(/\s/g, ''), 'hex');
    });
}
