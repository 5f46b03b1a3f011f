/**
 * (Above 400 lines: every change of the policy in force, in the one place that may make it.)
 * The policy in force: check, apply in one transaction, read back, confirm or roll back, and put back what somebody else
 * removed. The kernel is changed here and in containment-keeper.ts, nowhere else. A failure at any step leaves the policy
 * that was in force in force.
 */
import { createHash } from 'node:crypto';
import { RequestError } from '../ipc/errors.js';
import type { RequestResult } from '../messages/enforcer-messages.js';
import type { StateChange } from '../messages/vocabulary.js';
import { applyRuleset, checkRuleset } from '../nftables/run-nft.js';
import { countElements, readBack, readGeneration } from '../nftables/read-tables.js';
import { parseAddress, type Address } from '../policy/address.js';
import type { BoxConfig } from '../policy/config.js';
import { parsePolicy } from '../policy/parse-policy.js';
import type { LearnedAddresses } from '../policy/resolve-peers.js';
import type { Policy } from '../policy/schema.js';
import { assignIds, type DeviceIds } from '../ruleset/assign-ids.js';
import { compileRuleset } from '../ruleset/compile-ruleset.js';
import { diffRulesets } from '../ruleset/diff-ruleset.js';
import { renderRuleset } from '../ruleset/render-ruleset.js';
import { RULESET_FORMAT, type Element, type Ruleset } from '../ruleset/ruleset.js';
import type { HoldRule } from './hold-rule.js';
import { modeChanges } from './mode-changes.js';
import { createLearnIndex, learnAddress, relearn } from './learned-addresses.js';
import type { GenerationState, StateStore } from './state-store.js';

type PolicyState = RequestResult<'policy.apply'>;

/** A box that was never given a policy refuses everything behind it but the infrastructure. */
const CLOSED_POLICY = 'version: 1\nsite: { name: "no policy yet" }\n';

export interface InForce {
  readonly state: GenerationState;
  readonly policyText: string;
  readonly policy: Policy;
  readonly ids: DeviceIds;
  readonly ruleset: Ruleset;
}

interface Pending {
  readonly rollbackAtMs: number;
  readonly timer: NodeJS.Timeout;
  readonly before: InForce;
}

export interface PolicyKeeperOptions {
  readonly config: BoxConfig;
  readonly store: StateStore;
  readonly hold: HoldRule;
  readonly now: () => number;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  /** Runtime elements (containment) to put back when tables have to be made anew, by `family/set`. */
  readonly runtimeElements: () => ReadonlyMap<string, readonly Element[]>;
  /** Tables were made anew: what was ordered while nft made them is to be put in. */
  readonly onReplaced: () => Promise<void>;
  /** After another policy came into force: marks and MACs may mean others now. */
  readonly onInForce: (inForce: InForce) => Promise<void>;
  /** Addresses that names of the policy stand for: no device may claim them. */
  readonly namedAddresses: () => Iterable<string>;
  /** The confirm timer fired; runs under the caller's lock. */
  readonly runLocked: <T>(work: () => Promise<T>) => Promise<T>;
}

export class PolicyKeeper {
  readonly #options: PolicyKeeperOptions;
  #inForce: InForce | null = null;
  #pending: Pending | null = null;
  #learned: LearnedAddresses = new Map();
  tablesRestored = 0;

  constructor(options: PolicyKeeperOptions) {
    this.#options = options;
  }

