/**
 * Takes the fleet's signed documents: checks the signature here, in the process that acts, so that neither the broker nor the agent has to
 * be believed. The number of the newest document of each key is on disk before anything is done; an older one, or another
 * with the same number, is refused. Called by handlers.ts for what the agent hands on.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import {
  DESIRED_ALGORITHM,
  MAX_DESIRED_DOCUMENTS,
  admitDocument,
  desiredDocument,
  desiredHeader,
  planDesired,
  type DesiredDocument,
  type DesiredPlan,
  type KeyRole,
  type Taken,
} from '../containment/desired.js';
import type { NewOrder, Orders } from '../containment/orders.js';
import { RequestError } from '../ipc/errors.js';
import type { ContainmentScope, DesiredResult, StateChange } from '../messages/vocabulary.js';
import type { Policy } from '../policy/schema.js';
import { KernelLock } from './kernel-lock.js';
import { readIfThere, writeAtomically } from './state-store.js';

/** A broker that sends nonsense is told of this often; the rest is counted. */
const TELL_REFUSED_MS = 60_000;
/** The same text twice: without the numbers an old document could be played back. */
const FILES = ['desired.json', 'desired.copy.json'] as const;

const takenFile = z.strictObject({
  keys: z.record(
    z.string().max(64),
    z.strictObject({ ver: z.int().positive(), sha256: z.string().max(64), isApplied: z.boolean() }),
  ),
});

export interface FleetKey {
  readonly kid: string;
  readonly role: KeyRole;
  /** SubjectPublicKeyInfo (RFC 8410), DER in base64. */
  readonly publicKey: string;
}

export interface DesiredKeeperOptions {
  readonly box: string;
  readonly keys: readonly FleetKey[];
  readonly stateDir: string;
  readonly steadyMs: () => number;
  readonly orders: () => Orders;
  readonly policy: () => Pick<Policy, 'devices'>;
  readonly order: (order: NewOrder) => Promise<unknown>;
  readonly release: (
    scope: ContainmentScope,
    by: string,
    reason: string,
    ids: readonly number[] | 'all',
  ) => Promise<unknown>;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
}

export class DesiredKeeper {
  refused = 0;
  readonly #options: DesiredKeeperOptions;
  readonly #keys: ReadonlyMap<string, { readonly role: KeyRole; readonly key: KeyObject }>;
  readonly #lock = new KernelLock();
  readonly #results = new Map<string, DesiredResult>();
  /** Null: both copies are damaged, and no document can be known to be new. */
  #taken: Map<string, Taken> | null = new Map();
  #toldMs = -TELL_REFUSED_MS;

