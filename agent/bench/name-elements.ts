/**
 * What names.ts has measured in the box's namespace: one address more in the set of a name, by the enforcer's own netlink and by
 * `nft -f -`, in turn. Both return when the transaction is committed: packets find the element. Prints milliseconds as JSON.
 */
import { execFileSync } from 'node:child_process';
import { elementKey } from '../enforcer/name-elements.js';
import { elementKeyText, type NamedElement } from '../names/named-elements.js';
import { changeSetElementsNow, readSetElements } from '../netlink/set-elements.js';
import { parseAddress } from '../policy/address.js';

const ROUNDS = Number(process.argv[2] ?? 200);
const SET = 'allow4_names';
const SET_PLACE = { family: 'inet', table: 'cordon', set: SET } as const;
/** Of no device. */
const MARK = 0xfff0;

function element(index: number): NamedElement {
  const address = parseAddress(`198.18.${index >> 8}.${index & 255}`);
  if (!address) throw new Error('not an address');
  return { set: SET, mark: MARK, address, protocol: 6, port: 443, comment: 'bench' };
}

const took = { netlinkMs: [] as number[], nftMs: [] as number[] };
for (let round = 0; round < ROUNDS; round += 1) {
  const [ours, theirs] = [element(2 * round), element(2 * round + 1)];
  const began = performance.now();
  changeSetElementsNow([
    {
      op: 'add',
      ...SET_PLACE,
      elements: [{ key: elementKey(ours), timeoutMs: 60_000, comment: ours.comment }],
    },
  ]);
  const between = performance.now();
  execFileSync('nft', ['-f', '-'], {
    input: `add element inet cordon ${SET} { ${elementKeyText(theirs)} timeout 60s comment "${theirs.comment}" }\n`,
  });
  took.netlinkMs.push(between - began);
  took.nftMs.push(performance.now() - between);
}
const found = (await readSetElements('inet', 'cordon', SET)).filter(
  ({ comment }) => comment === 'bench',
).length;
if (found !== 2 * ROUNDS) throw new Error(`${found} of ${2 * ROUNDS} elements are in the kernel`);
process.stdout.write(JSON.stringify(took));
