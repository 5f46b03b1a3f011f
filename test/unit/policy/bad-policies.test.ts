import t from 'tap';
import { parsePolicy } from '../../../agent/policy/parse-policy.js';

const HEAD = 'version: 1\nsite: { name: x }\n';
const MAC = '"02:00:00:00:00:01"';
const device = (body: string): string =>
  `${HEAD}devices:\n  pump-1:\n    identity: { macs: [${MAC}] }\n    mode: enforce\n${body}`;
const entry = (text: string): string => device(`    allow:\n      - ${text}\n`);
const ok = 'direction: out, peer: { address: 10.0.0.1 }, protocol: tcp, ports: [104], why: x';

/** What is wrong, the document, where it is said to be, and a fragment of what is said. */
const BAD: readonly (readonly [string, string, string, RegExp])[] = [
  ['an empty document', '', 'document', /./],
  ['a list', '- a\n- b\n', 'document', /./],
  ['a number', '7', 'document', /./],
  ['text that is not YAML', 'version: 1\n  site: [', 'line', /./],
  ['a tab as indentation', 'version: 1\nsite:\n\tname: x\n', 'line', /./],
  ['a key twice', 'version: 1\nversion: 1\nsite: { name: x }\n', 'line', /./],
  ['two documents', `${HEAD}---\n${HEAD}`, 'line', /./],
  ['no version', 'site: { name: x }\n', 'version', /./],
  ['another version', 'version: 2\nsite: { name: x }\n', 'version', /version 1/],
  ['no site', 'version: 1\n', 'site', /missing/],
  ['an empty site name', 'version: 1\nsite: { name: "" }\n', 'site.name', /./],
  ['an unknown key', `${HEAD}devics: {}\n`, 'devics', /./],
  ['an unknown key of a device', device('    modle: X\n'), 'devices.pump-1.modle', /./],
  [
    'an upper-case device name',
    `${HEAD}devices:\n  Pump: { identity: { macs: [${MAC}] }, mode: enforce }\n`,
    'devices.Pump',
    /lower-case/,
  ],
  ['no identity', `${HEAD}devices:\n  a: { mode: enforce }\n`, 'devices.a.identity', /missing/],
  [
    'no MAC',
    `${HEAD}devices:\n  a: { identity: { macs: [] }, mode: enforce }\n`,
    'devices.a.identity.macs',
    /./,
  ],
  [
    'a bad MAC',
    `${HEAD}devices:\n  a: { identity: { macs: ["02:00"] }, mode: enforce }\n`,
    'devices.a.identity.macs[0]',
    /six pairs/,
  ],
  [
    'a multicast MAC',
    `${HEAD}devices:\n  a: { identity: { macs: ["01:00:5e:00:00:01"] }, mode: enforce }\n`,
    'devices.a.identity.macs[0]',
    /./,
  ],
  [
    'a null MAC',
    `${HEAD}devices:\n  a: { identity: { macs: ["00:00:00:00:00:00"] }, mode: enforce }\n`,
    'devices.a.identity.macs[0]',
    /./,
  ],
  ['no mode', `${HEAD}devices:\n  a: { identity: { macs: [${MAC}] } }\n`, 'devices.a.mode', /./],
  [
    'an unknown mode',
    `${HEAD}devices:\n  a: { identity: { macs: [${MAC}] }, mode: block }\n`,
    'devices.a.mode',
    /./,
  ],
  [
    'a network as an address',
    `${HEAD}devices:\n  a: { identity: { macs: [${MAC}], addresses: [10.0.0.0/24] }, mode: enforce }\n`,
    'devices.a.identity.addresses[0]',
    /network/,
  ],
  [
    'an address above 255',
    entry('{ direction: out, peer: { address: 10.0.0.256 }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /./,
  ],
  [
    'an address with leading zeros',
    entry('{ direction: out, peer: { address: 10.0.0.01 }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /./,
  ],
  [
    'a zone index',
    entry('{ direction: out, peer: { address: "fe80::1%eth0" }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /./,
  ],
  [
    'an IPv4-mapped address',
    entry('{ direction: out, peer: { address: "::ffff:10.0.0.1" }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /./,
  ],
  [
    'host bits in a network',
    entry('{ direction: out, peer: { network: 10.0.0.1/24 }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /host bits/,
  ],
  [
    'a prefix above 32',
    entry('{ direction: out, peer: { network: 10.0.0.0/33 }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /\/32/,
  ],
  [
    'a prefix above 128',
    entry('{ direction: out, peer: { network: "fd00::/129" }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /\/128/,
  ],
  [
    'two kinds of peer',
    entry('{ direction: out, peer: { address: 10.0.0.1, group: a }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /./,
  ],
  [
    'a peer that is a word',
    entry('{ direction: out, peer: pacs, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /./,
  ],
  [
    'a group that is not there',
    entry('{ direction: out, peer: { group: pacs }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /pacs/,
  ],
  [
    'a device that is not there',
    entry('{ direction: out, peer: { device: pump-2 }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /pump-2/,
  ],
  [
    'itself as a peer',
    entry('{ direction: out, peer: { device: pump-1 }, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].peer',
    /./,
  ],
  [
    'no direction',
    entry('{ peer: any, protocol: tcp, ports: [1], why: x }'),
    'devices.pump-1.allow[0].direction',
    /./,
  ],
  [
    'no reason',
    entry('{ direction: out, peer: any, protocol: tcp, ports: [1] }'),
    'devices.pump-1.allow[0].why',
    /missing/,
  ],
  [
    'no ports with tcp',
    entry('{ direction: out, peer: any, protocol: tcp, why: x }'),
    'devices.pump-1.allow[0]',
    /port/,
  ],
  [
    'ports with icmp',
    entry('{ direction: out, peer: any, protocol: icmp, ports: [1], why: x }'),
    'devices.pump-1.allow[0]',
    /port/,
  ],
  [
    'a port above 65535',
    entry('{ direction: out, peer: any, protocol: tcp, ports: [70000], why: x }'),
    'devices.pump-1.allow[0].ports[0]',
    /70000 is above 65535/,
  ],
  [
    'port 0',
    entry('{ direction: out, peer: any, protocol: tcp, ports: [0], why: x }'),
    'devices.pump-1.allow[0].ports[0]',
    /below 1/,
  ],
  [
    'a negative port',
    entry('{ direction: out, peer: any, protocol: tcp, ports: [-1], why: x }'),
    'devices.pump-1.allow[0].ports[0]',
    /./,
  ],
  [
    'a broken port',
    entry('{ direction: out, peer: any, protocol: tcp, ports: [1.5], why: x }'),
    'devices.pump-1.allow[0].ports[0]',
    /./,
  ],
  [
    'a range that ends before it begins',
    entry('{ direction: out, peer: any, protocol: tcp, ports: ["20-10"], why: x }'),
    'devices.pump-1.allow[0].ports[0]',
    /ends before/,
  ],
  [
    'a service name as a port',
    entry('{ direction: out, peer: any, protocol: tcp, ports: [http], why: x }'),
    'devices.pump-1.allow[0].ports[0]',
    /./,
  ],
  [
    'overlapping ports',
    entry('{ direction: out, peer: any, protocol: tcp, ports: ["1-10", 5], why: x }'),
    'devices.pump-1.allow[0].ports',
    /./,
  ],
  [
    'an unknown protocol',
    entry('{ direction: out, peer: any, protocol: http, ports: [80], why: x }'),
    'devices.pump-1.allow[0].protocol',
    /./,
  ],
  [
    'icmp to an IPv6 address',
    entry('{ direction: out, peer: { address: "fd00::1" }, protocol: icmp, why: x }'),
    'devices.pump-1.allow[0]',
    /icmp/,
  ],
  [
    'icmpv6 to an IPv4 address',
    entry('{ direction: out, peer: { address: 10.0.0.1 }, protocol: icmpv6, why: x }'),
    'devices.pump-1.allow[0]',
    /icmp/,
  ],
  [
    'the same entry twice',
    device(`    allow:\n      - { ${ok} }\n      - { ${ok} }\n`),
    'devices.pump-1.allow[1]',
    /./,
  ],
  [
    'a MAC of two devices',
    `${HEAD}devices:\n  a: { identity: { macs: [${MAC}] }, mode: enforce }\n  b: { identity: { macs: [${MAC}] }, mode: enforce }\n`,
    'devices.b.identity.macs[0]',
    /a/,
  ],
  [
    'an address of two devices',
    `${HEAD}devices:\n  a: { identity: { macs: [${MAC}], addresses: [10.0.0.1] }, mode: enforce }\n  b: { identity: { macs: ["02:00:00:00:00:02"], addresses: [10.0.0.1] }, mode: enforce }\n`,
    'devices.b.identity.addresses[0]',
    /a/,
  ],
  [
    'a multicast device address',
    `${HEAD}devices:\n  a: { identity: { macs: [${MAC}], addresses: [224.0.0.1] }, mode: enforce }\n`,
    'devices.a.identity.addresses[0]',
    /./,
  ],
  [
    'a loopback device address',
    `${HEAD}devices:\n  a: { identity: { macs: [${MAC}], addresses: ["::1"] }, mode: enforce }\n`,
    'devices.a.identity.addresses[0]',
    /./,
  ],
  [
    'a date that is none',
    device('    software: { name: x, endOfSupport: 2026-02-30 }\n'),
    'devices.pump-1.software.endOfSupport',
    /./,
  ],
  [
    'an email that is none',
    device('    contacts: [{ role: security, name: x, email: nobody }]\n'),
    'devices.pump-1.contacts[0].email',
    /./,
  ],
  ['an unknown criticality', device('    criticality: vital\n'), 'devices.pump-1.criticality', /./],
  ['a threshold of zero', `${HEAD}detect: { portScan: { ports: 0 } }\n`, 'detect.portScan.ports', /./],
  ['an unknown detector', `${HEAD}detect: { portscan: {} }\n`, 'detect.portscan', /./],
  ['a prototype as a device', `${HEAD}devices:\n  __proto__: { mode: enforce }\n`, 'line 4', /__proto__/],
];

t.test('every invalid policy is refused whole, with the place and the reason', (t) => {
  for (const [what, text, path, fragment] of BAD) {
    const parsed = parsePolicy(text);
    t.equal(parsed.ok, false, `${what} is refused`);
    if (parsed.ok) continue;
    const told = parsed.problems.map(
      (problem) => `${problem.path}: ${problem.message} ${problem.hint ?? ''}`,
    );
    t.ok(
      parsed.problems.some(
        (problem) =>
          problem.path.startsWith(path) && fragment.test(`${problem.message} ${problem.hint ?? ''}`),
      ),
      `${what} is told at ${path}`,
      { told },
    );
  }
  t.ok(BAD.length >= 40, `${BAD.length} invalid policies`);
  t.end();
});

t.test('every problem is told at once, not the first alone', (t) => {
  const parsed = parsePolicy(
    `${HEAD}devices:\n  a: { identity: { macs: ["x"] }, mode: block }\n  b: { mode: enforce }\n`,
  );
  t.equal(parsed.ok, false);
  if (!parsed.ok)
    t.ok(parsed.problems.length >= 3, 'three places are named', { problems: [...parsed.problems] });
  t.end();
});
