/** Interfaces as nft takes them behind `iifname`. One is compared; a set of one would be hashed, for every packet. */
export function quoteInterfaces(interfaces: readonly string[]): string {
  const quoted = interfaces.map((name) => `"${name}"`);
  return quoted.length === 1 ? (quoted[0] ?? '') : `{ ${quoted.join(', ')} }`;
}
