/**
 * Effects as elements of the runtime sets that the ruleset checks before established traffic (ruleset/containment-rules.ts).
 * Pure; used for the live kernel change and for the boot ruleset, so that both say the same.
 */
import type { Policy } from '../policy/schema.js';
import { ownValue } from '../policy/resolve-peers.js';
import { CONTACTED, OPENED, SIDE_DEVICE, SIDE_NETWORK, UNKNOWN_DEVICE_ID } from '../ruleset/marks.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import type { Effect, Effects, End } from './effects.js';

export const CONTAINMENT_SETS = [
  'inet/containment',
  'inet/cut',
  'bridge/cut_macs',
  'bridge/cut_sides',
] as const;
export type ContainmentSet = (typeof CONTAINMENT_SETS)[number];

export interface ContainmentElement {
  readonly set: ContainmentSet;
  readonly key: { readonly mark: number } | { readonly mac: string };
  /** Map `containment` only: where a packet of the device goes. */
  readonly chain: 'contained_out' | 'contained_in' | null;
  /** Steady clock, see orders.ts. */
  readonly endsMs: End;
}

/** By `elementName`. Nothing for a device that has no number, because the policy never had it: its orders wait. */
export type ContainmentElements = ReadonlyMap<string, ContainmentElement>;

export function elementsOf(
  effects: Effects,
  ids: DeviceIds,
  policy: Pick<Policy, 'devices'>,
  mode: 'bridge' | 'router',
): ContainmentElements {
  const elements = new Map<string, ContainmentElement>();
  const add = (element: ContainmentElement): void => {
    if (mode === 'bridge' || element.set.startsWith('inet')) elements.set(elementName(element), element);
  };
  for (const [device, effect] of effects.devices) {
    const id = ids.get(device);
    if (id === undefined) continue;
    marks(id, effect).forEach(add);
    if (effect.cutEndsMs === undefined) continue;
    for (const mac of ownValue(policy.devices, device)?.identity.macs ?? [])
      add({ set: 'bridge/cut_macs', key: { mac }, chain: null, endsMs: effect.cutEndsMs });
  }
  if (effects.unknown) marks(UNKNOWN_DEVICE_ID, effects.unknown).forEach(add);
  if (effects.box) {
    // No number: the key of every device (containment-rules.ts).
    marks(0, effects.box).forEach(add);
    const { cutEndsMs } = effects.box;
    if (cutEndsMs !== undefined)
      for (const mark of [SIDE_DEVICE, SIDE_NETWORK])
        add({ set: 'bridge/cut_sides', key: { mark }, chain: null, endsMs: cutEndsMs });
  }
  return elements;
}

function marks(id: number, { endsMs, cutEndsMs }: Effect): readonly ContainmentElement[] {
  return [
    { mark: (id | OPENED) >>> 0, chain: 'contained_out' as const },
    { mark: (id | CONTACTED) >>> 0, chain: 'contained_in' as const },
  ].flatMap(({ mark, chain }): ContainmentElement[] => [
    { set: 'inet/containment', key: { mark }, chain, endsMs },
    ...(cutEndsMs === undefined
      ? []
      : [{ set: 'inet/cut' as const, key: { mark }, chain: null, endsMs: cutEndsMs }]),
  ]);
}

export function elementName({ set, key }: Pick<ContainmentElement, 'set' | 'key'>): string {
  return `${set} ${'mark' in key ? key.mark : key.mac}`;
}

export interface ElementChanges {
  readonly gone: readonly ContainmentElement[];
  readonly fresh: readonly ContainmentElement[];
}

/** An element whose end moved is taken out and put in anew: the kernel keeps the timeout of one that stays. */
export function diffElements(before: ContainmentElements, next: ContainmentElements): ElementChanges {
  const stays = (element: ContainmentElement, other: ContainmentElement | undefined): boolean =>
    other !== undefined && other.endsMs === element.endsMs && other.chain === element.chain;
  return {
    gone: [...before]
      .filter(([name, element]) => !stays(element, next.get(name)))
      .map(([, element]) => element),
    fresh: [...next]
      .filter(([name, element]) => !stays(element, before.get(name)))
      .map(([, element]) => element),
  };
}

/** At least a second, so that the kernel never reads it as "for ever". */
export function timeoutMs({ endsMs }: ContainmentElement, steadyMs: number): number | null {
  return endsMs === null ? null : Math.max(1000, Math.ceil(endsMs - steadyMs));
}
