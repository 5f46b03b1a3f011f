/**
 * What the enforcer keeps on disk, so that a box that loses power at any moment comes up with the old policy or the new
 * one, never with neither. Each policy is a directory written whole and synced before one rename makes it current.
 * systemd/load-ruleset reads the same files at boot without Node: change both together.
 *
 *   generations/000007/{policy.yaml, ruleset.nft, state.json, policy.copy.yaml, state.copy.json}
 *   current -> generations/000007
 *   generations/000007/names.nft    (what its names stood for)
 *   generations/000007/ended.json   (up to which time its exceptions were ended)
 *   containment.json, containment.copy.json, containment.nft, learned.json, names.json
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { containmentRecord, type ContainmentRecord } from '../containment/order-record.js';
import { epochMs } from '../messages/vocabulary.js';
import { parseAddress } from '../policy/address.js';
import { writtenVariables } from '../policy/site-variables.js';
import type { KeptName } from './name-elements.js';

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
  /** Variables of the box that it was applied with. Absent where an earlier version wrote it: those of the configuration count. */
  variables: writtenVariables.optional(),
});
export type GenerationState = z.infer<typeof generationState>;

export interface Generation {
  readonly state: GenerationState;
  readonly policyText: string;
}

export interface CurrentGeneration {
  /** Null on a new box. */
  readonly generation: Generation | null;
  /** What was damaged and how it was made good, for a person. */
  readonly problem: string | null;
}

/** The same twice, because a damaged page of a card must not cost the policy. */
const GENERATION_FILES = [
  { policy: 'policy.yaml', state: 'state.json' },
  { policy: 'policy.copy.yaml', state: 'state.copy.json' },
] as const;

/** The same text twice: who is contained must survive one damaged file. */
const CONTAINMENT_FILES = ['containment.json', 'containment.copy.json'] as const;

export interface ReadContainment {
  /** Null: none was ever written, or no copy can be read. */
  readonly record: ContainmentRecord | null;
  readonly problem: string | null;
}

const address = z.string().transform((value, context) => {
  const parsed = parseAddress(value);
  if (parsed) return parsed;
  context.addIssue({ code: 'custom', message: 'not an address' });
  return z.NEVER;
});
const namesFile = z.strictObject({
  names: z.array(
    z.strictObject({
      device: z.string(),
      name: z.string(),
      addresses: z.array(z.strictObject({ address, confirmedMs: epochMs, expiresMs: epochMs })),
    }),
  ),
});
const endedFile = z.strictObject({ endedByMs: epochMs });
const learnedFile = z.strictObject({ devices: z.record(z.string(), z.array(z.string())) });

