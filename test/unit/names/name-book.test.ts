import t from 'tap';
import { elementId, elementsOf } from '../../../agent/names/named-elements.js';
import { MAX_NAMES_PER_DEVICE, NameBook } from '../../../agent/names/name-book.js';
import { addressFromBytes, parseAddress, type Address } from '../../../agent/policy/address.js';
import {
  NAME_GRACE_SECONDS,
  NAME_TTL_MAX_SECONDS,
  NAME_TTL_MIN_SECONDS,
  NAME_UNCONFIRMED_SECONDS,
  NAME_USED_SECONDS,
} from '../../../agent/policy/default-policy.js';
import { assignIds, NO_IDS } from '../../../agent/ruleset/assign-ids.js';
import { policyOf } from '../ruleset/support.js';

const ip = (text: string): Address => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
};
const POLICY = `version: 1
site: { name: x, resolvers: [10.0.0.53], wildcardNames: true }
groups: { servers: [{ name: ehr.ward.example }, { address: 10.0.0.9 }] }
devices:
  monitor-1: { identity: { macs: ["02:00:00:00:00:0b"] }, mode: enforce }
  pump-1:
    identity: { macs: ["02:00:00:00:00:0a"] }
    mode: enforce
    allow:
      - { direction: out, peer: { name: pacs.ward.example }, protocol: tcp, ports: [104, "11112-11113"], essential: true, why: x }
      - { direction: out, peer: { name: "*.ward.example" }, protocol: udp, ports: [123], why: x }
      - { direction: in, peer: { group: servers }, protocol: tcp, ports: [1-65535], why: x }
      - { direction: out, peer: { name: pacs.ward.example }, protocol: icmpv6, why: x }
`;
const policy = policyOf(POLICY);
const ids = assignIds(Object.keys(policy.devices), NO_IDS);
const [MONITOR, PUMP] = [ids.get('monitor-1') ?? 0, ids.get('pump-1') ?? 0];
const HOUR_MS = 3_600_000;

function book(): NameBook {
  const made = new NameBook();
  made.usePolicy(policy, ids);
  return made;
}

t.test('what an answer stands for: every entry that covers the name, by port, essential ones twice', (t) => {
  const held = book().learn(PUMP, 'pacs.ward.example', [ip('10.0.0.5'), ip('fd77::5')], 60, 'answer', 0);
  const ids = [...(held?.addresses.values() ?? [])].flatMap(({ address }) =>
    elementsOf(address, held?.services ?? []).map(elementId),
  );
  t.same(ids.sort(), [
    'allow4_names 0x01000003 . 10.0.0.5 . 17 . 123',
    'allow4_names 0x01000003 . 10.0.0.5 . 6 . 104',
    'allow4_names 0x01000003 . 10.0.0.5 . 6 . 11112',
    'allow4_names 0x01000003 . 10.0.0.5 . 6 . 11113',
    'allow6_names 0x01000003 . fd77::5 . 17 . 123',
    'allow6_names 0x01000003 . fd77::5 . 6 . 104',
    'allow6_names 0x01000003 . fd77::5 . 6 . 11112',
    'allow6_names 0x01000003 . fd77::5 . 6 . 11113',
    'allow6_names_any 0x01000003 . fd77::5 . 58',
    'essential4_names 0x01000003 . 10.0.0.5 . 6 . 104',
    'essential4_names 0x01000003 . 10.0.0.5 . 6 . 11112',
    'essential4_names 0x01000003 . 10.0.0.5 . 6 . 11113',
    'essential6_names 0x01000003 . fd77::5 . 6 . 104',
    'essential6_names 0x01000003 . fd77::5 . 6 . 11112',
    'essential6_names 0x01000003 . fd77::5 . 6 . 11113',
  ]);
  const ehr = book().learn(PUMP, 'ehr.ward.example', [ip('10.0.0.6')], 60, 'answer', 0);
  t.ok(
    elementsOf(ip('10.0.0.6'), ehr?.services ?? [])
      .map(elementId)
      .includes('allow4_names_any 0x02000003 . 10.0.0.6 . 6'),
  );
  t.equal(book().learn(PUMP, 'pacs.elsewhere', [ip('10.0.0.5')], 60, 'answer', 0), null);
  t.equal(
    book().learn(MONITOR, 'pacs.ward.example', [ip('10.0.0.5')], 60, 'answer', 0),
    null,
    'another device',
  );
  t.end();
});

