/** Addresses of names as elements of the kernel's sets: which set, which key, and the same as nft text. Pure. */
import type { Address } from '../policy/address.js';
import { markText } from '../ruleset/marks.js';
import { namedSet } from '../ruleset/match-text.js';
import type { NamedService } from './named-services.js';

export interface NamedElement {
  readonly set: string;
  readonly mark: number;
  readonly address: Address;
  readonly protocol: number;
  /** Null in the sets that have none. */
  readonly port: number | null;
  readonly comment: string;
}

export function elementsOf(address: Address, services: readonly NamedService[]): readonly NamedElement[] {
  return services.flatMap(({ mark, protocol, family, ports, isEssential, comment }) => {
    if (family !== null && family !== address.family) return [];
    // ICMP is not one protocol in two families.
    if ((protocol === 1 && address.family === 6) || (protocol === 58 && address.family === 4)) return [];
    const lists = isEssential ? (['allow', 'essential'] as const) : (['allow'] as const);
    return lists.flatMap((list) =>
      (ports ?? [null]).map((port) => ({
        set: namedSet(list, address.family, port !== null),
        mark,
        address,
        protocol,
        port,
        comment,
      })),
    );
  });
}

/** nft text of the key. */
export function elementKeyText({ mark, address, protocol, port }: NamedElement): string {
  const parts = [markText(mark), address.text, String(protocol)];
  return (port === null ? parts : [...parts, String(port)]).join(' . ');
}

/** One to one: an element by its set and key. */
export function elementId(element: NamedElement): string {
  return `${element.set} ${elementKeyText(element)}`;
}