export class StateStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async open(): Promise<void> {
    await mkdir(join(this.#dir, 'generations'), { recursive: true, mode: 0o750 });
  }

  /**
   * The policy that was last made current. Where it is damaged in both copies, the latest older one that can be read, as the boot loader
   * does it; throws when there is none: then the kernel is left as it is.
   */
  async current(): Promise<CurrentGeneration> {
    let target: string;
    try {
      target = await readlink(join(this.#dir, 'current'));
    } catch (error) {
      if (isCode(error, 'ENOENT')) return { generation: null, problem: null };
      throw error;
    }
    const newest = Number(basename(target));
    const problems: string[] = [];
    for (const number of (await this.#numbers()).filter((each) => each <= newest).reverse()) {
      try {
        const { generation, problem } = await this.#read(this.#path(number));
        if (problem !== null) problems.push(problem);
        return { generation, problem: problems.length === 0 ? null : problems.join('; ') };
      } catch (error) {
        problems.push(`generation ${number} cannot be read (${firstLine(error)})`);
      }
    }
    throw new Error(problems.length === 0 ? `no generation ${newest} is on disk` : problems.join('; '));
  }

  async generation(number: number): Promise<Generation> {
    return (await this.#read(this.#path(number))).generation;
  }

  /** One more than every generation on disk, also those that were never made current. */
  async nextGeneration(): Promise<number> {
    return Math.max(0, ...(await this.#numbers())) + 1;
  }

  /** Written and synced, but not current yet. */
  async write(state: GenerationState, policyText: string, rulesetText: string): Promise<void> {
    const dir = this.#path(state.generation);
    const temporary = `${dir}.new`;
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { mode: 0o750 });
    await writeSynced(join(temporary, 'ruleset.nft'), rulesetText);
    for (const files of GENERATION_FILES) {
      await writeSynced(join(temporary, files.policy), policyText);
      await writeSynced(join(temporary, files.state), `${JSON.stringify(state)}\n`);
    }
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

  /** Up to which time exceptions of a generation were ended; 0 where nothing says so. They are ended again then. */
  async readEnded(generation: number): Promise<number> {
    try {
      const text = await readIfThere(join(this.#path(generation), 'ended.json'));
      return text === null ? 0 : endedFile.parse(JSON.parse(text)).endedByMs;
    } catch {
      return 0;
    }
  }

  async writeEnded(generation: number, endedByMs: number): Promise<void> {
    await writeAtomically(join(this.#path(generation), 'ended.json'), `${JSON.stringify({ endedByMs })}\n`);
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

  /** Called every minute; a file that holds it already is left alone, to spare the card. */
  async writeLearned(devices: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const path = join(this.#dir, 'learned.json');
    const text = `${JSON.stringify({ devices })}\n`;
    const before = await readIfThere(path).catch(() => null);
    if (before !== text) await writeAtomically(path, text);
  }

  /** Empty where there is nothing, or it is damaged: names are looked up again. */
  async readNames(): Promise<readonly KeptName[]> {
    try {
      const text = await readIfThere(join(this.#dir, 'names.json'));
      return text === null ? [] : namesFile.parse(JSON.parse(text)).names;
    } catch {
      return [];
    }
  }

  /** `generation`: beside which ruleset `elementsText` is loaded at boot; null: beside none. */
  async writeNames(
    names: readonly KeptName[],
    generation: number | null,
    elementsText: string,
  ): Promise<void> {
    const body = names.map(({ addresses, ...rest }) => ({
      ...rest,
      addresses: addresses.map((each) => ({ ...each, address: each.address.text })),
    }));
    await writeAtomically(join(this.#dir, 'names.json'), `${JSON.stringify({ names: body })}\n`);
    if (generation !== null) await writeAtomically(join(this.#path(generation), 'names.nft'), elementsText);
  }

  /** From the first copy that is whole; a damaged one is set aside and written again. Throws when neither is. */
  async #read(dir: string): Promise<{ readonly generation: Generation; readonly problem: string | null }> {
    const damaged: { readonly policy: string; readonly state: string; readonly why: string }[] = [];
    for (const files of GENERATION_FILES) {
      try {
        const generation = await readWhole(join(dir, files.policy), join(dir, files.state));
        await this.#repair(dir, damaged, generation);
        const problem = damaged.map(({ why }) => `${why}; read from ${files.policy}`).join('; ');
        return { generation, problem: problem === '' ? null : problem };
      } catch (error) {
        // An older program wrote no copy.
        if (isCode(error, 'ENOENT') && damaged.length > 0) break;
        damaged.push({ ...files, why: `${join(dir, files.policy)} is damaged (${firstLine(error)})` });
      }
    }
    throw new Error(damaged.map(({ why }) => why).join('; '));
  }

  /** A disk that takes nothing more leaves the damage for the next start. */
  async #repair(
    dir: string,
    damaged: readonly { readonly policy: string; readonly state: string }[],
    { policyText, state }: Generation,
  ): Promise<void> {
    try {
      for (const files of damaged)
        for (const [name, text] of [
          [files.policy, policyText],
          [files.state, `${JSON.stringify(state)}\n`],
        ] as const) {
          await rename(join(dir, name), join(dir, `${name}.damaged`)).catch(() => undefined);
          await writeAtomically(join(dir, name), text);
        }
    } catch {
      // Told as damaged all the same.
    }
  }

  async #numbers(): Promise<number[]> {
    return (await readdir(join(this.#dir, 'generations')))
      .filter((name) => /^\d{6,}$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  async #prune(current: number): Promise<void> {
    const old = (await this.#numbers()).filter((number) => number < current).slice(0, -KEPT_GENERATIONS);
    for (const number of old) await rm(this.#path(number), { recursive: true, force: true });
  }

  #path(generation: number): string {
    return join(this.#dir, 'generations', directoryName(generation));
  }
}

/** Throws where the state is not of this form, or the policy is not the one that it speaks of. */
async function readWhole(policyFile: string, stateFile: string): Promise<Generation> {
  const state = generationState.parse(JSON.parse(await readFile(stateFile, 'utf8')));
  const policyText = await readFile(policyFile, 'utf8');
  if (createHash('sha256').update(policyText).digest('hex') !== state.sha256)
    throw new Error('it is not what was written');
  return { state, policyText };
}

function directoryName(generation: number): string {
  return String(generation).padStart(6, '0');
}

/** Whole or not at all, also when the power goes; on the disk when it returns. */
export async function writeAtomically(path: string, text: string): Promise<void> {
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

export async function readIfThere(path: string): Promise<string | null> {
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
