/**
 * Orders as elements of the runtime sets that the ruleset checks before established traffic: `containment` (inet) and
 * `cut_macs` (bridge). Pure; used for the live kernel change and for the boot ruleset, so that both say the same.
 */
import { CONTACTED, OPENED } from '../ruleset/marks.js';
import type { DeviceIds } from '../ruleset/assign-ids.js';
import { chainName } from '../ruleset/reasons.js';
import { effectOn, type Effect, type Orders } from './orders.js';

export interface ContainmentElement {
  readonly set: 'inet/containment' | 'bridge/cut_macs';
  /** The mark, or the MAC. */
  readonly key: { readonly mark: number } | { readonly mac: string };
  /** Maps only: where a packet of the device goes. */
  readonly verdict: { readonly kind: 'jump' | 'goto'; readonly chain: string } | null;
  /** From `nowMs` on; null: until released. At least one second, so that the kernel never reads it as "for ever". */
  readonly timeoutMs: number | null;
}

/** Nothing for a device that has no number, because the policy no longer has it: its orders wait. */
export function elementsFor(
  device: string,
  effect: Effect | null,
  ids: DeviceIds,
  macs: readonly string[],
  mode: 'bridge' | 'router',
  nowMs: number,
): readonly ContainmentElement[] {
  const id = ids.get(device);
  if (id === undefined || effect === null) return [];
  const timeoutMs = effect.untilMs === null ? null : Math.max(1000, effect.untilMs - nowMs);
  const marks = [
    { mark: id | OPENED, chain: 'contained_out' },
    { mark: id | CONTACTED, chain: 'contained_in' },
  ].map(({ mark, chain }): ContainmentElement => ({
    set: 'inet/containment',
    key: { mark },
    verdict: effect.level === 'cut' ? { kind: 'goto', chain: chainName('cut') } : { kind: 'jump', chain },
    timeoutMs,
  }));
  if (effect.level !== 'cut' || mode !== 'bridge') return marks;
  return [
    ...marks,
    ...macs.map((mac): ContainmentElement => ({
      set: 'bridge/cut_macs',
      key: { mac },
      verdict: null,
      timeoutMs,
    })),
  ];
}

export function allElements(
  orders: Orders,
  ids: DeviceIds,
  macsOf: (device: string) => readonly string[],
  mode: 'bridge' | 'router',
  nowMs: number,
): readonly ContainmentElement[] {
  const devices = [...new Set(orders.map((order) => order.device))];
  return devices.flatMap((device) =>
    elementsFor(device, effectOn(orders, device), ids, macsOf(device), mode, nowMs),
  );
}
