/**
 * Orders for what the kernel holds and no record explains: both copies on disk were damaged, or the power of the process went
 * between the kernel and the disk. Pure; asked once at the start of the enforcer. Without this nobody could see such a
 * containment, nor release it.
 */
import type { ContainmentScope } from '../messages/vocabulary.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import { CONTACTED, DEVICE_MASK } from '../ruleset/marks.js';
import { elementName, type ContainmentElements } from './containment-elements.js';
import type { End } from './effects.js';

/** Ends nearer to each other than this belong to one order. */
const SAME_END_MS = 1_000;

export interface Adopted {
  readonly scope: ContainmentScope;
  readonly level: 'contained' | 'cut';
  readonly endsMs: End;
}

export function adoptOrders(
  inKernel: ContainmentElements,
  wanted: ContainmentElements,
  ids: DeviceIds,
): readonly Adopted[] {
  const names = new Map([...ids].map(([name, id]) => [id, name]));
  const adopted: Adopted[] = [];
  for (const [name, element] of inKernel) {
    if (!('mark' in element.key) || !element.set.startsWith('inet') || wanted.has(name)) continue;
    if ((element.key.mark & CONTACTED) !== 0) continue; // each has a twin for the connections that it opened
    const scope = scopeOf(element.key.mark, names);
    if (scope === null) continue;
    const cut = inKernel.get(elementName({ set: 'inet/cut', key: element.key }));
    const isCovered =
      element.set === 'inet/containment' && cut !== undefined && isSameEnd(cut.endsMs, element.endsMs);
    if (isCovered && !wanted.has(elementName(cut))) continue;
    adopted.push({
      scope,
      level: element.set === 'inet/cut' ? 'cut' : 'contained',
      endsMs: element.endsMs,
    });
  }
  return adopted;
}

/** Null for a number that no policy had, and for devices without a name: those are under orders of the whole box only. */
function scopeOf(mark: number, names: ReadonlyMap<number, string>): ContainmentScope | null {
  const id = mark & DEVICE_MASK;
  if (id === 0) return 'box';
  const device = names.get(id);
  return device === undefined ? null : { device };
}

function isSameEnd(a: End, b: End): boolean {
  return a === null || b === null ? a === b : Math.abs(a - b) < SAME_END_MS;
}