  get inForce(): InForce {
    if (!this.#inForce) throw new Error('the policy keeper was not started');
    return this.#inForce;
  }

  get learned(): LearnedAddresses {
    return this.#learned;
  }

  /** Brings the kernel to the current policy on disk. What was pending when we died was not confirmed: it is undone. */
  async start(): Promise<void> {
    const { store } = this.#options;
    const { generation: current, problem } = await store.current();
    if (problem !== null) this.#tell('evidence-dropped', 'start', current?.state.generation ?? null, problem);
    const text = current?.policyText ?? CLOSED_POLICY;
    const parsed = parsePolicy(text, this.#options.config.variables);
    if (!parsed.ok)
      throw new Error(
        `the policy on disk (generation ${current?.state.generation ?? 0}) no longer reads: ${parsed.problems[0]?.path ?? ''} ${parsed.problems[0]?.message ?? ''}`,
      );
    this.#learned = relearn(createLearnIndex(parsed.policy), learnedFrom(await store.readLearned()));
    const state = current?.state ?? {
      format: RULESET_FORMAT,
      generation: 0,
      previous: null,
      sha256: sha256(text),
      appliedAtMs: 0,
      by: 'start',
      ids: {},
    };
    const next = this.#compile(state, text, parsed.policy);
    const inKernel = await readGeneration();
    if (inKernel !== null) await this.#options.hold.ensure();
    if (
      inKernel === state.generation &&
      state.format === RULESET_FORMAT &&
      (await readBack(next.ruleset)).ok
    ) {
      this.#inForce = next;
    } else {
      await this.#load(null, next);
      if (inKernel !== null && inKernel > state.generation)
        this.#tell(
          'policy-rolled-back',
          'start',
          state.generation,
          `generation ${inKernel} was not confirmed before the enforcer ended`,
        );
    }
    await this.#options.onInForce(next);
  }

  /** Everything between the request and the kernel. Throws RequestError; then nothing changed. */
  async apply(text: string, by: string, confirmWithinSeconds: number | null): Promise<PolicyState> {
    const { store, now } = this.#options;
    const parsed = parsePolicy(text, this.#options.config.variables);
    if (!parsed.ok) {
      this.#tell(
        'policy-refused',
        by,
        null,
        `${parsed.problems.length} problems, the first: ${parsed.problems[0]?.path ?? ''}`,
      );
      throw new RequestError(
        'bad-policy',
        `the policy has ${parsed.problems.length} problems; nothing was changed`,
        [...parsed.problems],
      );
    }
    if (this.#pending)
      throw new RequestError(
        'busy',
        'an applied policy waits for its confirmation: confirm it or roll it back first',
      );
    const before = this.inForce;
    const learnedBefore = this.#learned;
    const generation = await store.nextGeneration();
    const ids = assignIds(Object.keys(parsed.policy.devices), before.ids);
    const state: GenerationState = {
      format: RULESET_FORMAT,
      generation,
      previous: before.state.generation === 0 ? null : before.state.generation,
      sha256: sha256(text),
      appliedAtMs: now(),
      by,
      ids: Object.fromEntries(ids),
    };
    this.#learned = relearn(createLearnIndex(parsed.policy), this.#learned);
    try {
      const next = this.#compile(state, text, parsed.policy);
      const boot = renderRuleset(next.ruleset, { how: 'replace' });
      const checked = await checkRuleset(renderRuleset(next.ruleset, { how: 'check' }));
      if (!checked.ok)
        throw new RequestError(
          'kernel-refused',
          `the kernel would not take the ruleset; nothing was changed: ${checked.error}`,
        );
      await onDisk(() => store.write(state, text, boot));
      await this.#load(before, next);
      const devices = `${Object.keys(parsed.policy.devices).length} devices`;
      this.#tell('policy-applied', by, generation, `${devices}, sha256 ${state.sha256}`);
      this.#tellModes(before, by);
      if (confirmWithinSeconds === null) await onDisk(() => store.makeCurrent(generation));
      else this.#await(before, confirmWithinSeconds);
    } catch (error) {
      this.#learned = learnedBefore;
      if (this.#inForce !== before) await this.#load(this.#inForce, before);
      await store.discard(generation).catch(() => undefined);
      throw error;
    }
    await this.#options.onInForce(this.inForce);
    return this.state();
  }

  async confirm(by: string): Promise<PolicyState> {
    if (!this.#pending)
      throw new RequestError('nothing-pending', 'no applied policy waits for a confirmation');
    const { generation } = this.inForce.state;
    await onDisk(() => this.#options.store.makeCurrent(generation));
    clearTimeout(this.#pending.timer);
    this.#pending = null;
    this.#tell('policy-confirmed', by, generation, 'kept');
    return this.state();
  }

  /** Back to what was in force before: the pending policy if there is one, else the last one. */
  async rollback(by: string, why = 'asked for'): Promise<PolicyState> {
    const { store } = this.#options;
    const from = this.inForce;
    if (this.#pending) {
      const { before, timer } = this.#pending;
      clearTimeout(timer);
      this.#pending = null;
      this.#learned = relearn(createLearnIndex(before.policy), this.#learned);
      await this.#load(from, before);
      await store.discard(from.state.generation).catch(() => undefined);
    } else {
      if (from.state.previous === null)
        throw new RequestError('no-previous', 'there is no earlier policy to go back to');
      const earlier = await onDisk(() => store.generation(from.state.previous ?? 0));
      const parsed = parsePolicy(earlier.policyText, this.#options.config.variables);
      if (!parsed.ok)
        throw new RequestError('no-previous', `generation ${earlier.state.generation} no longer reads`);
      this.#learned = relearn(createLearnIndex(parsed.policy), this.#learned);
      const next = this.#compile(
        { ...earlier.state, ids: from.state.ids },
        earlier.policyText,
        parsed.policy,
      );
      await this.#load(from, next);
      await onDisk(() => store.makeCurrent(earlier.state.generation));
    }
    this.#tell('policy-rolled-back', by, this.inForce.state.generation, why);
    this.#tellModes(from, by);
    await this.#options.onInForce(this.inForce);
    return this.state();
  }

  /** Leases that changed: a few elements, not a new generation. Gives back what was believed and new. */
  async learn(
    claims: readonly { readonly device: string; readonly address: Address }[],
  ): Promise<typeof claims> {
    const before = this.inForce;
    const index = createLearnIndex(before.policy, this.#options.namedAddresses());
    const learnedBefore = this.#learned;
    const fresh: { readonly device: string; readonly address: Address }[] = [];
    for (const claim of claims) {
      const result = learnAddress(index, this.#learned, claim.device, claim.address);
      if (result.kind !== 'learned') continue;
      this.#learned = result.learned;
      fresh.push(claim);
    }
    if (fresh.length === 0) return fresh;
    try {
      await this.#load(before, this.#compile(before.state, before.policyText, before.policy));
    } catch (error) {
      this.#learned = learnedBefore;
      throw error;
    }
    return fresh;
  }

  /** What was learnt goes to disk, into the boot ruleset too. Called now and then, not for every address. */
  async saveLearned(): Promise<void> {
    const { store } = this.#options;
    await store.writeLearned(
      Object.fromEntries(
        [...this.#learned].map(([device, addresses]) => [device, addresses.map((each) => each.text)]),
      ),
    );
    const { state, ruleset } = this.inForce;
    if (state.generation > 0 && !this.#pending)
      await store.rewriteRuleset(state.generation, renderRuleset(ruleset, { how: 'replace' }));
  }

  /** The generation that boots; null while one waits for its confirmation, or there is none. */
  get bootGeneration(): number | null {
    const { generation } = this.inForce.state;
    return generation > 0 && !this.#pending ? generation : null;
  }

  /** Looks whether the tables are as we left them; makes them anew if not. True when something had to be restored. */
  async guard(): Promise<boolean> {
    const expected = this.inForce;
    const structure = await readBack(expected.ruleset);
    const found = structure.ok ? await countElements(expected.ruleset) : structure;
    const generation = found.ok ? await readGeneration() : null;
    if (found.ok && generation === expected.state.generation) return this.#guardHold();
    const text = renderRuleset(expected.ruleset, {
      how: 'replace',
      runtime: this.#options.runtimeElements(),
    });
    const applied = await applyRuleset(text);
    if (!applied.ok) throw new RequestError('kernel-refused', `cannot restore our tables: ${applied.error}`);
    await this.#options.hold.ensure();
    await this.#options.onReplaced();
    this.tablesRestored += 1;
    this.#tell(
      'tables-restored',
      'enforcer',
      expected.state.generation,
      found.ok ? 'another generation was loaded' : found.difference,
    );
    return true;
  }

  /** The chain that holds packets is filled apart from the tables, and restored apart from them. */
  async #guardHold(): Promise<boolean> {
    const { hold } = this.#options;
    const found = await hold.verify();
    if (found.ok) return false;
    await hold.ensure();
    this.tablesRestored += 1;
    this.#tell('tables-restored', 'enforcer', this.inForce.state.generation, found.difference);
    return true;
  }

  state(): PolicyState {
    const { state, policy } = this.inForce;
    const devices = Object.values(policy.devices);
    return {
      generation: state.generation,
      sha256: state.sha256,
      appliedAtMs: state.generation === 0 ? null : state.appliedAtMs,
      devices: devices.length,
      entries: devices.reduce((sum, device) => sum + device.allow.length, 0),
      pending: this.#pending
        ? { generation: state.generation, rollbackAtMs: this.#pending.rollbackAtMs }
        : null,
    };
  }

  stop(): void {
    if (this.#pending) clearTimeout(this.#pending.timer);
  }

  #compile(state: GenerationState, policyText: string, policy: Policy): InForce {
    const ids = assignIds(Object.keys(policy.devices), new Map(Object.entries(state.ids)));
    try {
      const ruleset = compileRuleset({
        policy,
        config: this.#options.config,
        ids,
        learned: this.#learned,
        generation: state.generation,
      });
      return { state, policyText, policy, ids, ruleset };
    } catch (error) {
      if (error instanceof RangeError) throw new RequestError('bad-policy', error.message);
      throw error;
    }
  }

  /** Elements only where that is enough; else a refill; else, where the kernel has something older, anew. */
  async #load(before: InForce | null, next: InForce): Promise<void> {
    const change = before ? diffRulesets(before.ruleset, next.ruleset) : null;
    let result = change ? await applyRuleset(change.text) : ({ ok: false, error: '' } as const);
    if (!result.ok) result = await applyRuleset(renderRuleset(next.ruleset, { how: 'refill' }));
    const isReplaced = !result.ok;
    if (!result.ok)
      result = await applyRuleset(
        renderRuleset(next.ruleset, { how: 'replace', runtime: this.#options.runtimeElements() }),
      );
    if (!result.ok)
      throw new RequestError(
        'kernel-refused',
        `the kernel refused the ruleset; nothing was changed: ${result.error}`,
      );
    this.#inForce = next;
    if (isReplaced) await this.#options.onReplaced();
    if (!change) await this.#options.hold.ensure();
    const back = change ? ({ ok: true } as const) : await readBack(next.ruleset);
    if (!back.ok)
      throw new RequestError(
        'kernel-refused',
        `what the kernel holds is not what was written: ${back.difference}`,
      );
  }

  #await(before: InForce, seconds: number): void {
    const rollbackAtMs = this.#options.now() + seconds * 1000;
    const timer = setTimeout(() => {
      // A failure is told by tables-restored or by the next status; there is nobody to answer.
      this.#options
        .runLocked(() =>
          this.#pending
            ? this.rollback('enforcer', `not confirmed within ${seconds} s`)
            : Promise.resolve(null),
        )
        .catch(() => undefined);
    }, seconds * 1000);
    this.#pending = { rollbackAtMs, timer, before };
  }

  #tellModes(before: InForce, by: string): void {
    const { generation } = this.inForce.state;
    for (const { device, detail } of modeChanges(before.policy, this.inForce.policy))
      this.#options.tell({ kind: 'mode-changed', by, generation, device, detail });
  }

  #tell(kind: StateChange['kind'], by: string, generation: number | null, detail: string): void {
    this.#options.tell({ kind, by, generation, device: null, detail: detail.slice(0, 500) });
  }
}

function learnedFrom(devices: Readonly<Record<string, readonly string[]>>): LearnedAddresses {
  return new Map(
    Object.entries(devices).map(([device, addresses]) => [
      device,
      addresses.map(parseAddress).filter((address) => address !== null),
    ]),
  );
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new RequestError(
      'disk',
      `cannot keep the policy on disk: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
