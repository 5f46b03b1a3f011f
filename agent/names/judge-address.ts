/**
 * Whether a name may stand for an address: what could whoever controls the name do with it? The defaults `name-addresses`
 * of policy/default-policy.ts. Pure.
 */
import { isSiteAddress } from '../inventory/site-address.js';
import { addressBytes, addressFromBytes, isInNetwork, type Address } from '../policy/address.js';
import { formatAddressKind } from '../policy/address-kind.js';
import { isUnderDomain } from '../policy/host-name.js';
import type { Policy } from '../policy/schema.js';

export const UNFIT_ADDRESSES = ['no-host', 'link-local', 'box', 'guarded', 'inside'] as const;
export type UnfitAddress = (typeof UNFIT_ADDRESSES)[number];

export interface AddressSurroundings {
  readonly site: Policy['site'];
  /** Addresses of guarded devices, fixed and learnt. */
  readonly isGuarded: (address: string) => boolean;
  readonly isBox: (address: string) => boolean;
}

/** Null: it may. */
export function judgeAddress(
  name: string,
  address: Address,
  surroundings: AddressSurroundings,
): UnfitAddress | null {
  if (formatAddressKind(address) !== null) return 'no-host';
  if (isLinkLocal(address)) return 'link-local';
  if (surroundings.isBox(address.text)) return 'box';
  if (surroundings.isGuarded(address.text)) return 'guarded';
  const embedded = embeddedIpv4(address);
  if (embedded !== null) return judgeAddress(name, embedded, surroundings);
  const { networks, domains } = surroundings.site;
  const isInside = isSiteAddress(address.text) || networks.some((network) => isInNetwork(address, network));
  return isInside && !domains.some((domain) => isUnderDomain(name, domain)) ? 'inside' : null;
}

function isLinkLocal(address: Address): boolean {
  return address.family === 4 ? address.text.startsWith('169.254.') : /^fe[89ab]/.test(address.text);
}

/** Where a translator or tunnel takes it: NAT64 (RFC 6052 section 2.1), 6to4 (RFC 3056), IPv4-mapped (RFC 4291). */
function embeddedIpv4(address: Address): Address | null {
  if (address.family === 4) return null;
  const bytes = addressBytes(address);
  const starts = (...prefix: readonly number[]): boolean =>
    prefix.every((byte, index) => bytes[index] === byte);
  if (starts(0x20, 0x02)) return addressFromBytes(bytes.subarray(2, 6));
  if (starts(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0)) return addressFromBytes(bytes.subarray(12));
  if (starts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)) return addressFromBytes(bytes.subarray(12));
  return null;
}
