/**
 * Allow entries over networks and port ranges as disjoint boxes. nft's concatenated interval sets (pipapo) refuse an
 * element whose corner lies inside another, while people write overlapping entries all the time; so later entries are
 * cut down to what earlier ones do not cover already. The union stays exactly the same. Pure.
 */

/**
 * Inclusive bounds in four dimensions. Addresses are unsigned integers of 32 or 128 bits. `source` is what stands in the other port
 * field: the source port, or the type and code of ICMP.
 */
export interface Box {
  readonly addressLow: bigint;
  readonly addressHigh: bigint;
  readonly protocolLow: number;
  readonly protocolHigh: number;
  readonly portLow: number;
  readonly portHigh: number;
  readonly sourceLow: number;
  readonly sourceHigh: number;
}

/** What of `box` no one of `taken` covers, as disjoint boxes; empty when all of it is covered. */
export function subtractAll(box: Box, taken: readonly Box[]): readonly Box[] {
  let rest: readonly Box[] = [box];
  for (const other of taken) {
    if (rest.length === 0) return rest;
    if (!overlaps(box, other)) continue;
    rest = rest.flatMap((piece) => subtract(piece, other));
  }
  return rest;
}

function overlaps(a: Box, b: Box): boolean {
  return (
    a.sourceLow <= b.sourceHigh &&
    b.sourceLow <= a.sourceHigh &&
    a.portLow <= b.portHigh &&
    b.portLow <= a.portHigh &&
    a.protocolLow <= b.protocolHigh &&
    b.protocolLow <= a.protocolHigh &&
    a.addressLow <= b.addressHigh &&
    b.addressLow <= a.addressHigh
  );
}

/** Slabs below and above `b`: first by address, then by protocol, port and source. */
function subtract(a: Box, b: Box): readonly Box[] {
  if (!overlaps(a, b)) return [a];
  const pieces: Box[] = [];
  let core = a;
  if (core.addressLow < b.addressLow) {
    pieces.push({ ...core, addressHigh: b.addressLow - 1n });
    core = { ...core, addressLow: b.addressLow };
  }
  if (core.addressHigh > b.addressHigh) {
    pieces.push({ ...core, addressLow: b.addressHigh + 1n });
    core = { ...core, addressHigh: b.addressHigh };
  }
  if (core.protocolLow < b.protocolLow) {
    pieces.push({ ...core, protocolHigh: b.protocolLow - 1 });
    core = { ...core, protocolLow: b.protocolLow };
  }
  if (core.protocolHigh > b.protocolHigh) {
    pieces.push({ ...core, protocolLow: b.protocolHigh + 1 });
    core = { ...core, protocolHigh: b.protocolHigh };
  }
  if (core.portLow < b.portLow) {
    pieces.push({ ...core, portHigh: b.portLow - 1 });
    core = { ...core, portLow: b.portLow };
  }
  if (core.portHigh > b.portHigh) {
    pieces.push({ ...core, portLow: b.portHigh + 1 });
    core = { ...core, portHigh: b.portHigh };
  }
  if (core.sourceLow < b.sourceLow) pieces.push({ ...core, sourceHigh: b.sourceLow - 1 });
  if (core.sourceHigh > b.sourceHigh) pieces.push({ ...core, sourceLow: b.sourceHigh + 1 });
  return pieces;
}
