/** The difference of two policies for people: one line a change, what widens marked. Used by policy-online.ts. */
import { counted } from '../counted.js';
import type { PolicyChange } from '../policy/diff-policy.js';
import type { Policy } from '../policy/schema.js';
import { escapeControls } from './escape.js';
import { wrap } from './text-width.js';

export type { PolicyChange } from '../policy/diff-policy.js';

export async function policyChanges(before: Policy, after: Policy): Promise<readonly PolicyChange[]> {
  return (await import('../policy/diff-policy.js')).diffPolicies(before, after);
}

/** `+` added, `-` removed, `~` changed; `!` behind it: more may pass than before. */
export function changeLines(changes: readonly PolicyChange[], columns: number): readonly string[] {
  const signs = { added: '+', removed: '-', changed: '~' } as const;
  const widening = changes.filter((change) => change.widens).length;
  return [
    ...changes.flatMap(({ kind, path, before, after, widens }) => {
      const head = `${signs[kind]}${widens ? '!' : ' '} ${escapeControls(path)}`;
      const values =
        kind === 'changed' ? [`was ${before ?? ''}`, `is  ${after ?? ''}`] : [after ?? before ?? ''];
      // In full, however long: what a reviewer does not see is not reviewed.
      return [head, ...values.flatMap((value) => wrap(escapeControls(value), columns, '     '))];
    }),
    ...(widening === 0
      ? []
      : [`${widening} of ${counted(changes.length, 'change')} let more pass than before (marked !).`]),
  ];
}
