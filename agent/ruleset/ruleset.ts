/**
 * A ruleset as data: what compile-ruleset.ts makes, render-ruleset.ts writes as nft text and diff-ruleset.ts compares.
 * Rules are nft statements; everything that depends on the number of devices is a set element.
 */

/** Raised when a set's or map's type changes: the tables are then replaced, not refilled (see render-ruleset.ts). */
export const RULESET_FORMAT = 3;

export interface Element {
  /** nft text of the key, parts of a concatenation joined by ` . `. */
  readonly key: string;
  /** Maps only: mark, or verdict. */
  readonly value?: string;
  /** Where in the policy it comes from. */
  readonly comment?: string;
  /** In sets with `flags timeout`: it leaves by itself after this. */
  readonly timeoutSeconds?: number;
}

export interface SetDefinition {
  readonly kind: 'set' | 'map';
  readonly name: string;
  readonly comment?: string;
  /** `type …` or `typeof …`, without the semicolon. */
  readonly type: string;
  readonly flags: readonly ('interval' | 'timeout' | 'dynamic')[];
  readonly size?: number;
  readonly timeoutSeconds?: number;
  /** One counter per element: proof that an entry is used. */
  readonly counter?: boolean;
  /** Elements that live in the kernel only (containment, log limits) are not touched when a policy is applied. */
  readonly contents: 'policy' | 'runtime';
  readonly elements: readonly Element[];
}

export interface Rule {
  readonly text: string;
  readonly comment?: string;
}

export interface Chain {
  readonly name: string;
  /** `type filter hook … priority …; policy …;` for a base chain. */
  readonly hook?: string;
  readonly comment?: string;
  readonly rules: readonly Rule[];
  /** Its rules are the enforcer's, put in after the ruleset is loaded (see enforcer/hold-rule.ts); absent: `rules` is all. */
  readonly contents?: 'runtime';
}

export interface Table {
  readonly family: 'inet' | 'bridge';
  readonly name: 'cordon';
  readonly counters: readonly string[];
  readonly sets: readonly SetDefinition[];
  readonly chains: readonly Chain[];
}

export interface Ruleset {
  readonly format: number;
  readonly mode: 'bridge' | 'router';
  /** In the order they are written. A family that is absent has its table `cordon` removed. */
  readonly tables: readonly Table[];
}
