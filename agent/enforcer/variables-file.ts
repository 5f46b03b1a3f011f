/**
 * The site variables in the box's configuration as they are on disk now. A policy is applied with these; until then those count that
 * the policy in force was applied with, and this says which differ. Used by main.ts and policy-keeper.ts.
 */
import { readFile, stat } from 'node:fs/promises';
import { countedProblems } from '../counted.js';
import { RequestError } from '../ipc/errors.js';
import { MAX_CHANGED_VARIABLES } from '../messages/limits.js';
import type { EnforcerStatus } from '../messages/vocabulary.js';
import { MAX_CONFIG_CHARS, parseConfig } from '../policy/parse-config.js';
import type { Policy, SiteVariables } from '../policy/schema.js';
import { changedVariables } from '../policy/site-variables.js';

/** A character has four bytes at most. */
const MAX_FILE_BYTES = 4 * MAX_CONFIG_CHARS;

export class VariablesFile {
  readonly #path: string;
  /** Status is asked every few seconds: the file is read where it is another than last time. */
  #seen: { readonly stamp: string; readonly variables: SiteVariables } | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws RequestError `bad-policy` with what is wrong with the configuration. */
  async read(): Promise<SiteVariables> {
    const refuse = (why: string, problems?: RequestError['problems']): RequestError =>
      new RequestError(
        'bad-policy',
        `${this.#path}, which has the variables of the box, ${why}; nothing was changed`,
        problems,
      );
    let text: string;
    let stamp: string;
    try {
      const { size, mtimeMs, ctimeMs, ino } = await stat(this.#path);
      if (size > MAX_FILE_BYTES) throw new Error(`${size} bytes are too many`);
      stamp = [size, mtimeMs, ctimeMs, ino].join('/');
      if (this.#seen?.stamp === stamp) return this.#seen.variables;
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      throw refuse(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    const parsed = parseConfig(text);
    if (!parsed.ok) {
      throw refuse(`has ${countedProblems(parsed.problems.length)}`, [...parsed.problems]);
    }
    this.#seen = { stamp, variables: parsed.config.variables };
    return parsed.config.variables;
  }

  async status(inForce: Policy): Promise<EnforcerStatus['variables']> {
    try {
      const changed = changedVariables(inForce, await this.read());
      return { changed: changed.slice(0, MAX_CHANGED_VARIABLES), problem: null };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const [first] = error.problems ?? [];
      const problem = first === undefined ? error.message : `${first.path}: ${first.message}`;
      return { changed: [], problem: problem.slice(0, 500) };
    }
  }
}
