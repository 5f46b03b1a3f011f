import t from 'tap';
import { countInForce, packPolicy, unpackPolicy } from '../../../agent/policy/packed-policy.js';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';
import type { Policy } from '../../../agent/policy/schema.js';

const TEXT = `
version: 1
site: { name: Ward, networks: [10.0.0.0/8] }
groups:
  pacs: [{ address: 10.0.0.5 }, { network: "2001:db8::/32" }]
devices:
  constructor:
    identity: { macs: ['02:00:00:00:00:01'], addresses: [10.0.1.1, "2001:db8::1"] }
    mode: enforce
    contacts: [{ role: owner, name: Ward }]
    allow:
      - { direction: out, peer: { group: pacs }, protocol: tcp, ports: [104, 5000-5010], essential: true, why: images }
      - { direction: in, peer: { device: pump }, protocol: icmp, why: monitoring }
      - { direction: out, peer: any, protocol: any, why: everything }
  empty:
    identity: { macs: ['02:00:00:00:00:02'] }
    mode: observe
  pump:
    identity: { macs: ['02:00:00:00:00:03'] }
    mode: shadow
    allow:
      - { direction: out, peer: { group: pacs }, protocol: tcp, ports: [104, 5000-5010], essential: true, why: images }
`;

function parsed(text: string): Policy {
  const result = parsePolicy(text);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.policy;
}

t.test('a policy comes back as it was, also through a message between threads', (t) => {
  const policy = parsed(TEXT);
  const back = unpackPolicy(structuredClone(packPolicy(policy)), 0);
  t.same(JSON.parse(JSON.stringify(back)), JSON.parse(JSON.stringify(policy)));
  t.same(Object.keys(back.devices), Object.keys(policy.devices), 'in the same order');
  t.equal(Object.getPrototypeOf(back.devices), null);
  t.equal(Object.getPrototypeOf(back.groups), null);
  t.equal(back.devices['toString'], undefined);
  t.same({ ...back.devices['pump'] }.allow, policy.devices['pump']?.allow, 'a copy of a device has its list');
  t.end();
});

t.test('what came of templates, variables and narrow entries comes back, too', (t) => {
  const policy = parsed(`
version: 1
site: { name: Ward, resolvers: [10.0.0.53], variables: { pacs: [{ address: 10.0.0.5 }] } }
templates:
  pump:
    allow:
      - { direction: out, peer: $pacs, protocol: udp, ports: [104], sourcePorts: [104], family: ipv4, why: images }
      - { direction: out, peer: { name: pacs.ward.example }, protocol: tcp, ports: [104], why: images }
devices:
  pump-1: { identity: { macs: ['02:00:00:00:00:01'] }, mode: enforce, template: pump, tags: [icu] }
  pump-2: { identity: { macs: ['02:00:00:00:00:02'] }, mode: enforce, template: pump }
`);
  const packed = packPolicy(policy);
  t.same(
    JSON.parse(JSON.stringify(unpackPolicy(structuredClone(packed), 0))),
    JSON.parse(JSON.stringify(policy)),
  );
  t.equal(packed.rests.length, 2, 'one list for both');
  t.end();
});

t.test('equal entries are kept once', (t) => {
  const packed = packPolicy(parsed(TEXT));
  t.equal(packed.rests.length, 3);
  t.equal(packed.peers.length, 3);
  t.same([...packed.starts], [0, 6, 6, 8]);
  t.end();
});

t.test('a policy without devices', (t) => {
  const policy = parsed('version: 1\nsite: { name: Ward }\n');
  t.same(unpackPolicy(packPolicy(policy), 0).devices, {});
  t.end();
});

t.test('the entries that count are counted without their lists', (t) => {
  const policy = parsed(
    TEXT.replace('why: monitoring', 'why: monitoring, until: 2026-03-01').replace(
      'essential: true, why: images',
      'essential: true, why: images, until: 2026-03-01',
    ),
  );
  const packed = packPolicy(policy);
  for (const endedByMs of [0, Date.parse('2027-01-01')]) {
    const lists = Object.values(unpackPolicy(packed, endedByMs).devices).map(({ allow }) => allow.length);
    t.equal(
      countInForce(packed, endedByMs),
      lists.reduce((sum, length) => sum + length, 0),
    );
  }
  t.equal(countInForce(packed, Date.parse('2027-01-01')), 3, 'an essential one is never ended by a clock');
  t.end();
});
