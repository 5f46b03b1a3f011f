/**
 * Whether an address can belong to a device of the site at all: private use (RFC 1918), shared (RFC 6598), link-local (RFC 3927, RFC 4291 section
 * 2.5.6) and unique local (RFC 4193). Asked for hosts that are heard through a router, so that the inventory does not fill with the Internet.
 */
export function isSiteAddress(address: string): boolean {
  if (address.includes(':')) return /^f[cd]|^fe[89ab]/i.test(address);
  // No list of four: asked for every packet of a capture.
  const first = Number.parseInt(address, 10);
  const second = Number.parseInt(address.slice(address.indexOf('.') + 1), 10);
  if (first === 10) return true;
  if (first === 172) return second >= 16 && second <= 31;
  if (first === 192) return second === 168;
  if (first === 169) return second === 254;
  return first === 100 && second >= 64 && second <= 127;
}