  constructor(options: DesiredKeeperOptions) {
    this.#options = options;
    this.#keys = new Map(
      options.keys.map(({ kid, role, publicKey }) => [
        kid,
        {
          role,
          key: createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' }),
        },
      ]),
    );
  }

  /** What became of the newest document of each key. */
  results(): DesiredResult[] {
    return [...this.#results.values()];
  }

  async load(): Promise<void> {
    let isDamaged = false;
    for (const name of FILES) {
      try {
        const text = await readIfThere(join(this.#options.stateDir, name));
        if (text === null) continue;
        this.#taken = new Map(Object.entries(takenFile.parse(JSON.parse(text)).keys));
        return;
      } catch {
        isDamaged = true;
      }
    }
    if (!isDamaged) return;
    this.#taken = null;
    this.#tell(
      'desired-refused',
      `both copies of ${FILES[0]} are damaged: documents of the fleet are refused until they are removed`,
    );
  }

  /** Of a whole message: one result a document, never a rejection for what a document says. */
  take(text: string): Promise<DesiredResult[]> {
    return this.#lock.run(async () => {
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      if (lines.length > MAX_DESIRED_DOCUMENTS)
        return [this.#refuse(null, null, `${lines.length} documents, above ${MAX_DESIRED_DOCUMENTS}`)];
      const results: DesiredResult[] = [];
      for (const line of lines) results.push(await this.#takeOne(line.trim()));
      return results;
    });
  }

  async #takeOne(jws: string): Promise<DesiredResult> {
    const verified = await this.#verify(jws);
    if ('problem' in verified) return this.#refuse(null, null, verified.problem);
    const { kid, role, document } = verified;
    const { ver } = document;
    if (this.#taken === null)
      return this.#refuse(kid, ver, 'the numbers of earlier documents are lost (desired.json is damaged)');
    const sha256 = createHash('sha256').update(jws).digest('hex');
    const admission = admitDocument(this.#taken.get(kid), ver, sha256);
    if (admission === 'known')
      return this.#results.get(kid) ?? this.#result({ kid, ver, state: 'applied', detail: 'taken before' });
    if (admission !== 'new') return this.#refuse(kid, ver, admission.refused);
    const { box, orders, policy } = this.#options;
    const plan = planDesired(document, { box, kid, role, orders: orders(), policy: policy() });
    if (!plan.ok) return this.#refuse(kid, ver, plan.problem);
    return await this.#apply(kid, { ver, sha256, isApplied: false }, plan);
  }

  async #apply(kid: string, taken: Taken, plan: DesiredPlan & { readonly ok: true }): Promise<DesiredResult> {
    const { ver } = taken;
    const isKept = await this.#keep(kid, taken);
    // Without the number on disk a document that opens could be played back after a power cut; one that closes does less harm.
    if (!isKept && plan.release.length > 0)
      return this.#failed(kid, ver, 'its number cannot be written, and it would release', plan);
    try {
      for (const order of plan.give) await this.#options.order(order);
      for (const { scope, by, reason, orders } of plan.release)
        await this.#options.release(scope, by, reason, orders).catch((error: unknown) => {
          // Released meanwhile, or never there: what is wanted holds.
          if (!(error instanceof RequestError) || error.code !== 'not-contained') throw error;
        });
    } catch (error) {
      return this.#failed(kid, ver, error instanceof Error ? error.message : String(error), plan);
    }
    await this.#keep(kid, { ...taken, isApplied: true });
    const counts = `${plan.give.length} orders, ${plan.release.length} releases`;
    this.#tell('desired-applied', `document ${ver} of key ${kid}: ${counts}${remarks(plan)}`);
    return this.#result({ kid, ver, state: 'applied', detail: `${counts}${remarks(plan)}` });
  }

  async #verify(
    jws: string,
  ): Promise<
    | { readonly problem: string }
    | { readonly kid: string; readonly role: KeyRole; readonly document: DesiredDocument }
  > {
    // Loaded with the first document: most boxes never get one.
    const { compactVerify, decodeProtectedHeader } = await import('jose');
    let kid: string;
    try {
      const header = desiredHeader.safeParse(decodeProtectedHeader(jws));
      if (!header.success) return { problem: 'its header is not that of a containment document' };
      ({ kid } = header.data);
    } catch {
      return { problem: 'it is not a JWS' };
    }
    const known = this.#keys.get(kid);
    if (!known) return { problem: `the key "${kid.slice(0, 64)}" is not configured (fleet.keys)` };
    try {
      const { payload } = await compactVerify(jws, known.key, { algorithms: [DESIRED_ALGORITHM] });
      const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
      const document = desiredDocument.safeParse(json);
      if (document.success) return { kid, role: known.role, document: document.data };
      const [issue] = document.error.issues;
      return { problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a document'}` };
    } catch (error) {
      const isSyntax = error instanceof SyntaxError || error instanceof TypeError;
      return { problem: isSyntax ? 'it is signed, and not JSON' : `the signature is not that of key ${kid}` };
    }
  }

  /** Into memory in any case. False when the disk refused. */
  async #keep(kid: string, taken: Taken): Promise<boolean> {
    this.#taken?.set(kid, taken);
    const text = `${JSON.stringify({ keys: Object.fromEntries(this.#taken ?? []) })}\n`;
    try {
      for (const name of FILES) await writeAtomically(join(this.#options.stateDir, name), text);
      return true;
    } catch {
      return false;
    }
  }

  #failed(kid: string, ver: number, why: string, plan: DesiredPlan & { readonly ok: true }): DesiredResult {
    const detail = `${why}; tried again when it is handed on again${remarks(plan)}`;
    this.#tell('desired-refused', `document ${ver} of key ${kid} is not applied: ${detail}`);
    return this.#result({ kid, ver, state: 'failed', detail });
  }

  #refuse(kid: string | null, ver: number | null, detail: string): DesiredResult {
    this.refused += 1;
    const nowMs = this.#options.steadyMs();
    if (nowMs - this.#toldMs >= TELL_REFUSED_MS) {
      this.#toldMs = nowMs;
      this.#tell(
        'desired-refused',
        `a document of the fleet${ver === null ? '' : ` (ver ${ver})`}: ${detail}`,
      );
    }
    return this.#result({ kid, ver, state: 'refused', detail });
  }

  /** A refused document says nothing of the one that holds: it has a line of its own. */
  #result(result: DesiredResult): DesiredResult {
    const bounded = { ...result, detail: result.detail.slice(0, 500) };
    this.#results.set(result.state === 'refused' ? '' : (result.kid ?? ''), bounded);
    return bounded;
  }

  #tell(kind: StateChange['kind'], detail: string): void {
    this.#options.tell({ kind, by: 'fleet', device: null, generation: null, detail: detail.slice(0, 500) });
  }
}

function remarks({ withheld, waiting }: DesiredPlan & { readonly ok: true }): string {
  return [
    ...(withheld.length === 0 ? [] : [`; left to people (automation: none): ${withheld.join(', ')}`]),
    ...(waiting.length === 0 ? [] : [`; waiting, as the policy does not have them: ${waiting.join(', ')}`]),
  ].join('');
}
