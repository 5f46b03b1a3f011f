/** Addresses that a name was answered with and that may not be permitted by it: counted, listed, and told once while it goes on. Used by name-keeper.ts. */
import type { StateChange } from '../messages/vocabulary.js';
import type { UnfitAddress } from '../names/judge-address.js';
import type { Address } from '../policy/address.js';

/** Listed at most; the one refused longest ago makes room. */
const MAX_REFUSED = 256;
/** Told once while it goes on, and again when it comes after so long. */
const TOLD_AGAIN_MS = 3_600_000;

export interface RefusedAddress {
  readonly device: string;
  readonly name: string;
  readonly address: string;
  readonly why: UnfitAddress;
  count: number;
  lastMs: number;
}

interface RefusedAddressesOptions {
  readonly now: () => number;
  readonly tell: (change: Omit<StateChange, 'atMs'>) => void;
}

export class RefusedAddresses {
  count = 0;
  readonly #options: RefusedAddressesOptions;
  readonly #refused = new Map<string, RefusedAddress>();

  constructor(options: RefusedAddressesOptions) {
    this.#options = options;
  }

  add(device: string, name: string, { text: address }: Address, why: UnfitAddress): void {
    const { now, tell } = this.#options;
    this.count += 1;
    const key = `${device} ${name} ${address}`;
    const known = this.#refused.get(key);
    this.#refused.delete(key);
    this.#refused.set(key, { device, name, address, why, count: (known?.count ?? 0) + 1, lastMs: now() });
    if (this.#refused.size > MAX_REFUSED) {
      const [oldest] = this.#refused.keys();
      if (oldest !== undefined) this.#refused.delete(oldest);
    }
    if (known !== undefined && now() - known.lastMs < TOLD_AGAIN_MS) return;
    tell({
      kind: 'name-refused',
      by: 'enforcer',
      device,
      generation: null,
      detail: `${name} was answered with ${address}, which is ${UNFIT_TEXT[why]}: not permitted`,
    });
  }

  list(): readonly RefusedAddress[] {
    return [...this.#refused.values()];
  }
}

export const UNFIT_TEXT: Readonly<Record<UnfitAddress, string>> = {
  'no-host': 'no address of a host',
  'link-local': 'link-local',
  box: 'an address of the box',
  guarded: 'an address of a guarded device',
  inside: 'inside the site, and the name is not under site.domains',
};
