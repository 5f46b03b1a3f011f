/* (Above 400 lines: every change of the policy in force, in the one place that may make it.) */
/**
 * The policy in force: check, apply in one transaction, read back, confirm or roll back, and put back what somebody else
 * removed. The kernel is changed here and in containment-keeper.ts, nowhere else. A failure at any step leaves the policy
 * that was in force in force.
 */
import { counted } from '../counted.js';
import { RequestError } from '../ipc/errors.js';
import type { RequestResult } from '../messages/enforcer-messages.js';
import type { StateChange } from '../messages/vocabulary.js';
import { applyRuleset, checkRuleset } from '../nftables/run-nft.js';
import { countElements, readBack, readGeneration } from '../nftables/read-tables.js';
import type { Address } from '../policy/address.js';
import type { BoxConfig } from '../policy/config.js';
import { isEnded, type Exception } from '../policy/exceptions.js';
import { unpackPolicy } from '../policy/packed-policy.js';
import type { LearnedAddresses } from '../policy/resolve-peers.js';
import type { SiteVariables } from '../policy/schema.js';
import { writeVariables } from '../policy/site-variables.js';
import { RULESET_FORMAT, type Element } from '../ruleset/ruleset.js';
import { withPartChanged } from '../ruleset/ruleset-shape.js';
import type { HoldRule } from './hold-rule.js';
import {
  CLOSED_POLICY,
  CLOSED_STATE,
  configFor,
  hashesText,
  firstProblem,
  inForce,
  learnedFrom,
  onDisk,
  sha256,
  sourceOf,
  type InForce,
} from './in-force.js';
import { modeChanges } from './mode-changes.js';
import { createLearnIndex, learnAddress, relearn } from './learned-addresses.js';
import { learnedChange } from './learned-change.js';
import type { Loading, Source } from './policy-work.js';
import { giveBackMemory, prepare, write } from './policy-workshop.js';
import type { GenerationState, StateStore } from './state-store.js';

type PolicyState = RequestResult<'policy.apply'>;

interface Pending {
  readonly rollbackAtMs: number;
  readonly timer: NodeJS.Timeout;
  readonly before: InForce;
}

export interface PolicyKeeperOptions {
  readonly config: BoxConfig;
  readonly store: StateStore;
  readonly hold: HoldRule;
  /** Of the configuration as it is now. Throws RequestError. */
  readonly readVariables: () => Promise<SiteVariables>;
  readonly now: () => number;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
  /** Runtime elements (containment) to put back when tables have to be made anew, by `family/set`. */
  readonly runtimeElements: () => ReadonlyMap<string, readonly Element[]>;
  /** Tables were made anew: what was ordered while nft made them is to be put in. */
  readonly onReplaced: () => Promise<void>;
  /** After another policy came into force: marks and MACs may mean others now. */
  readonly onInForce: (inForce: InForce) => Promise<void>;
  /** The wall clock where it may end exceptions, else null. */
  readonly settledMs: () => number | null;
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
  /** Learnt since the boot ruleset was written. */
  #isBootOutdated = true;
  tablesRestored = 0;

  constructor(options: PolicyKeeperOptions) {
    this.#options = options;
  }

