/**
 * What a newer MUD file permits that an older one does not, and the other way round, before any site is asked who its classes are. For
 * `cordon mud diff`: what somebody approves when a manufacturer changes a file. Pure.
 */
import { conversationText } from './describe.js';
import type { MudFile } from './mud-file.js';
import { pairAces } from './pair-aces.js';

export interface MudDifference {
  /** Of what the files say of the device, not of what it may do. */
  readonly description: readonly {
    readonly what: string;
    readonly before: string | null;
    readonly after: string | null;
  }[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: number;
}

const DESCRIPTION = [
  ['mud-url', 'url'],
  ['last-update', 'lastUpdate'],
  ['cache-validity', 'cacheValidityHours'],
  ['is-supported', 'isSupported'],
  ['systeminfo', 'systemInfo'],
  ['mfg-name', 'manufacturer'],
  ['model-name', 'model'],
  ['mud-signature', 'signatureUrl'],
] as const satisfies readonly (readonly [string, keyof MudFile])[];

export function diffMud(before: MudFile, after: MudFile): MudDifference {
  const [old, now] = [permittedBy(before), permittedBy(after)];
  const text = (value: string | number | boolean | null): string | null =>
    value === null ? null : String(value);
  return {
    description: DESCRIPTION.map(([what, key]) => ({
      what,
      before: text(before[key]),
      after: text(after[key]),
    })).filter((change) => change.before !== change.after),
    added: [...now].filter((each) => !old.has(each)).sort(),
    removed: [...old].filter((each) => !now.has(each)).sort(),
    unchanged: [...now].filter((each) => old.has(each)).length,
  };
}

function permittedBy(file: MudFile): ReadonlySet<string> {
  return new Set(pairAces(file).conversations.map(conversationText));
}
