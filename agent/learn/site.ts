/** What counts as inside the site. Pure; called by propose.ts and names.ts. */
import { addressBytes, isInNetwork, parseAddress, parseNetwork, type Address } from '../policy/address.js';
import type { Policy } from '../policy/schema.js';

/** Inside the site; a policy that does not say what that is means the private addresses (RFC 1918, RFC 4193). */
export function isInside(policy: Policy, text: string): boolean {
  const address = parseAddress(text);
  if (address === null) return false;
  const networks = policy.site.networks.length > 0 ? policy.site.networks : PRIVATE;
  return networks.some((network) => isInNetwork(address, network)) || isLinkLocal(address);
}

const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'].flatMap((text) => {
  const parsed = parseNetwork(text);
  return parsed.ok ? [parsed.network] : [];
});

/** RFC 3927, RFC 4291 section 2.5.6. */
function isLinkLocal(address: Address): boolean {
  const [first = 0, second = 0] = addressBytes(address);
  return address.family === 4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80;
}

/** RFC 1918, RFC 4193, and link-local: nobody outside has these. */
export function isPrivate(text: string): boolean {
  const address = parseAddress(text);
  if (address === null) return false;
  return PRIVATE.some((network) => isInNetwork(address, network)) || isLinkLocal(address);
}
