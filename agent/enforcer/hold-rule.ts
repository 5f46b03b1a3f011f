/**
 * The one rule of the chain `hold`: it queues a first packet for the enforcer, and lets it go on where nobody listens. Not
 * part of the ruleset's text, because how it is written depends on the kernel, and because a box must boot with the same
 * text on every kernel. Put in after each load, read back, and watched with the tables. An empty chain means tap mode.
 */
import type { BoxConfig } from '../policy/config.js';
import { readChain, writeCompatHold, type HoldKind } from '../netlink/nf-tables-rules.js';
import type { ReadBack } from '../nftables/read-tables.js';
import { applyRuleset } from '../nftables/run-nft.js';
import { HOLD_CHAIN, HOLD_QUEUE } from '../ruleset/reasons.js';

const AT = { family: 'inet', table: 'cordon', chain: HOLD_CHAIN } as const;
/** What worked before and does not read back was written over meanwhile, by who wrote there before: it is written again. */
const TRIES_OF_WHAT_WORKED = 5;
const EMPTIED = `flush chain inet cordon ${HOLD_CHAIN}\n`;

export class HoldRule {
  readonly wanted: BoxConfig['inspection'];
  #kind: HoldKind | null = null;
  #why: string | null = null;

  constructor(wanted: BoxConfig['inspection']) {
    this.wanted = wanted;
  }

  /** How packets are held; null: they are not. */
  get kind(): HoldKind | null {
    return this.#kind;
  }

  /** Why they are not, although wanted. */
  get why(): string | null {
    return this.#why;
  }

  /** Brings the chain to what is wanted, as far as this kernel can. Never rejects: tap mode is what remains. */
  async ensure(): Promise<void> {
    if (this.wanted === 'tap') {
      if (!(await this.verify()).ok) await applyRuleset(EMPTIED);
      return;
    }
    if (this.#kind !== null && (await this.verify()).ok) return;
    const problems: string[] = [];
    // Nothing is known yet, or what is there is not what we wrote: what worked before is tried first.
    const kinds: readonly HoldKind[] =
      this.#kind === 'compat' ? ['compat', 'statement'] : ['statement', 'compat'];
    for (const kind of kinds) {
      const tries = kind === this.#kind ? TRIES_OF_WHAT_WORKED : 1;
      let problem = await write(kind);
      for (let done = 1; problem !== null && done < tries; done += 1) problem = await write(kind);
      if (problem === null) {
        this.#kind = kind;
        this.#why = null;
        return;
      }
      problems.push(`${kind === 'statement' ? 'nft_queue' : 'xt NFQUEUE through nft_compat'}: ${problem}`);
    }
    this.#kind = null;
    this.#why = `the kernel cannot hold packets (${problems.join('; ')})`.slice(0, 400);
    await applyRuleset(EMPTIED);
  }

  /** Whether the chain is as `ensure` left it. */
  async verify(): Promise<ReadBack> {
    try {
      const rules = await readChain(AT);
      const isRight =
        this.#kind === null
          ? rules.length === 0
          : rules.length === 1 && rules[0]?.kind === this.#kind && rules[0].queue === HOLD_QUEUE;
      return isRight
        ? { ok: true }
        : { ok: false, difference: `chain inet cordon ${HOLD_CHAIN} is not as it was written` };
    } catch (error) {
      return { ok: false, difference: `chain inet cordon ${HOLD_CHAIN}: ${text(error)}` };
    }
  }
}

/** Null when the chain now holds exactly this rule. */
async function write(kind: HoldKind): Promise<string | null> {
  try {
    if (kind === 'compat') writeCompatHold(AT, HOLD_QUEUE);
    else {
      const rule = `add rule inet cordon ${HOLD_CHAIN} queue flags bypass to ${HOLD_QUEUE}\n`;
      const applied = await applyRuleset(`${EMPTIED}${rule}`);
      if (!applied.ok) return applied.error.split('\n')[0] ?? 'refused';
    }
    const rules = await readChain(AT);
    return rules.length === 1 && rules[0]?.kind === kind && rules[0].queue === HOLD_QUEUE
      ? null
      : 'it does not read back';
  } catch (error) {
    return text(error);
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
