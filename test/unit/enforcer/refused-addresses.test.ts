import t from 'tap';
import { RefusedAddresses } from '../../../agent/enforcer/refused-addresses.js';
import { parseAddress } from '../../../agent/policy/address.js';

const HOUR_MS = 3_600_000;

function scene() {
  const told: string[] = [];
  let nowMs = 0;
  const refused = new RefusedAddresses({ now: () => nowMs, tell: ({ detail }) => told.push(detail) });
  const add = (atMs: number, address = '169.254.1.1'): void => {
    nowMs = atMs;
    const parsed = parseAddress(address);
    if (parsed === null) throw new Error(address);
    refused.add('pump-1', 'cloud.example', parsed, 'link-local');
  };
  return { told, refused, add };
}

t.test('an address that is refused again and again is told once, and again after an hour without', (t) => {
  const { told, refused, add } = scene();
  for (let minute = 0; minute < 120; minute += 5) add(minute * 60_000);
  t.same(told, ['cloud.example was answered with 169.254.1.1, which is link-local: not permitted']);
  t.match(refused.list(), [{ device: 'pump-1', count: 24, lastMs: 115 * 60_000 }]);
  add(115 * 60_000 + HOUR_MS);
  t.equal(told.length, 2);
  t.equal(refused.count, 25);
  t.end();
});

t.test('the list has a limit: the one refused longest ago makes room', (t) => {
  const { refused, add } = scene();
  const address = (n: number): string => `169.254.${n >> 8}.${n & 255}`;
  for (let n = 1; n <= 256; n++) add(n, address(n));
  add(300, address(1));
  add(301, address(257));
  t.equal(refused.list().length, 256);
  t.notOk(refused.list().some((one) => one.address === address(2)));
  t.ok(refused.list().some((one) => one.address === address(1)));
  t.equal(refused.count, 258, 'all are counted');
  t.end();
});
