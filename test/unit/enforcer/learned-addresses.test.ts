import t from 'tap';
import {
  createLearnIndex,
  learnAddress,
  MAX_LEARNED_PER_DEVICE,
  relearn,
} from '../../../agent/enforcer/learned-addresses.js';
import { parseAddress, type Address } from '../../../agent/policy/address.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';

const parsed = parsePolicy(`version: 1
site: { name: x, networks: [10.77.0.0/24, "fd77::/64"] }
groups: { dns: [{ address: 10.77.0.53 }] }
devices:
  fixed-1: { identity: { macs: ["02:00:00:00:00:01"], addresses: [10.77.0.10] }, mode: enforce }
  lease-1:
    identity: { macs: ["02:00:00:00:00:02"] }
    mode: enforce
    allow: [{ direction: out, peer: { address: 10.77.0.5 }, protocol: tcp, ports: [104], why: x }]
  lease-2: { identity: { macs: ["02:00:00:00:00:03"] }, mode: enforce }
`);
if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
const index = createLearnIndex(parsed.policy);
const at = (text: string): Address => parseAddress(text) ?? { family: 4, text: 'never' };

/** Who claims what, and what becomes of it. */
const TABLE: readonly (readonly [string, string, string])[] = [
  ['lease-1', '10.77.0.20', 'learned'],
  ['lease-1', 'fd77::20', 'learned'],
  ['lease-1', '10.77.0.5', 'a-peer'],
  ['lease-2', '10.77.0.53', 'a-peer'],
  ['lease-1', '10.77.0.10', 'another-device'],
  ['fixed-1', '10.77.0.11', 'fixed'],
  ['fixed-1', '10.77.0.10', 'known'],
  ['lease-1', '192.0.2.1', 'outside'],
  ['lease-1', '224.0.0.1', 'not-usable'],
  ['lease-1', '127.0.0.1', 'not-usable'],
  ['lease-1', 'fe80::1', 'not-usable'],
  ['nobody', '10.77.0.20', 'unknown-device'],
];

t.test('a device cannot claim what belongs to somebody else', (t) => {
  for (const [device, address, outcome] of TABLE) {
    const result = learnAddress(index, new Map(), device, at(address));
    t.equal(result.kind === 'refused' ? result.why : result.kind, outcome, `${device} claims ${address}`);
  }
  const taken = new Map([['lease-1', [at('10.77.0.20')]]]);
  t.match(learnAddress(index, taken, 'lease-2', at('10.77.0.20')), { why: 'another-device' });
  t.end();
});

t.test(
  'what is learnt is bounded, the oldest leaves first, and survives only where it could be learnt again',
  (t) => {
    let learned: ReadonlyMap<string, readonly Address[]> = new Map();
    for (let host = 100; host < 130; host += 1) {
      const result = learnAddress(index, learned, 'lease-1', at(`10.77.0.${host}`));
      if (result.kind === 'learned') learned = result.learned;
    }
    t.equal(learned.get('lease-1')?.length, MAX_LEARNED_PER_DEVICE);
    t.equal(learned.get('lease-1')?.at(-1)?.text, '10.77.0.129');
    const again = relearn(
      index,
      new Map([...learned, ['gone', [at('10.77.0.9')]], ['lease-2', [at('10.77.0.5'), at('10.77.0.129')]]]),
    );
    t.equal(again.get('lease-1')?.length, MAX_LEARNED_PER_DEVICE);
    t.equal(again.has('gone'), false);
    t.equal(again.has('lease-2'), false, "a peer's address, and one that lease-1 has");
    t.end();
  },
);
