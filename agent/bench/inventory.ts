/**
 * The inventory: `cordon inventory` over captures against ndpiReader and tshark; what 5,000 devices take of the agent's memory.
 */
import { againstOthers } from './against-others.js';
import type { Bench } from './bench.js';
import { inventoryMemory } from './inventory-memory.js';

/** Packets. */
const LONG_CAPTURE = 250_000;

export const inventory: Bench = {
  name: 'inventory',
  what: 'captures into an inventory against ndpiReader and tshark; memory of 5,000 devices',
  limitMinutes: 20,
  async run(context) {
    await againstOthers(context, LONG_CAPTURE, (file) => ['inventory', '--capture', file, '--json']);
    await inventoryMemory(context);
  },
};
