/** Orders on devices of the ward, put into the kernel as the enforcer and the boot do: by the product's own elements. */
import { elementsOf } from '../../../agent/containment/containment-elements.js';
import { effectsOf } from '../../../agent/containment/effects.js';
import type { Order } from '../../../agent/containment/orders.js';
import { bootText } from '../../../agent/enforcer/containment-kernel.js';
import { must } from '../../../agent/lab/namespace.js';
import { applyRuleset } from '../../../agent/nftables/run-nft.js';
import { policyOf } from '../../unit/ruleset/support.js';
import { orderOf } from '../../unit/containment/support.js';
import { DEVICE_NUMBERS, wardPolicy } from './verdict-probes.js';
import type { Ward } from './ward.js';

/** `device`: `box` is the whole box. `forMs`: ends by itself. */
export async function order(
  ward: Ward,
  device: string,
  level: 'contained' | 'cut',
  forMs: number | null = null,
): Promise<void> {
  const scope = device === 'box' ? device : { device };
  await give(ward, [orderOf({ id: 1, scope, level, endsMs: forMs })]);
}

export async function give(ward: Ward, orders: readonly Order[]): Promise<void> {
  const policy = policyOf(wardPolicy(ward));
  const ids = new Map(Object.entries(DEVICE_NUMBERS));
  const elements = elementsOf(effectsOf(orders, policy), ids, policy, ward.mode);
  const result = await applyRuleset(bootText(elements, 0));
  if (!result.ok) throw new Error(result.error);
}

export async function release(ward: Ward): Promise<void> {
  await must(['nft', 'flush', 'map', 'inet', 'cordon', 'containment']);
  await must(['nft', 'flush', 'set', 'inet', 'cordon', 'cut']);
  if (ward.mode === 'router') return;
  await must(['nft', 'flush', 'set', 'bridge', 'cordon', 'cut_macs']);
  await must(['nft', 'flush', 'set', 'bridge', 'cordon', 'cut_sides']);
}
