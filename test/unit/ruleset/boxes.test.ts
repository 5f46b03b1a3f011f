import fc from 'fast-check';
import t from 'tap';
import { subtractAll, type Box } from '../../../agent/ruleset/boxes.js';

const span = fc
  .tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 }))
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const box = fc.tuple(span, span, span, span).map(([address, protocol, port, source]): Box => ({
  addressLow: BigInt(address[0]),
  addressHigh: BigInt(address[1]),
  protocolLow: protocol[0],
  protocolHigh: protocol[1],
  portLow: port[0],
  portHigh: port[1],
  sourceLow: source[0],
  sourceHigh: source[1],
}));

const has = (each: Box, address: number, protocol: number, port: number, source: number): boolean =>
  BigInt(address) >= each.addressLow &&
  BigInt(address) <= each.addressHigh &&
  protocol >= each.protocolLow &&
  protocol <= each.protocolHigh &&
  port >= each.portLow &&
  port <= each.portHigh &&
  source >= each.sourceLow &&
  source <= each.sourceHigh;

t.test('overlapping entries come apart into disjoint pieces that cover exactly the same', (t) => {
  fc.assert(
    fc.property(fc.array(box, { minLength: 1, maxLength: 6 }), (boxes) => {
      const pieces: Box[] = [];
      for (const each of boxes) pieces.push(...subtractAll(each, pieces));
      for (let address = 0; address <= 6; address += 1)
        for (let protocol = 0; protocol <= 6; protocol += 1)
          for (let port = 0; port <= 6; port += 1)
            for (let source = 0; source <= 6; source += 1) {
              const wanted = boxes.some((each) => has(each, address, protocol, port, source)) ? 1 : 0;
              const found = pieces.filter((each) => has(each, address, protocol, port, source)).length;
              if (found !== wanted)
                throw new Error(
                  `${address} ${protocol} ${port} ${source}: in ${found} pieces, wanted ${wanted}`,
                );
            }
    }),
    { numRuns: 150 },
  );
  t.end();
});
