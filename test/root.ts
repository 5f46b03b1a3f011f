import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The checkout: tests run compiled, from a directory that lies deeper than their source. */
const root = (function up(directory: URL): URL {
  return existsSync(new URL('package.json', directory)) ? directory : up(new URL('../', directory));
})(new URL('./', import.meta.url));

/** Path of something in the checkout, `firmware/closed.nft` say. */
export function fromRoot(path: string): string {
  return fileURLToPath(new URL(path, root));
}