t.test(
  'how long: the TTL within its bounds and the grace; longer when used; not for ever without an answer',
  (t) => {
    const life = (ttl: number): number => {
      const held = book().learn(PUMP, 'pacs.ward.example', [ip('10.0.0.5')], ttl, 'answer', 1_000);
      return ((held?.addresses.get('10.0.0.5')?.expiresMs ?? 0) - 1_000) / 1_000;
    };
    t.equal(life(0), NAME_TTL_MIN_SECONDS + NAME_GRACE_SECONDS);
    t.equal(life(7_200), 7_200 + NAME_GRACE_SECONDS);
    t.equal(life(4_000_000), NAME_TTL_MAX_SECONDS + NAME_GRACE_SECONDS);

    const made = book();
    const held = made.learn(PUMP, 'pacs.ward.example', [ip('10.0.0.5')], 60, 'answer', 0);
    const known = held?.addresses.get('10.0.0.5');
    t.equal(made.touch(PUMP, '10.0.0.5', HOUR_MS).length, 1);
    t.equal(known?.expiresMs, HOUR_MS + NAME_USED_SECONDS * 1000);
    made.learn(PUMP, 'pacs.ward.example', [ip('10.0.0.6')], 60, 'answer', 2 * HOUR_MS);
    made.expire(4 * HOUR_MS);
    t.same(
      made.addressesOf(PUMP, 'pacs.ward.example').map(({ text }) => text),
      ['10.0.0.5'],
      'used outlives answered',
    );
    for (let at = 0; at < NAME_UNCONFIRMED_SECONDS * 1000; at += 12 * HOUR_MS) {
      made.touch(PUMP, '10.0.0.5', at);
      made.expire(at);
    }
    t.equal(made.addressesOf(PUMP, 'pacs.ward.example').length, 1, 'used for a month');
    made.touch(PUMP, '10.0.0.5', NAME_UNCONFIRMED_SECONDS * 1000);
    made.expire(NAME_UNCONFIRMED_SECONDS * 1000);
    t.same(made.addressesOf(PUMP, 'pacs.ward.example'), [], 'and no answer gave it');
    t.equal(made.elements, 0);
    t.end();
  },
);

t.test(
  'a policy that comes later finds what was looked up before; one that leaves a name out forgets it',
  (t) => {
    const made = new NameBook();
    const empty = policyOf(POLICY.replace(/ {4}allow:[^]*/, ''));
    made.usePolicy(empty, ids);
    t.equal(made.learn(PUMP, 'pacs.ward.example', [ip('10.0.0.5')], 600, 'answer', 0), null);
    t.equal(made.elements, 0);
    made.usePolicy(policy, ids);
    t.equal(made.addressesOf(PUMP, 'pacs.ward.example').length, 1);
    t.equal(made.addressesOf(PUMP, '*.ward.example').length, 1);
    t.ok(made.elements > 0);
    made.usePolicy(empty, ids);
    t.same([made.elements, made.addressesOf(PUMP, 'pacs.ward.example')], [0, []]);
    t.end();
  },
);

t.test('a flood of names under a wildcard displaces its own, and says what left', (t) => {
  const made = book();
  const address = (index: number): Address =>
    addressFromBytes(Uint8Array.of(203, 0, index >> 8, index & 255));
  made.learn(PUMP, 'pacs.ward.example', [ip('10.0.0.5')], 60, 'answer', 0);
  made.learn(MONITOR, 'other.ward.example', [ip('10.0.0.7')], 60, 'answer', 0);
  for (let index = 0; index < 3_000; index++)
    made.learn(PUMP, `n${index}.ward.example`, [address(index)], 60, 'answer', index);
  const names = [...made.all()];
  t.equal(names.length, MAX_NAMES_PER_DEVICE + 1);
  t.ok(
    names.some(({ name }) => name === 'pacs.ward.example'),
    'what the policy names stays',
  );
  t.ok(names.some(({ deviceId }) => deviceId === MONITOR));
  t.equal(made.takeDropped().length, 3_000 - MAX_NAMES_PER_DEVICE + 1);
  for (let index = 0; index < 100; index++)
    made.learn(PUMP, 'pacs.ward.example', [address(index)], 60, 'answer', 5_000 + index);
  t.equal(names.find(({ name }) => name === 'pacs.ward.example')?.addresses.size, 32);
  t.end();
});
