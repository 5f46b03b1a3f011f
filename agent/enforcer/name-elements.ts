/** Forms in which addresses of names leave the enforcer: kernel keys and back, nft text for tables that begin anew, the file on disk. */
import { addressKey, concatKey, markKey, portKey, protocolKey, splitKey } from '../netlink/keys.js';
import { elementKeyText, type NamedElement } from '../names/named-elements.js';
import type { HeldName } from '../names/name-book.js';
import { addressBytes, addressFromBytes, type Address } from '../policy/address.js';
import type { Element } from '../ruleset/ruleset.js';
import { markText } from '../ruleset/marks.js';

/** On disk; times are of the wall clock. */
export interface KeptName {
  readonly device: string;
  readonly name: string;
  readonly addresses: readonly {
    readonly address: Address;
    readonly confirmedMs: number;
    readonly expiresMs: number;
  }[];
}

export function elementKey({ mark, address, protocol, port }: NamedElement): Uint8Array {
  const parts = [markKey(mark), addressKey(addressBytes(address)), protocolKey(protocol)];
  return concatKey(port === null ? parts : [...parts, portKey(port)]);
}

/** The id (names/named-elements.ts) of an element that the kernel has, with its mark and address. */
export function readElementKey(
  set: string,
  key: Uint8Array,
): { readonly id: string; readonly mark: number; readonly address: Address | null } {
  const lengths = [4, set.includes('4') ? 4 : 16, 1, ...(set.endsWith('_any') ? [] : [2])];
  const [mark, address, protocol, port] = splitKey(key, lengths) ?? [];
  if (mark === undefined || address === undefined || protocol === undefined)
    return { id: `${set} unreadable`, mark: 0, address: null };
  const value = new DataView(mark.buffer, mark.byteOffset).getUint32(0, true);
  const read = addressFromBytes(address);
  const parts = [markText(value), read.text, String(protocol[0] ?? 0)];
  if (port !== undefined) parts.push(String(((port[0] ?? 0) << 8) | (port[1] ?? 0)));
  return { id: `${set} ${parts.join(' . ')}`, mark: value, address: read };
}

export function nameElement(element: NamedElement, leftMs: number): Element {
  return {
    key: elementKeyText(element),
    comment: element.comment,
    timeoutSeconds: Math.max(1, Math.ceil(leftMs / 1000)),
  };
}

/** `wallMs`: what to add to the enforcer's own clock. */
export function keptName(device: string, { name, addresses }: HeldName, wallMs: number): KeptName {
  return {
    device,
    name,
    addresses: [...addresses.values()].map(({ address, confirmedMs, expiresMs }) => ({
      address,
      confirmedMs: Math.max(0, Math.round(confirmedMs + wallMs)),
      expiresMs: Math.max(0, Math.round(expiresMs + wallMs)),
    })),
  };
}
