/**
 * What the enforcer keeps on disk, so that a box that loses power at any moment comes up with the old policy or the new
 * one, never with neither. Each policy is a directory written whole and synced before one rename makes it current.
 * systemd/load-ruleset reads the same files at boot without Node: change both together.
 *
 *   generations/000007/{policy.yaml, ruleset.nft, state.json}
 *   current -> generations/000007
 *   containment.json, containment.copy.json, containment.nft, learned.json
 */
import { mkdir, open, readFile, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { containmentRecord, type ContainmentRecord } from '../containment/order-record.js';
import { epochMs } from '../messages/vocabulary.js';

/** Old generations kept for rollback and for looking back. */
const KEPT_GENERATIONS = 10;

const generationState = z.strictObject({
  format: z.number().int(),
  generation: z.number().int().positive(),
  /** What `rollback` goes back to. */
  previous: z.number().int().positive().nullable(),
  sha256: z.string(),
  appliedAtMs: epochMs,
  by: z.string(),
  /** Every number ever given, also to devices that left (ruleset/assign-ids.ts). */
  ids: z.record(z.string(), z.number().int()),
});
export type GenerationState = z.infer<typeof generationState>;

export interface Generation {
  readonly state: GenerationState;
  readonly policyText: string;
}

/** The same text twice: who is contained must survive one damaged file. */
const CONTAINMENT_FILES = ['containment.json', 'containment.copy.json'] as const;

export interface ReadContainment {
  /** Null: none was ever written, or no copy can be read. */
  readonly record: ContainmentRecord | null;
  readonly problem: string | null;
}

const learnedFile = z.strictObject({ devices: z.record(z.string(), z.array(z.string())) });

export class StateStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async open(): Promise<void> {
    await mkdir(join(this.#dir, 'generations'), { recursive: true, mode: 0o750 });
  }

  /** The policy that was last made current; null on a new box. Throws when it is there and cannot be read. */
  async current(): Promise<Generation | null> {
    let target: string;
    try {
      target = await readlink(join(this.#dir, 'current'));
    } catch (error) {
      if (isCode(error, 'ENOENT')) return null;
      throw error;
    }
    return this.#read(join(this.#dir, target));
  }

  async generation(number: number): Promise<Generation> {
    return this.#read(this.#path(number));
  }

  /** One more than every generation on disk, also those that were never made current. */
  async nextGeneration(): Promise<number> {
    const names = await readdir(join(this.#dir, 'generations'));
    return (
      names.reduce(
        (highest, name) => (/^\d{6,}$/.test(name) ? Math.max(highest, Number(name)) : highest),
        0,
      ) + 1
    );
  }

  /** Written and synced, but not current yet. */
  async write(state: GenerationState, policyText: string, rulesetText: string): Promise<void> {
    const dir = this.#path(state.generation);
    const temporary = `${dir}.new`;
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { mode: 0o750 });
    await writeSynced(join(temporary, 'policy.yaml'), policyText);
    await writeSynced(join(temporary, 'ruleset.nft'), rulesetText);
    await writeSynced(join(temporary, 'state.json'), `${JSON.stringify(state)}\n`);
    await syncDirectory(temporary);
    await rename(temporary, dir);
    await syncDirectory(join(this.#dir, 'generations'));
  }

  /** The one step that decides what the next boot enforces: a rename of a symbolic link is atomic. */
  async makeCurrent(generation: number): Promise<void> {
    const link = join(this.#dir, 'current.new');
    await rm(link, { force: true });
    await symlink(join('generations', directoryName(generation)), link);
    await rename(link, join(this.#dir, 'current'));
    await syncDirectory(this.#dir);
    await this.#prune(generation);
  }

  async discard(generation: number): Promise<void> {
    await rm(this.#path(generation), { recursive: true, force: true });
  }

  /** The boot ruleset of a generation again, because addresses were learnt since. */
  async rewriteRuleset(generation: number, rulesetText: string): Promise<void> {
    await writeAtomically(join(this.#path(generation), 'ruleset.nft'), rulesetText);
  }

  /**
   * Never throws: a box whose orders cannot be read must still enforce its policy. There are two copies; a damaged one is set
   * aside. `problem`: what was wrong, for a person.
   */
  async readContainment(): Promise<ReadContainment> {
    const problems: string[] = [];
    for (const name of CONTAINMENT_FILES) {
      const path = join(this.#dir, name);
      try {
        const text = await readIfThere(path);
        if (text === null) continue;
        const record = containmentRecord.parse(JSON.parse(text));
        return {
          record,
          problem: problems.length === 0 ? null : `${problems.join('; ')}; read from ${name}`,
        };
      } catch (error) {
        problems.push(`${path} cannot be read (${firstLine(error)}), set aside as ${name}.damaged`);
        await rename(path, `${path}.damaged`).catch(() => undefined);
      }
    }
    const lost = 'no copy is left: what the kernel holds is taken over, see `cordon status`';
    return { record: null, problem: problems.length === 0 ? null : `${problems.join('; ')}; ${lost}` };
  }

  async writeContainment(record: ContainmentRecord, elementsText: string): Promise<void> {
    await writeAtomically(join(this.#dir, 'containment.nft'), elementsText);
    for (const name of CONTAINMENT_FILES)
      await writeAtomically(join(this.#dir, name), `${JSON.stringify(record)}\n`);
  }

  async readLearned(): Promise<Readonly<Record<string, readonly string[]>>> {
    const text = await readIfThere(join(this.#dir, 'learned.json'));
    if (text === null) return {};
    try {
      return learnedFile.parse(JSON.parse(text)).devices;
    } catch {
      // They are learnt again from the first packets.
      return {};
    }
  }

  async writeLearned(devices: Readonly<Record<string, readonly string[]>>): Promise<void> {
    await writeAtomically(join(this.#dir, 'learned.json'), `${JSON.stringify({ devices })}\n`);
  }

  async #read(dir: string): Promise<Generation> {
    const state = generationState.parse(JSON.parse(await readFile(join(dir, 'state.json'), 'utf8')));
    return { state, policyText: await readFile(join(dir, 'policy.yaml'), 'utf8') };
  }

  async #prune(current: number): Promise<void> {
    const names = (await readdir(join(this.#dir, 'generations')))
      .filter((name) => /^\d{6,}$/.test(name))
      .sort();
    const old = names.filter((name) => Number(name) < current).slice(0, -KEPT_GENERATIONS);
    for (const name of old) await rm(join(this.#dir, 'generations', name), { recursive: true, force: true });
  }

  #path(generation: number): string {
    return join(this.#dir, 'generations', directoryName(generation));
  }
}

function directoryName(generation: number): string {
  return String(generation).padStart(6, '0');
}

async function writeAtomically(path: string, text: string): Promise<void> {
  await writeSynced(`${path}.new`, text);
  await rename(`${path}.new`, path);
  await syncDirectory(join(path, '..'));
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