  get inForce(): InForce {
    if (!this.#inForce) throw new Error('the policy keeper was not started');
    return this.#inForce;
  }

  /** Of the box, as the policy in force was applied with. */
  get variables(): SiteVariables {
    return configFor(this.inForce.state, this.#options.config).variables;
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
    const state = current?.state ?? CLOSED_STATE;
    const prepared = await prepare({
      config: configFor(state, this.#options.config),
      text,
      ids: new Map(Object.entries(state.ids)),
      learned: learnedFrom(await store.readLearned()),
      generation: state.generation,
      endedByMs: await store.readEnded(state.generation),
      before: null,
    }).catch((error: unknown) => {
      const why = error instanceof RequestError ? firstProblem(error) : String(error);
      throw new Error(`the policy on disk (generation ${state.generation}) no longer reads: ${why}`, {
        cause: error,
      });
    });
    const next = inForce(state, prepared);
    this.#learned = prepared.source.learned;
    const inKernel = await readGeneration();
    if (inKernel !== null) await this.#options.hold.ensure();
    if (inKernel === state.generation && state.format === RULESET_FORMAT && (await readBack(next.shape)).ok) {
      this.#inForce = next;
    } else {
      await this.#load(next, prepared.loading);
      if (inKernel !== null && inKernel > state.generation)
        this.#tell(
          'policy-rolled-back',
          'start',
          state.generation,
          `generation ${inKernel} was not confirmed before the enforcer ended`,
        );
    }
    await this.#options.onInForce(next);
    giveBackMemory(prepared.source.ids.size);
  }

  /** Everything between the request and the kernel. Throws RequestError; then nothing changed. */
  async apply(text: string, by: string, confirmWithinSeconds: number | null): Promise<PolicyState> {
    const { store, now, config } = this.#options;
    if (this.#pending)
      throw new RequestError(
        'busy',
        'an applied policy waits for its confirmation: confirm it or roll it back first',
      );
    const before = this.inForce;
    const learnedBefore = this.#learned;
    const generation = await store.nextGeneration();
    const from = sourceOf(before, learnedBefore);
    const endedByMs = this.#options.settledMs() ?? 0;
    const variables = await this.#options.readVariables();
    const prepared = await prepare({
      ...from,
      config: { ...config, variables },
      text,
      generation,
      endedByMs,
      before: from,
    }).catch((error: unknown) => {
      if (error instanceof RequestError)
        this.#tell('policy-refused', by, null, `${error.message}; the first: ${firstProblem(error)}`);
      throw error;
    });
    const { source, boot, loading } = prepared;
    const state: GenerationState = {
      format: RULESET_FORMAT,
      generation,
      previous: before.state.generation === 0 ? null : before.state.generation,
      sha256: sha256(text),
      appliedAtMs: now(),
      by,
      ids: Object.fromEntries(source.ids),
      variables: writeVariables(variables),
    };
    this.#learned = source.learned;
    try {
      const checked = await checkRuleset(prepared.check);
      if (!checked.ok)
        throw new RequestError(
          'kernel-refused',
          `the kernel would not take the ruleset; nothing was changed: ${checked.error}`,
        );
      await onDisk(async () => {
        await store.write(state, text, boot);
        if (endedByMs > 0) await store.writeEnded(generation, endedByMs);
      });
      this.#isBootOutdated = false;
      await this.#load(inForce(state, prepared), loading);
      const devices = counted(Object.keys(this.inForce.policy.devices).length, 'device');
      this.#tell('policy-applied', by, generation, `${devices}, ${hashesText(state)}`);
      this.#tellModes(before, by);
      if (confirmWithinSeconds === null) await onDisk(() => store.makeCurrent(generation));
      else this.#await(before, confirmWithinSeconds);
    } catch (error) {
      const reached = this.#inForce === before ? null : sourceOf(this.inForce, this.#learned);
      this.#learned = learnedBefore;
      this.#isBootOutdated = true;
      if (reached) await this.#goTo(before, reached);
      await store.discard(generation).catch(() => undefined);
      throw error;
    }
    await this.#options.onInForce(this.inForce);
    giveBackMemory(source.ids.size);
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
    const reached = sourceOf(from, this.#learned);
    if (this.#pending) {
      const { before, timer } = this.#pending;
      clearTimeout(timer);
      this.#pending = null;
      this.#learned = relearn(createLearnIndex(before.policy), this.#learned);
      await this.#goTo(before, reached);
      await store.discard(from.state.generation).catch(() => undefined);
    } else {
      if (from.state.previous === null)
        throw new RequestError('no-previous', 'there is no earlier policy to go back to');
      const earlier = await onDisk(() => store.generation(from.state.previous ?? 0));
      const { generation } = earlier.state;
      const text = earlier.policyText;
      const endedByMs = Math.max(await store.readEnded(generation), this.#options.settledMs() ?? 0);
      const config = configFor(earlier.state, this.#options.config);
      const job = { ...reached, config, text, generation, endedByMs, before: reached };
      const prepared = await prepare(job).catch(() => {
        throw new RequestError('no-previous', `generation ${generation} no longer reads`);
      });
      this.#learned = prepared.source.learned;
      await this.#load(inForce({ ...earlier.state, ids: from.state.ids }, prepared), prepared.loading);
      await onDisk(() => store.makeCurrent(generation));
    }
    this.#isBootOutdated = true;
    this.#tell('policy-rolled-back', by, this.inForce.state.generation, why);
    this.#tellModes(from, by);
    await this.#options.onInForce(this.inForce);
    giveBackMemory(this.inForce.ids.size);
    return this.state();
  }

  /**
   * Takes what has ended by then out of the kernel, with its live connections, and keeps that on disk: it comes back only with a
   * policy that somebody applies. The generation stays. Rejects where the kernel refuses; then nothing changed.
   */
  async endExceptions(atMs: number): Promise<readonly Exception[]> {
    const before = this.inForce;
    const ended = before.exceptions.filter((each) => isEnded(each, atMs) && !isEnded(each, before.endedByMs));
    if (ended.length === 0) return [];
    const { store } = this.#options;
    const next = { ...before, endedByMs: atMs, policy: unpackPolicy(before.packed, atMs) };
    await this.#goTo(next, sourceOf(before, this.#learned));
    this.#isBootOutdated = true;
    await onDisk(() => store.writeEnded(before.state.generation, atMs));
    await this.saveLearned();
    await this.#options.onInForce(this.inForce);
    giveBackMemory(this.inForce.ids.size);
    return ended;
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
      await this.#loadLearned(before, learnedBefore, new Set(fresh.map(({ device }) => device)));
    } catch (error) {
      this.#learned = learnedBefore;
      throw error;
    }
    this.#isBootOutdated = true;
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
    const { state } = this.inForce;
    if (!this.#isBootOutdated || state.generation === 0 || this.#pending) return;
    const { loading } = await this.#write(this.inForce, { runtime: new Map<string, readonly Element[]>() });
    await store.rewriteRuleset(state.generation, loading.text);
    this.#isBootOutdated = false;
  }

  /** As it was given. Throws RequestError `disk`. */
  async policyText(): Promise<string> {
    const { generation } = this.inForce.state;
    if (generation === 0) return CLOSED_POLICY;
    return (await onDisk(() => this.#options.store.generation(generation))).policyText;
  }

  /** The generation that boots; null while one waits for its confirmation, or there is none. */
  get bootGeneration(): number | null {
    const { generation } = this.inForce.state;
    return generation > 0 && !this.#pending ? generation : null;
  }

  /** Looks whether the tables are as we left them; makes them anew if not. True when something had to be restored. */
  async guard(): Promise<boolean> {
    const expected = this.inForce;
    const structure = await readBack(expected.shape);
    const found = structure.ok ? await countElements(expected.shape) : structure;
    const generation = found.ok ? await readGeneration() : null;
    if (found.ok && generation === expected.state.generation) return this.#guardHold();
    const { loading } = await this.#write(expected, { runtime: this.#options.runtimeElements() });
    const applied = await applyRuleset(loading.text);
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
    const { state, policy, entries } = this.inForce;
    return {
      generation: state.generation,
      sha256: state.sha256,
      appliedAtMs: state.generation === 0 ? null : state.appliedAtMs,
      devices: Object.keys(policy.devices).length,
      entries,
      pending: this.#pending
        ? { generation: state.generation, rollbackAtMs: this.#pending.rollbackAtMs }
        : null,
    };
  }

  stop(): void {
    if (this.#pending) clearTimeout(this.#pending.timer);
  }

  async #goTo(next: InForce, before: Source): Promise<void> {
    const { shape, loading } = await this.#write(next, { before });
    await this.#load({ ...next, shape }, loading);
  }

  #write(
    next: InForce,
    { before = null, runtime = null }: Partial<Pick<Parameters<typeof write>[0], 'before' | 'runtime'>>,
  ): ReturnType<typeof write> {
    return write({ config: this.#options.config, to: sourceOf(next, this.#learned), before, runtime });
  }

  /** Elements only where that is enough; else a refill; else, where the kernel has something older, anew. */
  async #load(next: InForce, { kind, text }: Loading): Promise<void> {
    const anew = async (runtime: ReadonlyMap<string, readonly Element[]> | null): Promise<void> =>
      this.#load(next, (await this.#write(next, { runtime })).loading);
    const result = await applyRuleset(text);
    if (!result.ok && kind === 'change') return anew(null);
    if (!result.ok && kind === 'refill') return anew(this.#options.runtimeElements());
    if (!result.ok)
      throw new RequestError(
        'kernel-refused',
        `the kernel refused the ruleset; nothing was changed: ${result.error}`,
      );
    this.#inForce = next;
    if (kind === 'change') return;
    if (kind === 'replace') await this.#options.onReplaced();
    await this.#options.hold.ensure();
    const back = await readBack(next.shape);
    // A refill leaves chains that we do not know, such as those which the boot loader closes a box with.
    if (!back.ok && kind === 'refill') return anew(this.#options.runtimeElements());
    if (!back.ok)
      throw new RequestError(
        'kernel-refused',
        `what the kernel holds is not what was written: ${back.difference}`,
      );
  }

  /** The elements of these devices and of who names them; all of it where that fails. */
  async #loadLearned(
    before: InForce,
    learnedBefore: LearnedAddresses,
    devices: ReadonlySet<string>,
  ): Promise<void> {
    const { policy, ids, state } = before;
    const source = { policy, ids, learned: learnedBefore, generation: state.generation };
    const change = learnedChange({ ...source, config: this.#options.config }, this.#learned, devices);
    if (change && (await applyRuleset(change.text)).ok) {
      this.#inForce = { ...before, shape: withPartChanged(before.shape, change.before, change.after) };
      return;
    }
    const { shape, loading } = await this.#write(before, {});
    await this.#load({ ...before, shape }, loading);
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
